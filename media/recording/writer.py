"""What a room's recording does outside the event loop: packets in, files out."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from pathlib import Path

from media.negotiation.agreed_tracks import RoomTrack
from media.recording.file_facts import FilesOfRoom
from media.recording.frame import Frame
from media.recording.layered_reader import LayeredReader
from media.recording.limits import ChangeAllowance, Limits
from media.recording.mux_file import MuxFile
from media.recording.part_file import PartFile, try_folder
from media.recording.timeline import Placed, Timeline
from media.recording.track_file import TrackFile
from media.recording.track_form import SUFFIXES
from media.rtp.run import Run
from media.tracks.source_report import SourceReport
from shared.names import RoomName
from shared.records.record_name import mux_name, track_name


class Writer:
    """One room's files; `tracks` are the room's, the layers of a picture side by side, best first.

    A track of the files is named by the number of its best layer. `now` is of a steady clock. After an
    `OSError` only `abandon` may be called.
    """

    def __init__(
        self,
        room: RoomName,
        tracks: Sequence[RoomTrack],
        folder: Path,
        forms: Iterable[str],
        limits: Limits,
        changes: ChangeAllowance,
        files: FilesOfRoom,
    ) -> None:
        self._folder = folder
        self._files = files
        pictures = _layers(tracks)
        self._readers = {
            best: LayeredReader(tracks[best].codec.name, tracks[best].codec.clock_rate, [best, *poorer])
            for best, *poorer in pictures
        }
        self._first = {number: best for best, *poorer in pictures for number in (best, *poorer)}
        recorded = {number: tracks[number] for number in self._readers}
        self._videos = frozenset(number for number, track in recorded.items() if track.kind == "video")
        self._timeline = Timeline([track.codec.clock_rate for track in tracks], _leader(tracks))
        self._free_from: dict[str, int] = {}  # the first second that no file of a kind is named after
        self.has_files = False  # whether any was begun
        self._arrived: float  # when the latest frames did
        self._track_files: dict[int, TrackFile] = {}
        if "tracks" in forms:
            for number, track in recorded.items():
                if track.codec.name in SUFFIXES:
                    index = sum(other.kind == track.kind for n, other in recorded.items() if n < number)
                    self._track_files[number] = TrackFile(
                        track.codec.name,
                        track.codec.clock_rate,
                        limits,
                        self._opener(
                            partial(track_name, room, track.kind, index, suffix=SUFFIXES[track.codec.name])
                        ),
                        self._ended,
                    )
        self._mux: MuxFile | None = None
        if "mux" in forms:
            self._mux = MuxFile(
                {number: track.codec for number, track in recorded.items()},
                self._videos,
                limits,
                changes,
                lambda suffix, arrived: self._open(partial(mux_name, room, suffix=suffix), arrived),
                self._ended,
            )

    def wanted_keyframes(self, now: float) -> set[int]:
        """The tracks of which the publisher should send a keyframe: after loss, and for a new part."""
        wanted = {number for reader in self._readers.values() for number in reader.wanted(now)}
        due = {number for number, file in self._track_files.items() if file.wants_keyframe}
        if self._mux is not None and self._mux.wants_keyframe(now):
            due |= self._videos
        return wanted | {self._readers[number].number for number in due}

    def try_disk(self) -> None:
        """Raise `OSError` unless new files can be written."""
        try_folder(self._folder)

    def take(self, run: Run, now: float) -> None:
        """Write the frames that a run, which arrived at `now`, completes."""
        number = self._first[run.track]
        self._write(number, self._readers[number].push(run, now), now)

    def report(self, track: int, report: SourceReport) -> None:
        """Take a sender report of a track of the room."""
        self._readers[self._first[track]].report(track, report)

    def starved(self, tracks: Set[int]) -> None:
        """These tracks of the room have far fewer pictures than poorer layers, from now on."""
        for reader in self._readers.values():
            reader.starved = tracks

    def tick(self, now: float) -> None:
        """Stop waiting for packets that are overdue, and write to disk what is pending."""
        for track, reader in self._readers.items():
            self._write(track, reader.poll(now), now)
        if self._mux is not None:
            self._mux_all(self._timeline.poll(now))
            if not self._timeline.waits:
                self._mux.poll(now)
        for file in self._track_files.values():
            file.flush()

    def noted(self) -> None:
        """What is told of the files has changed."""
        self._files.noted()

    def close(self, now: float) -> None:
        """Write the last frames and end all files."""
        for track, reader in self._readers.items():
            self._write(track, reader.close(now), now)
        for file in self._track_files.values():
            file.close()
        if self._mux is not None:
            self._mux_all(self._timeline.close())
            self._mux.end()

    def abandon(self) -> None:
        """End all files as well as possible, after one of them failed."""
        endings: list[Callable[[], None]] = [file.close for file in self._track_files.values()]
        if self._mux is not None:
            endings.append(self._mux.close)
        for end in endings:
            with contextlib.suppress(Exception):  # the first error is the one to report
                end()

    def _write(self, track: int, frames: Sequence[Frame], now: float) -> None:
        self._arrived = now
        for frame in frames:
            if track in self._track_files:
                self._track_files[track].write(frame)
            if self._mux is not None:
                self._mux_all(self._timeline.push(track, frame, now))

    def _mux_all(self, placed: Sequence[Placed]) -> None:
        assert self._mux is not None
        for one in placed:
            self._mux.write(one)

    def _opener(self, name_of: Callable[[int], str]) -> Callable[[], PartFile]:
        return lambda: self._open(name_of, self._arrived)

    def _open(self, name_of: Callable[[int], str], arrived: float) -> PartFile:
        kind = name_of(0)
        now = int(time.time())
        file = PartFile(self._folder, name_of, max(now, self._free_from.get(kind, now)))
        self._free_from[kind] = file.unix + 1
        self._files.began(file.path.name, arrived)
        self.has_files = True
        return file

    def _ended(self, file: PartFile) -> None:
        self._files.finished(file.path.name)


def _layers(tracks: Sequence[RoomTrack]) -> list[list[int]]:
    """The numbers of the tracks that are recorded as one: the layers of a picture, best first."""
    found: list[list[int]] = []
    for number, track in enumerate(tracks):
        if track.layer:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _leader(tracks: Sequence[RoomTrack]) -> int:
    """The track that leads in time: sound, if there is any, because each step in it is heard."""
    return next((number for number, track in enumerate(tracks) if track.kind == "audio"), 0)
