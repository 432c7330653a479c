"""IVF, the file format of VP8, VP9 and AV1 streams: its header and frames as bytes."""

import struct

FOURCC = {"VP8": b"VP80", "VP9": b"VP90", "AV1": b"AV01"}
LENGTH_OFFSET = 24

_HEADER = struct.Struct("<4sHH4sHHIIII")
_FRAME = struct.Struct("<IQ")


def header(codec: str, width: int, height: int, clock_rate: int) -> bytes:
    """Timestamps count 1/`clock_rate` s. The length is not known yet."""
    return _HEADER.pack(b"DKIF", 0, _HEADER.size, FOURCC[codec], width, height, clock_rate, 1, 0, 0)


def frame(timestamp: int, data: bytes) -> bytes:
    return _FRAME.pack(len(data), timestamp) + data


def length(ticks: int) -> bytes:
    """The bytes at `LENGTH_OFFSET`: FFmpeg reads and writes the length there in ticks, not in frames."""
    return struct.pack("<I", ticks & 0xFFFFFFFF)
