"""From a recording's file to what it holds, by FFmpeg's demuxers and decoders through PyAV.

Only the process that reads recordings calls this: files may come from anybody, and demuxers have bugs.
"""

import math
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import av
from msgspec.structs import replace

from media.details.contents import Contents
from media.stills.picture import MAX_PIXELS, StillError, pictures_of
from shared.messages.records import MOST_PIXELS, MOST_SECONDS

# The picture is of the last keyframe within these: the first moment is often dark or coarse.
LOOK_SECONDS = 10.0
LOOK_BYTES = 8 << 20
WALK_SECONDS = 2.0  # of CPU, in search of the end of a file that a crash has left without a length

_FORMATS = {
    "ivf": "ivf",
    "ogg": "ogg",
    "h264": "h264",
    "h265": "hevc",
    "webm": "matroska",
    "mkv": "matroska",
    "mp4": "mp4",
}


class MediaFileError(ValueError):
    """The file is no recording of its kind, or is damaged."""


def contents_of(file: BinaryIO, suffix: str, *, with_pictures: bool, whole: bool = True) -> Contents:
    """What it holds; raises `MediaFileError`.

    `suffix` is that of the file's name; not `whole`: it has a hole in what tells its length.
    """
    by_index = not whole and suffix == "mp4"
    options = {"use_mfra_for": "pts"} if by_index else {}  # otherwise the length is that up to the hole
    try:
        with av.open(file, format=_FORMATS[suffix], options=options) as container:
            contents = _contents(container, with_pictures, whole)
            if by_index:
                contents = replace(contents, seconds=_seconds_by_index(container, contents.seconds or 0.0))
            return contents
    except (av.error.FFmpegError, ValueError, OSError, KeyError, MemoryError) as error:
        raise MediaFileError(f"{type(error).__name__}: {error}"[:200]) from error


def _contents(container: Any, with_pictures: bool, whole: bool) -> Contents:
    seconds = container.duration / av.time_base if container.duration else None
    video = next(iter(container.streams.video), None)
    walk = _Walk(container, video)
    if video is not None:
        walk.until(walk.has_looked)
    if seconds is None and whole:
        seconds = walk.to_the_end()
    if video is None:
        return Contents(_bounded(seconds), 0, 0, {})
    width, height = video.codec_context.width, video.codec_context.height
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        return Contents(_bounded(seconds), 0, 0, {})
    # Also without pictures: what FFmpeg says before is the size of the smallest of VP9's spatial layers.
    shown = _shown(video, walk, with_pictures) if width * height <= MAX_PIXELS else None
    if shown is None:
        return Contents(_bounded(seconds), width, height, {})
    frame, pictures = shown
    return Contents(_bounded(seconds), frame.width, frame.height, pictures)


def _seconds_by_index(container: Any, up_to_the_hole: float) -> float | None:
    """The length by the last fragment of an MP4.

    The index leads to that fragment; None without an index, as after a crash.
    """
    container.seek(MOST_SECONDS * av.time_base, backward=True, any_frame=True)
    walk = _Walk(container, None)
    walk.to_the_end()
    return _bounded(walk.end if walk.end > up_to_the_hole else None)


def _bounded(seconds: float | None) -> float | None:
    return seconds if seconds is not None and 0 < seconds <= MOST_SECONDS else None


class _Walk:
    """Goes through the packets of a file, and notes the keyframes at its begin, and how far it goes."""

    def __init__(self, container: Any, video: Any) -> None:
        self._packets = container.demux()
        self._video = video
        self._bytes = 0
        self._first = math.inf
        self.end = -math.inf  # in seconds of the file
        self._at_end = False
        self.keyframes: list[Any] = []  # the first, and the latest

    def has_looked(self) -> bool:
        """Whether it is beyond the begin of the file, where keyframes are looked for."""
        return self._bytes > LOOK_BYTES or self.end - self._first > LOOK_SECONDS

    def until(self, enough: Callable[[], bool]) -> None:
        while not (self._at_end or enough()):
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError:  # cut off in the middle: what came before counts
                packet = None
            if packet is None:
                self._at_end = True
            elif packet.size:
                self._note(packet)

    def to_the_end(self) -> float | None:
        """The seconds of the whole file; None if it has no times, or takes too long."""
        began = time.process_time()
        self.until(lambda: time.process_time() - began > WALK_SECONDS)
        return self.end - self._first if self._at_end and self.end > self._first else None

    def _note(self, packet: Any) -> None:
        self._bytes += packet.size
        if packet.pts is not None and packet.time_base:
            at = float(packet.pts * packet.time_base)
            self._first = min(self._first, at)
            self.end = max(self.end, at + float((packet.duration or 0) * packet.time_base))
        if self._video is None or packet.stream.index != self._video.index or self.has_looked():
            return
        if packet.is_keyframe:
            self.keyframes = [*self.keyframes[:1], packet]


def _shown(video: Any, walk: _Walk, with_pictures: bool) -> tuple[av.VideoFrame, dict[int, bytes]] | None:
    """The latest keyframe that can be decoded, and the pictures of it; None if none can."""
    decoder = video.codec_context
    decoder.thread_count = 1
    for keyframe in reversed(walk.keyframes):
        try:
            frames = decoder.decode(keyframe) or decoder.decode(None)
            decoder.flush_buffers()
            if frames and not frames[-1].is_corrupt:  # the last one, as in a room's still picture
                return frames[-1], pictures_of(frames[-1]) if with_pictures else {}
        except (av.error.FFmpegError, StillError):
            decoder.flush_buffers()
    return None
