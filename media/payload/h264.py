"""H.264: RTP payloads (RFC 6184) to access units as a byte stream; and whether it has B-frames."""

from media.payload.bits import BitReader
from media.payload.h264_order import PictureOrder, SequenceParameters, sequence_parameters
from media.payload.nal_units import Fragments, aggregated, byte_stream, small, without_emulation
from media.payload.picture import DepacketizeError, Order, Picture, Setup

_NON_IDR, _IDR, _SPS, _PPS, _DELIMITER = 1, 5, 7, 8, 9  # H.264 table 7-1
_STAP_A, _FU_A = 24, 28
_FU_START, _FU_END = 0x80, 0x40
_STARTS = frozenset({_IDR, _SPS})
_SLICES = frozenset(range(1, 6))
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
    """Width and height in a payload with a sequence parameter set, also in an aggregate; None without."""
    whole = (payload,) if payload[0] & 0x1F != _STAP_A else aggregated(payload, 1)
    sps = next((unit for unit in whole if unit and unit[0] & 0x1F == _SPS), None)
    return None if sps is None else sequence_parameters(sps)[:2]


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
    """Whether slice_type says B: 1 or 6, behind first_mb_in_slice (H.264 7.3.3, table 7-6)."""
    reader = BitReader(without_emulation(slice_header[:_SLICE_HEADER_BYTES]))
    reader.ue()
    return reader.ue() in (1, 6)


class H264Depacketizer:
    """Remembers parameter sets: a publisher may send them once, apart from the pictures."""

    def __init__(self) -> None:
        self._sets: dict[tuple[int, bytes], bytes] = {}
        self._parameters: SequenceParameters | None = None
        self._order = PictureOrder()

    def starts(self, payload: bytes) -> bool:
        if len(payload) < 4:
            return False
        first = payload[3] if payload[0] & 0x1F == _STAP_A else payload[0]
        return first & 0x1F in (_SPS, _DELIMITER)

    def picture(self, payloads: list[bytes]) -> Picture | None:
        units = _units(payloads)
        kinds = {unit[0] & 0x1F for unit in units}
        if kinds >= {_SPS, _PPS}:  # all that it needs: some encoders count their ids up with each keyframe
            self._sets.clear()
        for unit in units:
            self._remember(unit)
        if kinds.isdisjoint(_SLICES):
            return None
        # A publisher with open groups of pictures sends no IDR, but parameter sets where a decoder may begin.
        if kinds.isdisjoint(_STARTS):
            return Picture(byte_stream(units), None, self._order_of(units))
        sets = small([unit for (kind, _), unit in sorted(self._sets.items()) if kind in (_SPS, _PPS)])
        if not {kind for kind, _ in self._sets} >= {_SPS, _PPS}:
            return None
        rest = [unit for unit in units if unit[0] & 0x1F not in (_SPS, _PPS)]
        delimiter = [unit for unit in rest if unit[0] & 0x1F == _DELIMITER]
        pictures = [unit for unit in rest if unit[0] & 0x1F != _DELIMITER]
        self._parameters = sequence_parameters(sets[0])
        return Picture(
            byte_stream([*delimiter, *sets, *pictures]),
            Setup(self._parameters.width, self._parameters.height, b"".join(map(_without_ids, sets))),
            self._order_of(units),
        )

    def _order_of(self, units: list[bytes]) -> Order | None:
        if self._parameters is None:
            return None
        first = next(unit for unit in units if unit[0] & 0x1F in _SLICES)
        try:
            return self._order.order(first, self._parameters)
        except DepacketizeError:
            return None  # a decoder may know better what to do with it

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


def _without_ids(parameters: bytes) -> bytes:
    """What a parameter set says, but for its id and the one that it refers to (H.264 7.3.2.1, 7.3.2.2)."""
    kind = parameters[0] & 0x1F
    unescaped = without_emulation(parameters)
    reader = BitReader(unescaped[4 if kind == _SPS else 1 :])
    for _ in range(1 if kind == _SPS else 2):
        reader.ue()
    return bytes((kind,)) + (unescaped[1:4] if kind == _SPS else b"") + reader.rest()


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
