"""What is in a recorded file, as FFmpeg decodes it: how long it is, where it flashes and beeps."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy

LIT = 160  # brightness of a flash, of 255
LOUD = 0.1  # of full scale


@dataclass
class Recorded:
    """Seconds are the file's own. `seconds` of a raw byte stream are 0: it has no times."""

    seconds: float = 0.0
    declared_seconds: float = 0.0  # from the file's header, 0 where it has none
    codecs: list[str] = field(default_factory=list)
    frames: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list)  # of pictures, each change
    starts: dict[str, float] = field(default_factory=dict)  # kind -> first time
    ends: dict[str, float] = field(default_factory=dict)
    flashes: list[float] = field(default_factory=list)
    beeps: list[float] = field(default_factory=list)
    longest_gap: float = 0.0  # between pictures

    def worst_offset(self) -> float:
        """The largest time between a flash and the beep nearest to it."""
        assert self.flashes
        assert self.beeps
        return max(min(abs(flash - beep) for beep in self.beeps) for flash in self.flashes)


def read(path: Path) -> Recorded:
    """Decode all of a file; any error of a decoder or demuxer is raised."""
    found = Recorded()
    lit = loud = False
    latest: dict[str, float] = {}
    with av.open(str(path), options={"err_detect": "explode"}) as container:
        found.declared_seconds = (container.duration or 0) / 1_000_000
        found.codecs = sorted(stream.codec_context.name for stream in container.streams)
        for frame in container.decode():
            frame_: Any = frame
            kind = "video" if isinstance(frame, av.VideoFrame) else "audio"
            at = frame_.time if frame_.time is not None else 0.0
            length = 0.0
            if isinstance(frame, av.VideoFrame):
                found.frames += 1
                if not found.sizes or found.sizes[-1] != (frame.width, frame.height):
                    found.sizes.append((frame.width, frame.height))
                was, lit = lit, _brightness(frame) > LIT
                if lit and not was:
                    found.flashes.append(at)
                if kind in latest:
                    found.longest_gap = max(found.longest_gap, at - latest[kind])
            else:
                samples = _samples(frame_)
                length = len(samples) / frame_.sample_rate
                for number, slice_ in enumerate(numpy.array_split(abs(samples), 10)):
                    was, loud = loud, bool(slice_.max(initial=0) > LOUD)
                    start = at + number * length / 10
                    if loud and not was and (not found.beeps or start - found.beeps[-1] > 0.3):
                        found.beeps.append(start)
            found.starts.setdefault(kind, at)
            latest[kind] = at
            found.ends[kind] = at + length
    found.seconds = max(found.ends.values(), default=0.0) - min(found.starts.values(), default=0.0)
    return found


def reads_without_a_word(path: Path) -> None:
    """`ffprobe` and `ffmpeg -f null` of the system find no fault in the file.

    ffmpeg is told to keep the file's time base: left alone it counts pictures in 1/(average rate), and two
    that a camera took close together fall on one number. And not to scale all pictures to the size of the
    first one.
    """
    as_it_is = ["-enc_time_base", "demux", "-noautoscale"]
    for command in (
        ["ffprobe", "-v", "warning", "-show_format", "-show_streams", str(path)],
        ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), *as_it_is, "-f", "null", "-"],
    ):
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, (command, result.stderr)
        assert not result.stderr, (command, result.stderr)


def _brightness(frame: av.VideoFrame) -> float:
    plane = frame.planes[0]
    picture = numpy.frombuffer(plane, numpy.uint8).reshape(-1, plane.line_size)[:, : plane.width]
    return float(picture[::8, ::8].mean())


def _samples(frame: Any) -> Any:
    """The first channel, of full scale 1."""
    data = frame.to_ndarray()
    scale = 1.0 if data.dtype.kind == "f" else float(numpy.iinfo(data.dtype).max)
    channels = frame.layout.nb_channels
    first = data[0] if frame.format.is_planar else data.reshape(-1, channels)[:, 0]
    return first / scale
