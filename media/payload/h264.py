"""H.264: RTP payloads (RFC 6184) to access units as a byte stream; and whether it has B-frames."""

from media.payload.bits import BitReader
from media.payload.nal_units import Fragments, aggregated, byte_stream, cropped, small, without_emulation
from media.payload.picture import DepacketizeError, Picture, Setup

_NON_IDR, _IDR, _SPS, _PPS, _DELIMITER = 1, 5, 7, 8, 9  # H.264 table 7-1
_STAP_A, _FU_A = 24, 28
_FU_START, _FU_END = 0x80, 0x40
_STARTS = frozenset({_IDR, _SPS})
_SLICES = frozenset(range(1, 6))
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_SETS = 32
_SLICE_HEADER_BYTES = 12  # hold the first two numbers of any slice


def starts_keyframe(payload: bytes) -> bool:
    """RFC 6184 5.6, 5.7.1, 5.8."""
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        return payload[1] & _FU_START != 0 and payload[1] & 0x1F in _STARTS
    if kind == _STAP_A:
        return any(unit[0] & 0x1F in _STARTS for unit in aggregated(payload, 1))
    return kind in _STARTS


def picture_size(payload: bytes) -> tuple[int, int] | None:
    """Of a payload with a sequence parameter set, whole or in an aggregate; None without one."""
    whole = (payload,) if payload[0] & 0x1F != _STAP_A else aggregated(payload, 1)
    sps = next((unit for unit in whole if unit and unit[0] & 0x1F == _SPS), None)
    return None if sps is None else _size(sps)


def has_b_frames(payload: bytes) -> bool:
    """Whether a B slice starts in `payload`; False for one that is cut. Browsers do not show B-frames."""
    try:
        kind = payload[0] & 0x1F
        if kind == _NON_IDR:
            return _is_b_slice(payload[1:])
        if kind == _FU_A:
            return payload[1] & 0x9F == _FU_START | _NON_IDR and _is_b_slice(payload[2:])
        units = aggregated(payload, 1) if kind == _STAP_A else ()
        return any(unit[0] & 0x1F == _NON_IDR and _is_b_slice(unit[1:]) for unit in units)
    except (IndexError, DepacketizeError):
        return False


def _is_b_slice(slice_header: bytes) -> bool:
    """By slice_type, which comes after first_mb_in_slice (H.264 7.3.3): 1 and 6 are B (table 7-6)."""
    reader = BitReader(without_emulation(slice_header[:_SLICE_HEADER_BYTES]))
    reader.ue()
    return reader.ue() in (1, 6)


class H264Depacketizer:
    """Remembers parameter sets: a publisher may send them once, apart from the pictures."""

    def __init__(self) -> None:
        self._sets: dict[tuple[int, bytes], bytes] = {}

    def starts(self, payload: bytes) -> bool:
        if len(payload) < 4:
            return False
        first = payload[3] if payload[0] & 0x1F == _STAP_A else payload[0]
        return first & 0x1F in (_SPS, _DELIMITER)

    def picture(self, payloads: list[bytes]) -> Picture | None:
        units = _units(payloads)
        kinds = {unit[0] & 0x1F for unit in units}
        for unit in units:
            self._remember(unit)
        if kinds.isdisjoint(_SLICES):
            return None
        # A publisher with open groups of pictures sends no IDR, but parameter sets where a decoder may begin.
        if kinds.isdisjoint(_STARTS):
            return Picture(byte_stream(units))
        sets = small([unit for (kind, _), unit in sorted(self._sets.items()) if kind in (_SPS, _PPS)])
        if not {kind for kind, _ in self._sets} >= {_SPS, _PPS}:
            return None
        rest = [unit for unit in units if unit[0] & 0x1F not in (_SPS, _PPS)]
        delimiter = [unit for unit in rest if unit[0] & 0x1F == _DELIMITER]
        pictures = [unit for unit in rest if unit[0] & 0x1F != _DELIMITER]
        width, height = _size(sets[0])
        return Picture(byte_stream([*delimiter, *sets, *pictures]), Setup(width, height, byte_stream(sets)))

    def _remember(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind not in (_SPS, _PPS) or len(unit) < 4:
            return
        small([unit])
        reader = BitReader(without_emulation(unit)[4 if kind == _SPS else 1 :])
        number = reader.ue().to_bytes(8)
        if kind == _SPS and self._sets.get((kind, number), unit) != unit:
            self._sets.clear()  # the picture parameter sets refer to it, and are sent again
        if len(self._sets) < _MAX_SETS:
            self._sets[kind, number] = unit


def _units(payloads: list[bytes]) -> list[bytes]:
    """RFC 6184 5.6, 5.7.1 and 5.8."""
    fragments = Fragments()
    for payload in payloads:
        if not payload:
            continue
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            fragments.whole(payload)
        elif kind == _STAP_A:
            for unit in aggregated(payload, 1):
                fragments.whole(unit)
        elif kind == _FU_A:
            if len(payload) < 3:
                raise DepacketizeError("fragment is cut")
            header = bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            first, last = payload[1] & _FU_START != 0, payload[1] & _FU_END != 0
            fragments.part(header, payload[2:], first=first, last=last)
        else:
            raise DepacketizeError("interleaved packets were not negotiated")
    return fragments.finished()


def _size(sps: bytes) -> tuple[int, int]:
    """Width and height of a sequence parameter set, cropped (H.264 7.3.2.1.1)."""
    reader = BitReader(without_emulation(sps)[1:])
    profile = reader.read(8)
    reader.read(16)
    reader.ue()
    chroma = 1
    separate = False
    if profile in _WITH_CHROMA:
        chroma = reader.ue()
        separate = chroma == 3 and reader.flag()
        reader.ue()
        reader.ue()
        reader.read(1)
        if reader.flag():
            for number in range(8 if chroma != 3 else 12):
                if reader.flag():
                    _skip_scaling_list(reader, 16 if number < 6 else 64)
    reader.ue()
    order = reader.ue()
    if order == 0:
        reader.ue()
    elif order == 1:
        reader.read(1)
        reader.se()
        reader.se()
        for _ in range(min(reader.ue(), 256)):
            reader.se()
    reader.ue()
    reader.read(1)
    width, height = (reader.ue() + 1) * 16, (reader.ue() + 1) * 16
    field_rows = 1 if reader.flag() else 2  # frame_mbs_only_flag
    if field_rows == 2:
        reader.read(1)
    reader.read(1)
    return cropped(reader, width, height * field_rows, chroma, separate, field_rows)


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last
