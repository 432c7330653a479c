"""The format of one track's file: its header, its frames, and its end."""

import secrets
import struct
from abc import ABC, abstractmethod

from media.payload.nal_units import START_CODE
from media.recording.frame import Frame
from media.recording.ogg_opus import OggOpus

SUFFIXES = {"VP8": "ivf", "VP9": "ivf", "AV1": "ivf", "H264": "h264", "H265": "h265", "opus": "ogg"}

_FOURCC = {"VP8": b"VP80", "VP9": b"VP90", "AV1": b"AV01"}
_IVF_HEADER = struct.Struct("<4sHH4sHHIIII")
_IVF_FRAME = struct.Struct("<IQ")
_IVF_LENGTH_OFFSET = 24
_SERIAL_BITS = 32  # of a stream in Ogg


class TrackForm(ABC):
    """The bytes of one file. The first frame of video is a keyframe."""

    @abstractmethod
    def frame(self, frame: Frame) -> bytes:
        """The bytes to append for a frame, with the header before the first one."""

    def flush(self) -> bytes:
        """The bytes held back so far."""
        return b""

    def end(self) -> bytes:
        """The last bytes."""
        return b""

    def patch(self) -> tuple[int, bytes] | None:
        """An offset, and the bytes that replace those already written there."""
        return None


def track_form(codec: str, clock_rate: int) -> TrackForm:
    """The format for a codec of `SUFFIXES`."""
    if codec == "opus":
        return _Ogg()
    return _Ivf(codec, clock_rate) if codec in _FOURCC else _ByteStream()


class _Ivf(TrackForm):
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
            head = _IVF_HEADER.pack(
                b"DKIF",
                0,
                _IVF_HEADER.size,
                _FOURCC[self._codec],
                frame.setup.width,
                frame.setup.height,
                self._clock_rate,
                1,
                0,  # the length, which is not known yet
                0,
            )
            self._first = frame.timestamp
        self._count += 1
        self._latest = max(self._latest + 1, frame.timestamp - self._first)
        return head + _IVF_FRAME.pack(len(frame.data), self._latest) + frame.data

    def patch(self) -> tuple[int, bytes] | None:
        """The length: FFmpeg reads and writes it in ticks, not in frames."""
        ticks = self._latest + self._latest // max(1, self._count - 1)
        return _IVF_LENGTH_OFFSET, struct.pack("<I", ticks & 0xFFFFFFFF)


class _Ogg(TrackForm):
    def __init__(self) -> None:
        self._stream = OggOpus(secrets.randbits(_SERIAL_BITS))
        self._head = self._stream.head()

    def frame(self, frame: Frame) -> bytes:
        head, self._head = self._head, b""
        return head + self._stream.packet(frame.timestamp, frame.data)

    def flush(self) -> bytes:
        return self._stream.flush()

    def end(self) -> bytes:
        return self._stream.flush(last=True)


class _ByteStream(TrackForm):
    def frame(self, frame: Frame) -> bytes:
        assert frame.data.startswith(START_CODE)
        return frame.data
