"""When numbered packets came, by their receiver (draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

MOST_PACKETS = 64  # that one report may tell of: two octets can claim 8,191, and each costs time
_HEAD = struct.Struct("!HHI")
_CHUNK = struct.Struct("!H")
_SMALL_DELTA, _LARGE_DELTA = struct.Struct("!B"), struct.Struct("!h")
_LOST, _SMALL, _LARGE = 0, 1, 2
_REFERENCE_SECONDS, _DELTA_SECONDS = 0.064, 0.00025


class PacketArrivals(NamedTuple):
    """`first` is the number of the first packet that this tells of, modulo 2**16.

    `times` has one entry for each of them: seconds of the receiver's clock; None: it has not come.
    """

    sender_ssrc: int
    media_ssrc: int
    first: int
    times: tuple[float | None, ...]


def parse_arrivals(sender_ssrc: int, media_ssrc: int, body: bytes) -> PacketArrivals | None:
    """What stands behind the two SSRCs; None if it tells of too many packets.

    Raises `struct.error` where it is cut off.
    """
    first, count, packed = _HEAD.unpack_from(body)
    if count > MOST_PACKETS:
        return None
    at = _HEAD.size
    symbols: list[int] = []
    while len(symbols) < count:
        (chunk,) = _CHUNK.unpack_from(body, at)
        at += _CHUNK.size
        symbols += _symbols(chunk, count - len(symbols))
    times: list[float | None] = []
    time = (packed >> 8) * _REFERENCE_SECONDS
    for symbol in symbols:
        if symbol not in (_SMALL, _LARGE):
            times.append(None)
            continue
        delta = _SMALL_DELTA if symbol == _SMALL else _LARGE_DELTA
        time += delta.unpack_from(body, at)[0] * _DELTA_SECONDS
        at += delta.size
        times.append(time)
    return PacketArrivals(sender_ssrc, media_ssrc, first, tuple(times))


def _symbols(chunk: int, most: int) -> Iterator[int]:
    """Those of one chunk, `most` at most: a run (3.1.3), or a vector of 14 bits or of 7 pairs (3.1.4)."""
    if not chunk & 0x8000:
        yield from (chunk >> 13 & 3,) * min(chunk & 0x1FFF, most)
    elif chunk & 0x4000:
        yield from [chunk >> shift & 3 for shift in range(12, -1, -2)][:most]
    else:
        yield from [chunk >> shift & 1 for shift in range(13, -1, -1)][:most]
