"""One track of a recording: of a picture in layers always the best that comes, as if it were the only one.

A publisher whose uplink is narrow drops its best layer, or leaves it a few pictures a second. The recording
then goes on with the next one, and returns with the first keyframe of the better one.
"""

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace

from media.recording.frame import Frame
from media.recording.frame_reader import FrameReader
from media.rtp.run import Run
from media.tracks.source_report import SourceReport

SILENT_SECONDS = 2.0  # then a layer has stopped; browsers show a still screen once a second
MOST_DELAY_SECONDS = 5.0  # between two layers on their way: reports that say more are wrong


class LayeredReader:
    """`numbers` are those of the layers in the room, best first; a track without layers is one of one layer.

    Timestamps continue over a change of layer: as far apart as the frames were taken, by the sender reports
    of both layers, or as they arrived. `now` is in seconds of a steady clock.
    """

    def __init__(self, codec: str, clock_rate: int, numbers: Sequence[int]) -> None:
        self._codec = codec
        self._clock_rate = clock_rate
        self._numbers = numbers
        self._ranks = {number: rank for rank, number in enumerate(numbers)}
        self._reports: dict[int, SourceReport] = {}  # the latest of each layer, by rank
        self._readers = {0: self._reader(0)}  # by rank; poorer layers are read when they are needed
        self._heard = [-math.inf] * len(numbers)
        self.starved: Set[int] = frozenset()  # the tracks of the room that count as if they did not come
        self._rank = 0  # of the layer that is in the files
        self._shift = 0  # from its timestamps to those of the files
        self._latest: Frame | None = None  # in the files ...
        self._latest_at: float  # ... since this time

    @property
    def number(self) -> int:
        """The track of the room that is in the files at present."""
        return self._numbers[self._rank]

    def push(self, run: Run, now: float) -> list[Frame]:
        """Take a run of any layer; returns the frames that it completes."""
        rank = self._ranks[run.track]
        if self._heard[0] == -math.inf:
            self._heard[0] = now  # the best layer begins last: its bit rate must be reached first
        self._heard[rank] = now
        if rank > self._rank and rank > self._best(now):
            self._readers.pop(rank, None)
            return []
        if rank not in self._readers:
            self._readers[rank] = self._reader(rank)
        frames = self._readers[rank].push(run, now)
        return list(self._chosen(rank, frames, now)) if frames else frames

    def poll(self, now: float) -> list[Frame]:
        """The frames that have waited long enough for missing packets."""
        readers = list(self._readers.items())
        return [frame for rank, reader in readers for frame in self._chosen(rank, reader.poll(now), now)]

    def close(self, now: float) -> list[Frame]:
        """The last frames, without waiting for missing packets."""
        readers = list(self._readers.items())
        return [frame for rank, reader in readers for frame in self._chosen(rank, reader.close(now), now)]

    def report(self, number: int, report: SourceReport) -> None:
        """Take a sender report of track `number` of the room."""
        rank = self._ranks[number]
        self._reports[rank] = report
        if rank in self._readers:
            self._readers[rank].report(report)

    def wanted(self, now: float) -> list[int]:
        """The tracks of the room of which a keyframe is needed: after loss, and to change to them."""
        return [
            self._numbers[rank]
            for rank, reader in self._readers.items()
            if (reader.wants_keyframe or rank != self._rank)
            and (self._comes(rank, now) or self._heard[rank] == -math.inf)
        ]

    def _reader(self, rank: int) -> FrameReader:
        reader = FrameReader(self._codec, self._clock_rate)
        if rank in self._reports:
            reader.report(self._reports[rank])
        return reader

    def _comes(self, rank: int, now: float) -> bool:
        return now - self._heard[rank] < SILENT_SECONDS and self._numbers[rank] not in self.starved

    def _best(self, now: float) -> int:
        """The rank of the best layer that comes."""
        return next((rank for rank in range(len(self._heard)) if self._comes(rank, now)), self._rank)

    def _chosen(self, rank: int, frames: Iterable[Frame], now: float) -> Iterator[Frame]:
        for frame in frames:
            if rank != self._rank:
                if not frame.keyframe or self._numbers[rank] in self.starved:
                    continue
                if rank > self._rank and self._comes(self._rank, now):
                    continue
                self._change(rank, frame, now)
            if self._shift or rank:
                frame = replace(
                    frame, timestamp=frame.timestamp + self._shift, source=(rank, self._shift, *frame.source)
                )
            self._latest, self._latest_at = frame, now
            yield frame

    def _change(self, rank: int, frame: Frame, now: float) -> None:
        self._rank = rank
        if self._latest is not None:
            apart = max(1, round(self._apart(self._latest, frame, now) * self._clock_rate))
            self._shift = self._latest.timestamp + apart - frame.timestamp
        for poorer in range(rank + 1, len(self._numbers)):
            self._readers.pop(poorer, None)

    def _apart(self, before: Frame, after: Frame, now: float) -> float:
        """Seconds between frames of two layers."""
        arrived = now - self._latest_at
        if before.wall is None or after.wall is None or before.wall.publisher != after.wall.publisher:
            return arrived
        taken = after.wall.seconds - before.wall.seconds
        return taken if abs(taken - arrived) <= MOST_DELAY_SECONDS else arrived
