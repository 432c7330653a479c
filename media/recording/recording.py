"""A room's recording, as its room sees it: never waits, and never breaks the room.

Packets go into a bounded queue; a thread of the recording empties it several times a second. When the disk
cannot keep up, packets are dropped and counted. When the disk fails, the files end where they are, and the
thread tries the disk every two seconds: as soon as it can be written again, new files begin.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from media.recording.writer import Writer
from media.tracks.outgoing import Outgoing
from shared.logging import get_logger
from shared.names import RoomName

QUEUE_PACKETS = 16_384  # about 18 MB; a minute of 2.5 Mbit/s
REPORT_SECONDS = 1.0
RETRY_SECONDS = 2.0
BUG_RETRY_SECONDS = 60.0  # the same stream will probably trigger it again
_NTP_UNIT = 0x100000000

log = get_logger()


class Recording:
    """`packets`, `tick` and `close` are called in the event loop.

    `new_writer` is called in the thread, for each set of files. `report_at(track, now)` gives what a sender
    report would say: NTP time (64 bits) and the room's timestamp; `want_keyframe` asks the publisher for one.
    `warn(text, holds)` adds a line to the room's warnings, or removes it, and may be repeated.
    """

    def __init__(
        self,
        room: RoomName,
        track_count: int,
        new_writer: Callable[[], Writer],
        report_at: Callable[[int, float], tuple[int, int] | None],
        want_keyframe: Callable[[], None],
        warn: Callable[[str, bool], None],
        now: Callable[[], float],
    ) -> None:
        self._room = room
        self._track_count = track_count
        self._new_writer = new_writer
        self._report_at = report_at
        self._want_keyframe = want_keyframe
        self._warn = warn
        self._now = now
        self._queue: deque[tuple[float, Sequence[Outgoing]]] = deque()
        self._reports: deque[tuple[int, float, int]] = deque()
        self._queued = 0  # packets ever put in
        self._taken = 0  # packets ever taken out, by the thread
        self._next_report = 0.0
        self._warned: str | None = None  # the warning that the room shows
        self.dropped = 0  # packets
        self.failure: str | None = None  # why nothing is recorded at present
        self.failures = 0
        self.restarts = 0
        self._resting = False  # after a failure, until the disk can be written again
        self._retry_seconds = RETRY_SECONDS
        self._keyframe_wanted = False
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        # A worker that stops in order awaits `finished`; any other must not hang because of its recordings.
        self._thread = threading.Thread(target=self._run, name=f"recording {room}", daemon=True)
        self._thread.start()

    def packets(self, burst: Sequence[Outgoing]) -> None:
        """Take a burst of the room's. The sequence is kept: it must not change any more."""
        if self._resting or self._closing.is_set():
            return
        if self.waiting + len(burst) > QUEUE_PACKETS:
            self.dropped += len(burst)
            return
        self._queued += len(burst)
        self._queue.append((self._now(), burst))

    def tick(self, now: float) -> None:
        """Wake the thread, and pass on what it found out. Called several times a second."""
        if self._closing.is_set():
            return
        self._show(self.failure)
        if self._resting:
            return
        if now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            for track in range(self._track_count):
                if report := self._report_at(track, now):
                    self._reports.append((track, report[0] / _NTP_UNIT, report[1]))
        if self._keyframe_wanted and self._queued:
            self._want_keyframe()
        self._wake.set()

    def close(self) -> None:
        """End the recording; its files are complete some time later."""
        self._closing.set()
        self._wake.set()
        self._show(None)

    @property
    def waiting(self) -> int:
        """Packets that wait for the disk."""
        return self._queued - self._taken

    def add_done_callback(self, done: Callable[["Recording"], None]) -> None:
        """Have `done` called in the event loop once the files are complete."""
        self._finished.add_done_callback(lambda _: done(self))

    async def finished(self) -> None:
        """Wait until the files of a closed recording are complete."""
        await asyncio.shield(self._finished)
        self._thread.join()

    def _show(self, failure: str | None) -> None:
        """Have the room show this failure only. A room loses its warnings when its publisher changes."""
        if self._warned is not None and self._warned != failure:
            self._warn(self._warned, False)
        if failure is not None:
            self._warn(failure, True)
        self._warned = failure

    def _done(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)

    # --- in the thread

    def _run(self) -> None:
        try:
            self._write_files()
            while self._resting and not self._closing.wait(self._retry_seconds):
                self._write_files()
        finally:
            self._loop.call_soon_threadsafe(self._done)

    def _write_files(self) -> None:
        """Write new files until the recording is closed or fails. After a failure it first tries the disk."""
        writer = self._new_writer()
        try:
            if self._resting:
                writer.try_disk()
                self._empty_queue(None)  # a burst that came in while the recording failed
                self._keyframe_wanted = writer.wants_keyframe(self._now())
                self._resting = False
            while not self._closing.is_set():
                self._wake.wait()
                self._wake.clear()
                self._empty_queue(writer)
                writer.tick(self._now())
                self._keyframe_wanted = writer.wants_keyframe(self._now())
                if self.failure is not None and writer.has_files:
                    self._is_back()
            self._empty_queue(writer)
            writer.close(self._now())
        except OSError as error:
            self._fail(writer, f"recording stopped: {error.strerror or error}", RETRY_SECONDS)
        except Exception:
            log.exception("recording broke", room=self._room)
            self._fail(writer, "recording stopped: internal error", BUG_RETRY_SECONDS)

    def _empty_queue(self, writer: Writer | None) -> None:
        """Write what was queued; without a writer, drop it."""
        while self._queue:
            now, burst = self._queue.popleft()
            self._taken += len(burst)
            if writer is not None:
                while self._reports:
                    writer.report(*self._reports.popleft())
                writer.take(burst, now)

    def _fail(self, writer: Writer, why: str, retry_seconds: float) -> None:
        self._resting, self._retry_seconds = True, retry_seconds
        self.failures += self.failure is None
        if why != self.failure:  # one line, not one for each retry
            log.error("recording stopped", room=self._room, reason=why)
        self.failure = why
        writer.abandon()
        self._empty_queue(None)

    def _is_back(self) -> None:
        self.restarts += 1
        self.failure = None
        log.info("recording started again", room=self._room)
