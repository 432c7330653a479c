"""The format of one track's file: its header, its frames, and its end."""

import secrets
from typing import Protocol

from media.payload.nal_units import START_CODE
from media.recording import ivf, ogg_opus
from media.recording.frame import Frame

SUFFIXES = {"VP8": "ivf", "VP9": "ivf", "AV1": "ivf", "H264": "h264", "H265": "h265", "opus": "ogg"}

_SERIAL_BITS = 32  # of a stream in Ogg


class TrackForm(Protocol):
    """The bytes of one file. The first frame of video is a keyframe."""

    def frame(self, frame: Frame) -> bytes:
        """The bytes to append for a frame, with the header before the first one."""

    def flush(self) -> bytes:
        """The bytes held back so far."""

    def end(self) -> bytes:
        """The last bytes."""

    def patch(self) -> tuple[int, bytes] | None:
        """An offset, and the bytes that replace those already written there."""


def track_form(codec: str, clock_rate: int) -> TrackForm:
    """The format for a codec of `SUFFIXES`."""
    if codec == "opus":
        return _Ogg()
    return _Ivf(codec, clock_rate) if codec in ivf.FOURCC else _ByteStream()


class _Ivf:
    def __init__(self, codec: str, clock_rate: int) -> None:
        self._codec = codec
        self._clock_rate = clock_rate
        self._first: int
        self._latest = -1
        self._count = 0

    def frame(self, frame: Frame) -> bytes:
        head = b""
        if not self._count:
            assert frame.setup is not None
            head = ivf.header(self._codec, frame.setup.width, frame.setup.height, self._clock_rate)
            self._first = frame.timestamp
        self._count += 1
        self._latest = max(self._latest + 1, frame.timestamp - self._first)
        return head + ivf.frame(self._latest, frame.data)

    def flush(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def patch(self) -> tuple[int, bytes] | None:
        between = self._latest // max(1, self._count - 1)
        return ivf.LENGTH_OFFSET, ivf.length(self._latest + between)


class _Ogg:
    def __init__(self) -> None:
        self._stream = ogg_opus.OggOpus(secrets.randbits(_SERIAL_BITS))
        self._head = self._stream.head()

    def frame(self, frame: Frame) -> bytes:
        head, self._head = self._head, b""
        return head + self._stream.packet(frame.timestamp, frame.data)

    def flush(self) -> bytes:
        return self._stream.flush()

    def end(self) -> bytes:
        return self._stream.flush(last=True)

    def patch(self) -> tuple[int, bytes] | None:
        return None


class _ByteStream:
    def frame(self, frame: Frame) -> bytes:
        assert frame.data.startswith(START_CODE)
        return frame.data

    def flush(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def patch(self) -> tuple[int, bytes] | None:
        return None
