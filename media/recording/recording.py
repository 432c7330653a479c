"""A room's recording, as its room sees it: never waits, and never fails it.

Packets go into a bounded queue; a thread of the recording's own empties it some times a second. When the disk
cannot keep up, packets are dropped and counted. When it fails, the recording ends, and the room goes on.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from media.recording.writer import Writer
from media.tracks.outgoing import Outgoing
from shared.logging import get_logger
from shared.names import RoomName

QUEUE_PACKETS = 16_384  # some 18 MB; a minute of 2.5 Mbit/s
REPORT_SECONDS = 1.0
_NTP_UNIT = 0x100000000

log = get_logger()


class Recording:
    """`packets`, `tick` and `close` are called in the event loop.

    `report_at(track, now)` gives what a sender report would say: NTP time (64 bits) and the room's timestamp;
    `want_keyframe` asks the publisher for one; `warn` takes one line for people, at most once.
    """

    def __init__(
        self,
        room: RoomName,
        track_count: int,
        writer: Writer,
        report_at: Callable[[int, float], tuple[int, int] | None],
        want_keyframe: Callable[[], None],
        warn: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._room = room
        self._track_count = track_count
        self._writer = writer
        self._report_at = report_at
        self._want_keyframe = want_keyframe
        self._warn = warn
        self._now = now
        self._queue: deque[tuple[float, Sequence[Outgoing]]] = deque()
        self._reports: deque[tuple[int, float, int]] = deque()
        self._queued = 0  # packets ever put in
        self._taken = 0  # packets ever taken out, by the thread
        self._next_report = 0.0
        self.dropped = 0  # packets
        self.failure: str | None = None
        self._warned = False
        self._closing = False
        self._keyframe_wanted = False
        self._wake = threading.Event()
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        # A worker that ends well waits for `finished`; one that does not must not hang for its recordings.
        self._thread = threading.Thread(target=self._run, name=f"recording {room}", daemon=True)
        self._thread.start()

    def packets(self, burst: Sequence[Outgoing]) -> None:
        """Take a burst of the room's. The sequence is kept: it must not change any more."""
        if self.failure is not None or self._closing:
            return
        if self._queued - self._taken + len(burst) > QUEUE_PACKETS:
            self.dropped += len(burst)
            return
        self._queued += len(burst)
        self._queue.append((self._now(), burst))

    def tick(self, now: float) -> None:
        """Hand over what has come, and pass on what the thread wants. Called some times a second."""
        if self._closing:
            return
        if self.failure is not None:
            self._tell()
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
        self._closing = True
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Packets that wait for the disk."""
        return 0 if self.failure is not None else self._queued - self._taken

    def add_done_callback(self, done: Callable[["Recording"], None]) -> None:
        """Have `done` called in the event loop once the files are complete."""
        self._finished.add_done_callback(lambda _: done(self))

    async def finished(self) -> None:
        """Wait until the files of a closed recording are complete."""
        await asyncio.shield(self._finished)
        self._thread.join()

    def _tell(self) -> None:
        if not self._warned and self.failure is not None:
            self._warned = True
            self._warn(self.failure)

    # --- in the thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wake.wait()
                self._wake.clear()
                self._empty()
                self._writer.tick(self._now())
                self._keyframe_wanted = self._writer.wants_keyframe
            self._empty()
            self._writer.close(self._now())
        except OSError as error:
            self._fail(f"recording stopped: {error.strerror or error}")
        except Exception:
            log.exception("recording broke", room=self._room)
            self._fail("recording stopped: internal error")
        finally:
            self._loop.call_soon_threadsafe(self._done)

    def _empty(self) -> None:
        while self._queue:
            now, burst = self._queue.popleft()
            while self._reports:
                self._writer.report(*self._reports.popleft())
            self._writer.take(burst, now)
            self._taken += len(burst)

    def _fail(self, why: str) -> None:
        self.failure = why
        log.error("recording stopped", room=self._room, reason=why)
        self._queue.clear()
        self._writer.abandon()

    def _done(self) -> None:
        self._tell()
        if not self._finished.done():
            self._finished.set_result(None)
