"""What H.264 and H.265 share: NAL units in RTP payloads, as a byte stream (Annex B), and the cropped size."""

from collections.abc import Iterator, Sequence

from media.payload.bits import BitReader
from media.payload.picture import DepacketizeError

START_CODE = b"\x00\x00\x00\x01"
MAX_SETS_BYTES = 2_048  # parameter sets of a stream: they are put before each keyframe, however small that is
_MAX_SIDE = 16_384  # pixels
_HEADER_BYTES = 512  # of a unit: the fields that are read here lie within


def aggregated(payload: bytes, at: int) -> Iterator[bytes]:
    """The units from `at` on, each behind its size of 16 bits; hostile ones may be empty.

    In a STAP-A they begin at 1 (RFC 6184 5.7.1), in an AP at 2 (RFC 7798 4.4.2).
    """
    while at < len(payload):
        start = at + 2
        at = start + int.from_bytes(payload[at:start])
        if at > len(payload):
            raise DepacketizeError("aggregated unit is cut")
        yield payload[start:at]


class Fragments:
    """Joins fragmented units, and keeps them in order with the whole ones."""

    def __init__(self) -> None:
        self.units: list[bytes] = []
        self._parts: list[bytes] = []

    def whole(self, unit: bytes) -> None:
        if self._parts:
            raise DepacketizeError("fragmented unit is cut")
        if unit:
            self.units.append(unit)

    def part(self, header: bytes, body: bytes, *, first: bool, last: bool) -> None:
        """`header` is the unit's own, rebuilt from the fragment's."""
        if first == bool(self._parts):
            raise DepacketizeError("fragments do not fit")
        self._parts += [header, body] if first else [body]
        if last:
            self.units.append(b"".join(self._parts))
            self._parts = []

    def finished(self) -> list[bytes]:
        if self._parts:
            raise DepacketizeError("fragmented unit is cut")
        return self.units


def byte_stream(units: Sequence[bytes]) -> bytes:
    return b"".join([part for unit in units for part in (START_CODE, unit)])


def small(sets: Sequence[bytes]) -> Sequence[bytes]:
    """`sets`, unless they are larger than those of any real stream: then raises `DepacketizeError`."""
    if sum(map(len, sets)) > MAX_SETS_BYTES:
        raise DepacketizeError("parameter sets are too large")
    return sets


def without_emulation(unit: bytes) -> bytes:
    """The first bytes of a unit without the escapes that keep start codes out of it (H.264 7.4.1.1)."""
    return unit[:_HEADER_BYTES].replace(b"\x00\x00\x03", b"\x00\x00")


def cropped(
    reader: BitReader, width: int, height: int, chroma: int, separate: bool, field_rows: int = 1
) -> tuple[int, int]:
    """The size that is shown, by the cropping fields that come next (H.264 7.4.2.1.1, H.265 7.4.3.2.1).

    `chroma` is chroma_format_idc, `separate` is separate_colour_plane_flag; with `field_rows` 2 the rows are
    counted in fields.
    """
    if reader.flag():
        unit_x = 2 if chroma in (1, 2) and not separate else 1
        unit_y = (2 if chroma == 1 and not separate else 1) * field_rows
        left, right, top, bottom = (reader.ue() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise DepacketizeError("no size")
    return width, height
