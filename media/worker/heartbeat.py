"""Keeps the directory true: a heartbeat each second, and at once what has changed.

A heartbeat has everything: it refreshes the claims, and finds what changed in all rooms. Between two of them
only those rooms are told that somebody names.

Redis may go away at any time. Media continues; the heartbeat tries again every `AWAY_SECONDS`, and announces
everything as soon as Redis is back.

Of several processes with the same worker id, one has it. It keeps it by its heartbeats; another one waits for
as long as a crashed predecessor's hold may last, and gives up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

from redis.exceptions import RedisError

from media.rooms.rooms import Rooms
from shared.beat import until_beat
from shared.bus.batch import Call
from shared.bus.keys import HEARTBEAT_SECONDS, PROCESS_TTL_MS
from shared.directory.announcer import WorkerIdTakenError
from shared.directory.directory import Directory
from shared.messages.status import WorkerStatus
from shared.names import RoomName, WorkerId
from shared.telemetry.failure import in_words
from shared.telemetry.logging import get_logger

AWAY_SECONDS = 0.5  # between tries while Redis is away
TAKEN_SECONDS = 0.2  # between tries while another process has the id ...
PATIENCE_SECONDS = PROCESS_TTL_MS / 1000 + 1.0  # ... and for how long
SETTLE_SECONDS = 2.0  # when Redis comes back: those that had their ids before announce themselves first

log = get_logger()


class Heartbeat:
    """Owns this worker's entries in the directory.

    `status` is called each time. `lost` is called with each room that another worker owns now.
    """

    def __init__(
        self,
        directory: Directory,
        worker: WorkerId,
        status: Callable[[], WorkerStatus],
        rooms: Rooms,
        lost: Callable[[RoomName], None],
    ) -> None:
        self._directory = directory
        self._worker = worker
        self._status = status
        self._rooms = rooms
        self._lost = lost
        self._changed: set[RoomName] = set()  # since they were last told
        self._beat_at = -inf
        self._released: set[RoomName] = set()
        self._never_open: set[RoomName] = set()  # of the released ones
        self._closed: set[RoomName] = set()  # of the released ones: not by their publishers
        self._claiming = asyncio.Lock()  # a release under way must not undo a claim that comes after it
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Future[None] = self._loop.create_future()
        self._along: list[tuple[Call, asyncio.Future[Any]]] = []
        self._is_telling = False
        self._away = False
        self.registered = asyncio.Event()  # set once this process has had the worker's id

    async def claim(self, room: RoomName, network: str) -> bool:
        """Claim a room for this worker and a publisher of `network`; False if another worker holds it.

        Raises `RedisError` or `OSError`, or `ServiceError` if there are too many rooms.
        """
        async with self._claiming:
            is_ours = await self._directory.claim_room(room, self._worker, network) == self._worker
            if is_ours:  # also by what has released it while this was under way
                self._released.discard(room)
                self._never_open.discard(room)
                self._closed.discard(room)
            return is_ours

    def release(self, room: RoomName, *, was_open: bool = True, was_closed: bool = False) -> None:
        """Release a room's claim, at once: the room has ended, or was not opened after all.

        Redis keeps for a day when a room ended, if it `was_open`: anybody can have rooms opened to which they
        never connect. `was_closed`: an operator or the room's settings ended it.
        """
        if not was_open and room not in self._released:
            self._never_open.add(room)
        if was_closed:
            self._closed.add(room)
        self._released.add(room)
        self.wake(room)

    def wake(self, *changed: RoomName) -> None:
        """Tell at once that something changed: the worker's state, or these rooms."""
        self._changed.update(changed)
        self._wake.set()

    async def flush(self, *changed: RoomName) -> None:
        """Wait until the changes were announced, or could not be because Redis is away."""
        self.wake(*changed)
        await asyncio.shield(self._next)

    async def change(self, room: RoomName) -> None:
        """Have told what changed in `room`, before a reply that goes `along`; wait until claims are free."""
        self.wake(room)
        if self._released:
            await self.flush()

    def along(self, call: Call) -> Awaitable[Any] | None:
        """Have Redis do `call` once it knows all that changed until now, in the same round trip.

        Await its result, which may be a `RedisError`. None: nothing waits to be told, and nothing was done.
        """
        if not (self._wake.is_set() or self._is_telling):
            return None
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._along.append((call, result))
        self._wake.set()
        return result

    async def run(self) -> None:
        """Beat until cancelled, then leave the directory.

        Raises `WorkerIdTakenError` when another process has this worker's id; if `registered` is set, it has
        taken it over.
        """
        try:
            await self._register()
            is_woken = False
            while True:
                self._wake.clear()
                told, self._next = self._next, self._loop.create_future()
                if is_woken and not self._away:
                    await self._tell()
                else:
                    await self._beat()
                told.set_result(None)
                is_woken = await self._is_woken()
        except WorkerIdTakenError:  # the entries are the other's
            raise
        except BaseException:
            await self._leave()
            raise
        finally:
            self._is_telling = False
            for _, result in self._along:
                result.cancel()

    async def _register(self) -> None:
        """Beat until this process has the worker's id."""
        refused_at: float | None = None
        while not self.registered.is_set():
            try:
                if self._away:
                    await self._directory.ping()
                    await asyncio.sleep(SETTLE_SECONDS)
                await self._beat()
                if not self._away:
                    self.registered.set()
                    return
            except (RedisError, OSError):  # it is still away
                pass
            except WorkerIdTakenError:
                if refused_at is None:
                    log.warning(
                        "another process has this worker's id: waiting",
                        seconds=PATIENCE_SECONDS,
                        explanation="after a crash, Redis forgets the process that died within 5 s;"
                        " otherwise give each worker a WORKER_ID of its own",
                    )
                    refused_at = monotonic()
                elif monotonic() - refused_at > PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(AWAY_SECONDS if self._away else TAKEN_SECONDS)

    async def _is_woken(self) -> bool:
        """Wait until a beat is due, or something is to be told before that."""
        due = self._beat_at + until_beat(self._beat_at, AWAY_SECONDS if self._away else HEARTBEAT_SECONDS)
        if due <= self._loop.time():
            return False
        try:
            async with asyncio.timeout_at(due):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _beat(self) -> None:
        self._beat_at = self._loop.time()
        self._changed.clear()
        lost: list[RoomName] = []
        with self._noting_redis():
            with self._taking_along() as (calls, results):
                lost, results[:] = await self._directory.beat_with(
                    calls, self._status(), self._rooms.names(), self._rooms.statuses()
                )
            await self._release()
        for room in lost:
            self._lost(room)

    async def _tell(self) -> None:
        """Tell what has changed since the last beat."""
        changed, self._changed = self._changed, set()
        with self._noting_redis():
            with self._taking_along() as (calls, results):
                results[:] = await self._directory.tell(
                    self._status(), self._rooms.statuses(changed), changed, calls
                )
            await self._release()

    @contextmanager
    def _noting_redis(self) -> Iterator[None]:
        """Note whether Redis answers; that it does not is no error."""
        try:
            yield
        except (RedisError, OSError) as error:
            if not self._away:
                self._away_since = monotonic()
                address = self._directory.address
                log.error(
                    "Redis is away: new offers fail, media continues",
                    redis=address,
                    error=in_words(error, address),
                )
            self._away = True
        else:
            if self._away:
                seconds = round(monotonic() - self._away_since, 1)
                log.info("Redis is back", redis=self._directory.address, seconds=seconds)
            self._away = False

    @contextmanager
    def _taking_along(self) -> Iterator[tuple[list[Call], list[Any]]]:
        """The commands that go along with what is announced, and where their results go.

        Their callers get these, or the error.
        """
        taken, self._along, self._is_telling = self._along, [], True
        results: list[Any] = []
        try:
            yield [call for call, _ in taken], results
        except BaseException as error:
            failure = error if isinstance(error, Exception) else asyncio.CancelledError()
            results[:] = [failure] * len(taken)
            raise
        finally:
            self._is_telling = False
            for (_, waiting), result in zip(taken, results, strict=True):
                if waiting.done():  # whoever waited has given up
                    continue
                if isinstance(result, BaseException):
                    waiting.set_exception(result)
                else:
                    waiting.set_result(result)

    async def _release(self) -> None:
        if not self._released:
            return
        async with self._claiming:
            released = set(self._released)
            never_open, closed = self._never_open & released, self._closed & released
            await self._directory.release_rooms(released, self._worker, never_open, closed)
            self._released -= released
            self._never_open -= released
            self._closed -= released

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                held = {*self._released, *self._rooms.names()}
                await self._directory.release_rooms(held, self._worker, self._never_open, self._closed)
                await self._directory.leave(self._worker)
        except (RedisError, OSError, TimeoutError):  # the heartbeat expires by itself
            log.warning("could not leave the directory")
