"""What H.264 and H.265 have in common: NAL units in packets, and as a byte stream (Annex B of both)."""

from collections.abc import Iterator, Sequence

from media.recording.frame import DepacketizeError

START_CODE = b"\x00\x00\x00\x01"


def byte_stream(units: Sequence[bytes]) -> bytes:
    return b"".join([part for unit in units for part in (START_CODE, unit)])


def aggregated(payload: bytes, at: int) -> Iterator[bytes]:
    """The units of an aggregation packet, each behind its size in 16 bits, from offset `at` on."""
    while at < len(payload):
        end = at + 2 + int.from_bytes(payload[at : at + 2])
        if end > len(payload):
            raise DepacketizeError("aggregated unit is cut")
        if end > at + 2:
            yield payload[at + 2 : end]
        at = end


class Fragments:
    """Puts fragmented units together, and keeps whole ones in order."""

    def __init__(self) -> None:
        self.units: list[bytes] = []
        self._parts: list[bytes] = []

    def whole(self, unit: bytes) -> None:
        if self._parts:
            raise DepacketizeError("fragmented unit is cut")
        self.units.append(unit)

    def part(self, header: bytes, body: bytes, *, first: bool, last: bool) -> None:
        """`header` is the unit's own, put together from the fragment's."""
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


def without_emulation(unit: bytes) -> bytes:
    """The raw payload of a unit's first bytes (H.264 7.4.1.1)."""
    return unit[:512].replace(b"\x00\x00\x03", b"\x00\x00")
