"""Tells what happened in this worker's rooms: writes the chronicle's events into Redis, beside all else.

Nothing waits for it. While Redis is away, events wait in the chronicle. From time to time it looks whether
Redis still knows the broadcasts that are under way: it may have come back empty, control may have taken this
worker for dead, or receivers may have been configured just now. Those broadcasts are told anew.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic

from redis.asyncio import Redis
from redis.exceptions import RedisError

from media.rooms.chronicle import Chronicle
from media.rooms.policy import NOTHING_SET, Policy
from shared.directory.directory import Directory
from shared.events.event_log import EventLog, Told
from shared.messages.events import EventType, Facts
from shared.names import RoomName, WorkerId
from shared.records.record_name import RecordName
from shared.telemetry.logging import get_logger

AT_ONCE = 200  # events in one round trip
AWAY_SECONDS = 1.0  # between tries while Redis is away
CHECK_SECONDS = 5.0
# Redis may have come back empty: what nobody wants waits until control has said in it what is wanted.
WANTED_AGAIN_SECONDS = 15.0
FAREWELL_SECONDS = 0.5  # for what happened last, when the worker stops

log = get_logger()


class EventTeller:
    """Owns the worker's chronicle; `run` tells what is in it. `process` is its `Directory`'s."""

    def __init__(
        self,
        redis: Redis,
        worker: WorkerId,
        process: str,
        unix_clock: Callable[[], float],
        policy: Policy = NOTHING_SET,
    ) -> None:
        self._event_log = EventLog(redis)
        self._directory = Directory(redis)
        self._worker = worker
        self._process = process
        self._wake = asyncio.Event()
        self.chronicle = Chronicle(worker, process, self._wake.set, unix_clock, policy)
        self._loop = asyncio.get_running_loop()
        self._check_at = 0.0
        self._wanted_at = -inf  # when somebody last wanted what was told
        self._doubted: dict[RoomName, str] = {}  # broadcasts in whose place Redis had another one
        self._dropped_logged = 0

    def recorded(self, type_: EventType, record: RecordName, facts: Facts) -> None:
        """Tell of a recording. May be called in any thread."""
        with suppress(RuntimeError):  # the loop has ended, and so does the process
            tell = self.chronicle.recorded
            self._loop.call_soon_threadsafe(tell, type_, record.room, record.text, facts)

    async def run(self, registered: asyncio.Event) -> None:
        """Tell until cancelled, from when this process has its worker's id: `registered`."""
        await registered.wait()
        self._check_at = monotonic() + CHECK_SECONDS
        try:
            while True:
                await self._turn()
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._tell()

    async def _turn(self) -> None:
        again_at = inf
        try:
            self._wake.clear()
            if not await self._tell():
                again_at = monotonic() + AWAY_SECONDS
            if monotonic() >= self._check_at:
                self._check_at = monotonic() + CHECK_SECONDS
                await self._check()
        except (RedisError, OSError):  # the heartbeat logs that
            await asyncio.sleep(AWAY_SECONDS)
        except Exception:
            log.exception("events of rooms were not told")
            await asyncio.sleep(AWAY_SECONDS)
        if self.chronicle.dropped > self._dropped_logged:
            dropped = self.chronicle.dropped - self._dropped_logged
            self._dropped_logged += dropped
            log.warning("events of rooms dropped: too many waited for Redis", events=dropped)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(self._check_at, again_at) - monotonic())):
                await self._wake.wait()

    async def _tell(self) -> bool:
        """Whether all is told; if not, nobody wants it just now."""
        while events := self.chronicle.first(AT_ONCE):
            if await self._event_log.tell(events) is not Told.UNWANTED:
                self._wanted_at = monotonic()
            elif monotonic() - self._wanted_at < WANTED_AGAIN_SECONDS:
                return False
            self.chronicle.told(events)
        return True

    async def _check(self) -> None:
        """Tell the broadcasts anew that Redis does not know."""
        ours = self.chronicle.broadcasts()  # nothing of them waits: `_tell` has just ended
        if not ours or not await self._event_log.is_wanted():
            return
        status = (await self._directory.statuses([self._worker])).get(self._worker)
        if status is None or not status.rooms_version.startswith(f"{self._process}:"):
            return  # to control this process is dead: it is not back yet, or another one has taken its id
        known = await self._event_log.broadcasts(list(ours))
        doubted, self._doubted = self._doubted, {}
        for name, broadcast in ours.items():
            there = known[name]
            if there is None or (there.id != broadcast and doubted.get(name) == broadcast):
                self.chronicle.begin_anew(name, broadcast)
            elif there.id != broadcast:  # of another worker: the heartbeat will find out who owns the room
                self._doubted[name] = broadcast
