"""H.264: RTP payloads (RFC 6184) to access units as a byte stream."""

from media.recording.bits import BitReader
from media.recording.codecs.annexb import Fragments, aggregated, byte_stream, without_emulation
from media.recording.frame import DepacketizeError, Picture, Setup

_IDR, _SPS, _PPS, _DELIMITER = 5, 7, 8, 9
_STAP_A, _FU_A = 24, 28
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_SETS = 32


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
        if not kinds & set(range(1, 6)):  # no slice
            return None
        # A publisher of open groups of pictures sends no IDR, but its parameter sets where one may join.
        if not kinds & {_IDR, _SPS}:
            return Picture(byte_stream(units))
        sets = [unit for (kind, _), unit in sorted(self._sets.items()) if kind in (_SPS, _PPS)]
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
        reader = BitReader(without_emulation(unit)[4 if kind == _SPS else 1 :])
        number = reader.ue().to_bytes(8)
        if kind == _SPS and self._sets.get((kind, number), unit) != unit:
            self._sets.clear()  # picture parameter sets refer to it, and are sent anew
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
            fragments.part(header, payload[2:], first=bool(payload[1] & 0x80), last=bool(payload[1] & 0x40))
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
    width, height = (reader.ue() + 1) * 16, reader.ue() + 1
    frames_only = reader.flag()
    height *= 16 if frames_only else 32
    if not frames_only:
        reader.read(1)
    reader.read(1)
    if reader.flag():
        unit_x = 2 if chroma in (1, 2) and not separate else 1
        unit_y = (2 if chroma == 1 and not separate else 1) * (1 if frames_only else 2)
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    return _checked(width, height)


def _checked(width: int, height: int) -> tuple[int, int]:
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise DepacketizeError("no size")
    return width, height


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last
