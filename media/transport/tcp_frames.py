"""Datagrams in a TCP stream, each behind its length in two bytes (RFC 4571 2)."""

import sys

from media.transport.address import MAX_DATAGRAM

LENGTH_BYTES = 2


class FrameError(ValueError):
    """The stream has a frame that is longer than any datagram that we accept."""


class FrameReader:
    """Reads one peer's stream. It holds less than one frame."""

    __slots__ = ("_rest", "unread")

    def __init__(self) -> None:
        self._rest = b""
        self.unread = 0  # bytes at the end of what was fed last: it had more frames than were wanted

    def feed(self, data: bytes, most: int = sys.maxsize) -> list[bytes]:
        """The datagrams that `data` completes; empty frames are left out.

        It reads at most `most` frames, one or more, also of empty ones: what is `unread` is to be fed again.

        Raises `FrameError`, as soon as a length says it: nothing can be read behind that.
        """
        if self._rest:
            data = self._rest + data
        datagrams = []
        at, end = 0, len(data)
        self.unread = 0
        while end - at >= LENGTH_BYTES:
            if not most:
                self.unread = end - at
                break
            most -= 1
            body = at + LENGTH_BYTES
            size = data[at] << 8 | data[at + 1]
            if size > MAX_DATAGRAM:
                raise FrameError
            if body + size > end:
                break
            if size:
                datagrams.append(data[body : body + size])
            at = body + size
        self._rest = data[at : end - self.unread]
        return datagrams


def framed(run: bytes | memoryview, size: int) -> bytes:
    """Consecutive datagrams, each of `size` bytes except the last, as they are in the stream."""
    parts: list[bytes | memoryview] = []
    for at in range(0, len(run), size):
        datagram = run[at : at + size]
        parts += (len(datagram).to_bytes(LENGTH_BYTES), datagram)
    return b"".join(parts)
