"""A room's recording, as its room sees it: never waits, and never breaks the room.

Packets go into a bounded queue. Twice a second one of the worker's disk threads empties it; they
come with the first packet, not with the offer. When the disk cannot keep up, packets are dropped and
counted. When the disk fails, the files end where they are, and the disk is tried from time to time: as soon
as it can be written again, new files begin.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from media.recording.backlog import PACKET_BYTES, Backlog, RoomBacklog
from media.recording.disk_threads import DiskThreads
from media.recording.limits import ChangeAllowance
from media.recording.writer import Writer
from media.rtp.run import Run
from media.tracks.source_report import SourceReport
from shared.messages.room_settings import RecordingNote
from shared.names import RoomName
from shared.telemetry.logging import get_logger

MAX_REPORTS = 64  # that wait for the thread
TURN_SECONDS = 0.5  # from one turn of a thread to the next: each costs as much as some pictures
RETRY_SECONDS = 2.0  # doubled each time when the files that it made failed soon, too
LAST_RETRY_SECONDS = 60.0  # at once after a bug: the same stream will probably trigger it again
STEADY_SECONDS = 60.0  # files that live this long have not failed soon
DROP_LOG_SECONDS = 60.0  # between two lines about packets that were dropped

log = get_logger()


class Recording:
    """`take`, `tick` and `close` are called in the event loop.

    `new_writer` is called in a thread, for each set of files. `reported(track)` is the latest sender report
    of a track, the same object until there is another; `want_keyframe(track)` asks the publisher for one;
    `starves(track)` is whether it leaves the track far fewer pictures than a poorer layer.
    `warn(text, holds)` adds a line to the room's warnings, or removes it, and may be repeated. `complete`
    is done once the recording is closed and its files are complete.
    """

    def __init__(
        self,
        room: RoomName,
        track_count: int,
        new_writer: Callable[[ChangeAllowance], Writer],
        threads: DiskThreads,
        backlog: Backlog,
        reported: Callable[[int], SourceReport | None],
        want_keyframe: Callable[[int], None],
        warn: Callable[[str, bool], None],
        now: Callable[[], float],
        note: RecordingNote | None = None,
        starves: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self.room = room
        self.note = note  # is told with each file; may change
        self._noted = note  # to the writer
        self._new_writer = new_writer
        self._threads = threads
        self._backlog = RoomBacklog(backlog)
        self._reported = reported
        self._want_keyframe = want_keyframe
        self._warn = warn
        self._starves = starves
        self._starved: frozenset[int] = frozenset()
        self._now = now
        self._queue: deque[tuple[float, Run, int]] = deque()
        self._reports: deque[tuple[int, SourceReport]] = deque(maxlen=MAX_REPORTS)
        self._passed_on: list[SourceReport | None] = [None] * track_count  # the latest of each track
        self._queued = 0  # packets ever put in
        self._taken = 0  # packets ever taken out, by the thread
        self._warned: str | None = None  # the warning that the room shows
        self.dropped = 0  # packets
        self._dropped_logged = 0
        self._next_drop_log = -math.inf
        self.failure: str | None = None  # why nothing is recorded at present
        self.failures = 0  # how often it stopped because of an error ...
        self.restarts = 0  # ... and started again
        self._writer: Writer | None = None  # None: its next turn makes one
        self._began_at: float
        self._relapses = 0  # failures in a row, each soon after files were made
        self.changes = ChangeAllowance(room)
        self._resting = False  # after a failure, until the disk can be written again
        self._retry_at: float
        self._keyframes_wanted: Iterable[int] = ()  # of these tracks
        self._turn_at = -math.inf  # when the next turn is due
        self._lock = threading.Lock()  # of the two that follow; never held while the disk is called
        self._busy = False  # a thread has it, or will have
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self.complete: asyncio.Future[None] = self._loop.create_future()

    def take(self, run: Run) -> None:
        """Take a run of the room's. It is kept: it must not change any more."""
        if self._resting or self._closing:
            return
        size = PACKET_BYTES * len(run) + run.octets
        if not self._backlog.add(size):
            self.dropped += len(run)
            return
        self._queued += len(run)
        self._queue.append((self._now(), run, size))

    def tick(self, now: float) -> None:
        """Have written what came, and pass on what the thread found out. Called several times a second."""
        if self._closing:
            return
        self._show(self.failure)
        self._backlog.settle()
        if self.dropped > self._dropped_logged and now >= self._next_drop_log:
            self._log_dropped(now)
        if self._resting:
            if now >= self._retry_at:
                self._begin_turn()
            return
        if not self._queued:
            return  # no media has ever come: perhaps it never will
        for track, latest in enumerate(self._passed_on):
            report = self._reported(track)
            if report is not None and report is not latest:
                self._passed_on[track] = report
                self._reports.append((track, report))
        self._starved = frozenset(filter(self._starves, range(len(self._passed_on))))
        for track in self._keyframes_wanted:
            self._want_keyframe(track)
        if now >= self._turn_at:
            self._turn_at = now + TURN_SECONDS
            self._begin_turn()

    def close(self) -> None:
        """End the recording; its files are complete some time later."""
        with self._lock:
            self._closing = True
            was_busy, self._busy = self._busy, True
        if not was_busy and self._queued:
            self._threads.submit(self._take_turns)
        elif not was_busy:
            self._loop.call_soon(self._done)
        self._show(None)

    @property
    def waiting(self) -> int:
        """Packets that wait for the disk."""
        return self._queued - self._taken

    @property
    def changes_refused(self) -> int:
        """Keyframes left out because the stream had changed too often for another file."""
        return self.changes.refused

    def _begin_turn(self) -> None:
        if not self._busy:  # only this thread sets it
            self._busy = True
            self._threads.submit(self._take_turns)

    def _log_dropped(self, now: float) -> None:
        log.warning(
            "recording drops packets: the disk does not keep up",
            room=self.room,
            packets=self.dropped - self._dropped_logged,
        )
        self._dropped_logged, self._next_drop_log = self.dropped, now + DROP_LOG_SECONDS

    def _show(self, failure: str | None) -> None:
        """Have the room show this failure only. A room loses its warnings when its publisher changes."""
        if self._warned is not None and self._warned != failure:
            self._warn(self._warned, False)
        if failure is not None:
            self._warn(failure, True)
        self._warned = failure

    def _done(self) -> None:
        self._backlog.settle()
        if not self.complete.done():
            self.complete.set_result(None)

    # --- in a thread, one at a time

    def _take_turns(self) -> None:
        """One turn, and the last one, too, if the recording was closed meanwhile."""
        while True:
            closing = self._closing
            self._turn(closing)
            with self._lock:
                if closing:
                    break
                if not self._closing:
                    self._busy = False
                    return
        with suppress(RuntimeError):  # the worker did not wait for this recording: its loop is closed
            self._loop.call_soon_threadsafe(self._done)

    def _turn(self, closing: bool) -> None:
        """Write what came. The last turn ends the files."""
        if closing and self._resting:
            self._empty_queue(None)
            return
        writer = self._writer
        try:
            if writer is None:
                writer = self._new_writer(self.changes)
                self._begin(writer)
            writer.starved(self._starved)
            self._empty_queue(writer)
            if self.note != self._noted:
                self._noted = self.note
                writer.noted()
            now = self._now()
            writer.tick(now)
            self._keyframes_wanted = writer.wanted_keyframes(now)
            if self.failure is not None and writer.has_files:
                self._is_back()
            if closing:
                writer.close(now)
        except OSError as error:
            self._fail(writer, f"recording stopped: {error.strerror or error}", RETRY_SECONDS)
        except Exception:
            log.exception("recording broke", room=self.room)
            self._fail(writer, "recording stopped: internal error", LAST_RETRY_SECONDS)

    def _begin(self, writer: Writer) -> None:
        """Write with `writer` from now on. After a failure it first tries the disk."""
        self._began_at = self._now()
        if self._resting:
            writer.try_disk()
            self._empty_queue(None)  # what came in while the recording failed
            self._resting = False
        self._writer = writer

    def _empty_queue(self, writer: Writer | None) -> None:
        """Write what was queued; without a writer, drop it."""
        while self._queue:
            now, run, size = self._queue.popleft()
            self._taken += len(run)
            self._backlog.took(size)
            if writer is not None:
                while self._reports:
                    writer.report(*self._reports.popleft())
                writer.take(run, now)

    def _fail(self, writer: Writer | None, why: str, retry_seconds: float) -> None:
        now = self._now()
        if writer is not None and writer.has_files:  # each restart that makes files makes them anew
            if now - self._began_at >= STEADY_SECONDS:
                self._relapses = 0
            retry_seconds *= 2**self._relapses
            self._relapses += retry_seconds < LAST_RETRY_SECONDS
        self._retry_at = now + min(retry_seconds, LAST_RETRY_SECONDS)
        self._resting, self._writer = True, None
        self._passed_on = [None] * len(self._passed_on)  # to the next writer they are new
        self.failures += self.failure is None
        if why != self.failure:  # one line, not one for each retry
            log.error("recording stopped", room=self.room, error=why)
        self.failure = why
        if writer is not None:
            writer.abandon()
        self._empty_queue(None)

    def _is_back(self) -> None:
        self.restarts += 1
        self.failure = None
        log.info("recording started again", room=self.room)
