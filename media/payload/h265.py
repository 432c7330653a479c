"""H.265: RTP payloads (RFC 7798) to access units as a byte stream."""

from media.payload.bits import BitReader
from media.payload.nal_units import Fragments, aggregated, byte_stream, cropped, small, without_emulation
from media.payload.picture import DepacketizeError, Picture, Setup

_VPS, _SPS, _PPS, _DELIMITER = 32, 33, 34, 35  # H.265 table 7-1
_SETS = (_VPS, _SPS, _PPS)
_RANDOM_ACCESS = frozenset(range(16, 24))  # pictures that a decoder may begin with
_STARTS = _RANDOM_ACCESS | {_VPS, _SPS}
_AGGREGATION, _FRAGMENT = 48, 49
_FU_START, _FU_END = 0x80, 0x40


def starts_keyframe(payload: bytes) -> bool:
    """RFC 7798 4.4.1 to 4.4.3."""
    kind = payload[0] >> 1 & 0x3F
    if kind == _FRAGMENT:
        return payload[2] & _FU_START != 0 and payload[2] & 0x3F in _STARTS
    if kind == _AGGREGATION:
        return any(_kind(unit) in _STARTS for unit in aggregated(payload, 2))
    return kind in _STARTS


def picture_size(payload: bytes) -> tuple[int, int] | None:
    """Width and height in a payload with a sequence parameter set, also in an aggregate; None without."""
    whole = (payload,) if _kind(payload) != _AGGREGATION else aggregated(payload, 2)
    sps = next((unit for unit in whole if unit and _kind(unit) == _SPS), None)
    return None if sps is None else _size(sps)


def temporal_layer(payload: bytes) -> int:
    """The layer in the payload's header, which fragments and aggregations have, too (RFC 7798 1.1.4, 4.4)."""
    return max((payload[1] & 0x07) - 1, 0)


class H265Depacketizer:
    """Remembers parameter sets: a publisher may send them once, apart from the pictures."""

    def __init__(self) -> None:
        self._sets: dict[int, bytes] = {}  # encoders of live video send one of each kind

    def starts(self, payload: bytes) -> bool:
        if len(payload) < 6:
            return False
        return _kind(payload[4:] if _kind(payload) == _AGGREGATION else payload) in (_VPS, _SPS, _DELIMITER)

    def picture(self, payloads: list[bytes]) -> Picture | None:
        units = _units(payloads)
        kinds = {_kind(unit) for unit in units}
        self._sets |= {_kind(unit): unit for unit in small([one for one in units if _kind(one) in _SETS])}
        if not any(kind < 32 for kind in kinds):  # no slice
            return None
        if kinds.isdisjoint(_RANDOM_ACCESS):
            return Picture(byte_stream(units))
        if len(self._sets) < len(_SETS):
            return None
        sets = small([self._sets[kind] for kind in _SETS])
        delimiter = [unit for unit in units if _kind(unit) == _DELIMITER]
        pictures = [unit for unit in units if _kind(unit) not in (*_SETS, _DELIMITER)]
        width, height = _size(self._sets[_SPS])
        return Picture(byte_stream([*delimiter, *sets, *pictures]), Setup(width, height, byte_stream(sets)))


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _units(payloads: list[bytes]) -> list[bytes]:
    """RFC 7798 4.4, without DONL: no interleaving was negotiated."""
    fragments = Fragments()
    for payload in payloads:
        if not payload:
            continue
        if len(payload) < 3:
            raise DepacketizeError("unit is cut")
        kind = _kind(payload)
        if kind == _AGGREGATION:
            for unit in aggregated(payload, 2):
                if len(unit) == 1:
                    raise DepacketizeError("unit is cut")
                fragments.whole(unit)
        elif kind == _FRAGMENT:
            header = bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]))
            first, last = payload[2] & _FU_START != 0, payload[2] & _FU_END != 0
            fragments.part(header, payload[3:], first=first, last=last)
        elif kind < _AGGREGATION:
            fragments.whole(payload)
        else:
            raise DepacketizeError("packets of an unknown kind")
    return fragments.finished()


def _size(sps: bytes) -> tuple[int, int]:
    """Width and height of a sequence parameter set, cropped (H.265 7.3.2.2.1)."""
    reader = BitReader(without_emulation(sps)[2:])
    reader.read(4)
    sub_layers = reader.read(3)
    reader.read(1)
    reader.read(96)  # profile_tier_level (7.3.3)
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.read(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.read(88 * has_profile + 8 * has_level)
    reader.ue()
    chroma = reader.ue()
    separate = chroma == 3 and reader.flag()
    width, height = reader.ue(), reader.ue()
    return cropped(reader, width, height, chroma, separate)
