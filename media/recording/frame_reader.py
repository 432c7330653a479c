"""Turns a track's packets, as they arrive, into frames: in order, whole, and decodable from the first one.

A frame that lost a packet is dropped, and so are all up to the next keyframe: what is written decodes.
"""

import math
from collections.abc import Iterable

from media.payload.depacketizers import DEPACKETIZERS
from media.payload.picture import DepacketizeError, Depacketizer, Picture
from media.recording.frame import Frame, Wall
from media.recording.reorder import ReorderBuffer
from media.recording.track_clock import TrackClock
from media.recording.wall_clock import WallClock
from media.rtp.run import Run
from media.tracks.source_report import SourceReport

MAX_FRAME_PACKETS = 8192


class FrameReader:
    """One track. `now` is in seconds of a steady clock. Frames begin near the first packet's timestamp."""

    def __init__(self, codec: str, clock_rate: int) -> None:
        kind = DEPACKETIZERS.get(codec)
        self._depacketizer: Depacketizer | None = None if kind is None else kind()
        self._reorder = ReorderBuffer()
        self._clock_rate = clock_rate
        self._clock = TrackClock(clock_rate)
        self._wall = WallClock(clock_rate)
        self._reported: SourceReport | None = None  # the latest one that `_wall` took
        self._partial: list[bytes] = []
        self._partial_timestamp: int
        self._partial_translation: int
        self._synced = False  # whether the next packet is known to begin a frame, or to continue one
        self.wants_keyframe = self._depacketizer is not None

    def push(self, run: Run, now: float) -> list[Frame]:
        """Take a run; returns the frames that it completes."""
        return self._read(self._reorder.push(run, now), now)

    def poll(self, now: float) -> list[Frame]:
        """The frames that have waited long enough for missing packets."""
        return self._read(self._reorder.pop(now), now)

    def close(self, now: float) -> list[Frame]:
        """The last frames, without waiting for missing packets."""
        return self._read(self._reorder.pop(math.inf), now)

    def report(self, report: SourceReport) -> None:
        """Take a sender report of the track."""
        if self._reported is None or self._reported.translation != report.translation:
            self._wall = WallClock(self._clock_rate)
        self._reported = report
        self._wall.report(report.ntp, report.timestamp)

    def _read(self, items: Iterable[Run | None], now: float) -> list[Frame]:
        frames: list[Frame] = []
        for item in items:
            if item is None:  # packets that never came
                if self._depacketizer is not None:
                    self._start_over()
                continue
            packets = zip(item.timestamps(), item.contents(), item.markers(), strict=True)
            if self._depacketizer is None:  # each packet of these codecs is a frame
                frames += [
                    self._frame(timestamp, item.shift, Picture(payload), now)
                    for timestamp, payload, _ in packets
                    if payload
                ]
                continue
            for timestamp, payload, marker in packets:
                if self._partial and timestamp != self._partial_timestamp:
                    self._finish(now, frames)
                if payload:
                    self._synced = self._synced or self._depacketizer.starts(payload)
                    if self._synced:
                        self._partial.append(payload)
                        self._partial_timestamp, self._partial_translation = timestamp, item.shift
                if len(self._partial) > MAX_FRAME_PACKETS:
                    self._start_over()
                if marker:
                    self._finish(now, frames)
                    self._synced = True
        return frames

    def _start_over(self) -> None:
        self._partial = []
        self._synced = False
        self.wants_keyframe = True

    def _finish(self, now: float, frames: list[Frame]) -> None:
        payloads, self._partial = self._partial, []
        if not payloads:
            return
        assert self._depacketizer is not None
        try:
            picture = self._depacketizer.picture(payloads)
        except DepacketizeError:
            self.wants_keyframe = True
            return
        if picture is None:
            return
        if picture.setup is not None:
            self.wants_keyframe = False
        if not self.wants_keyframe:
            frames.append(self._frame(self._partial_timestamp, self._partial_translation, picture, now))

    def _frame(self, timestamp: int, translation: int, picture: Picture, now: float) -> Frame:
        before = self._clock.offset, self._clock.pauses
        placed = self._clock.place(timestamp, now)
        stretch = self._clock.offset, self._clock.pauses
        if stretch != before:  # no report so far is about the timestamps that follow
            self._wall, self._reported = WallClock(self._clock_rate), None
        wall = None
        if self._reported is not None and self._reported.translation == translation:
            seconds = self._wall.seconds(timestamp)
            wall = None if seconds is None else Wall(self._reported.publisher, seconds)
        return Frame(placed, picture.data, picture.setup, picture.order, (translation, *stretch), wall)
