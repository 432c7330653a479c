"""Delivers events to one receiver: those of a room in order and one at a time, rooms beside each other.

One process of the cluster does that at a time: the one with the lease. When it dies, another one takes the
lease, and reads again what was not acknowledged. So an event may come twice, and after a dead letter the
room's next ones follow; apart from that a room's events come in order.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from time import monotonic
from typing import TypeVar

from redis.exceptions import RedisError

from control.webhooks.figures import WebhookFigures
from control.webhooks.message import EventError, Message, headers, message_of
from control.webhooks.post import ATTEMPT_SECONDS, Attempt, Outcome, Poster
from control.webhooks.receiver import Receiver
from shared.bus.lease import RENEW_SECONDS, Lease
from shared.events.event_queue import NEW, Entry, EventQueue, NoGroupError, Place
from shared.telemetry.logging import get_logger

AT_ONCE = 16  # attempts that run at once
MAX_HELD = 2_000  # events that are read and not delivered yet; more stay in Redis
READ_AT_ONCE = 200
LOOK_SECONDS = 0.2  # between two looks for new events
TAKE_SECONDS = 2.0  # between two tries to take the lease
AWAY_SECONDS = 1.0  # between two tries while Redis is away
FIRST_SECONDS, LAST_SECONDS = 1.0, 60.0  # before an event that failed is tried again
WARN_SECONDS = 60.0  # between two log lines of one kind: that webhooks fail, and that some were given up

T = TypeVar("T")

log = get_logger()


class LeaseLostError(Exception):
    """Another process delivers now, or may begin to."""


class Delivery:
    """`run` delivers until cancelled, whenever this process has the lease."""

    def __init__(
        self,
        receiver: Receiver,
        secrets: Sequence[str],
        queue: EventQueue,
        lease: Lease,
        poster: Poster,
        figures: WebhookFigures,
        retry_seconds: float,
        unix_clock: Callable[[], float],
    ) -> None:
        """By `unix_clock` events were put into the queue."""
        self._receiver = receiver
        self._secrets = secrets
        self._queue = queue
        self._lease = lease
        self._poster = poster
        self._figures = figures
        self._retry_seconds = retry_seconds
        self._unix_clock = unix_clock
        self._rooms: dict[str, deque[Entry]] = {}  # what is held
        self._held: dict[str, Entry] = {}  # the same, by their ids
        self._waiting = 0  # events, when that was last measured
        self._place: Place | None = None  # of the last entry that was read, as Redis has it too ...
        self._placing = asyncio.Lock()  # ... but for a moment
        self._began: Place | None = None  # the first place of this delivery
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._warned_at = self._told_at = -inf  # that webhooks fail, and that they are given up
        self._retrying: set[str] = set()  # ids of entries that have failed and will be tried again
        self._failing_since: float | None = None  # None: no failure since webhooks last recovered
        self._failure_logged = False  # of this outage
        self._given_up = 0  # since that was told
        self._last_given_up: dict[str, str | int | None] = {}
        figures.begin(receiver.label)

    async def run(self) -> None:
        try:
            while True:
                try:
                    if await self._lease.take():
                        await self._deliver()
                    else:
                        self._waiting = 0  # whoever delivers now has measured since, and counts what is lost
                except* (RedisError, OSError, LeaseLostError):
                    pass  # Redis is away, or another process delivers
                except* NoGroupError:
                    self._redis_is_empty()
                except* Exception:
                    log.exception("webhooks are interrupted", receiver=self._receiver.label)
                await asyncio.sleep(TAKE_SECONDS)
        finally:
            await self._lease.give_back()
            await self._poster.close()

    async def warn_if_forbidden(self) -> None:
        """Log before the first webhook that none can be sent to this receiver."""
        if reason := await self._poster.refusal():
            log.warning(
                "webhooks cannot be sent to this receiver", receiver=self._receiver.label, error=reason
            )

    async def _deliver(self) -> None:
        """Deliver until the lease is lost, which raises."""
        log.info("delivers webhooks", receiver=self._receiver.label)
        self._rooms, self._held, self._place = {}, {}, None
        self._retrying, self._failing_since, self._failure_logged = set(), None, False
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_lease())
                tasks.create_task(self._measure())
                tasks.create_task(self._read(tasks))
        finally:
            self._figures.forget_backlog(self._receiver.label)

    async def _keep_lease(self) -> None:
        while True:
            try:
                if not await self._lease.take():
                    raise LeaseLostError
            except (RedisError, OSError):
                if self._lease.left < ATTEMPT_SECONDS:
                    raise LeaseLostError from None
            await asyncio.sleep(RENEW_SECONDS)

    async def _measure(self) -> None:
        """Keep the figures of what waits.

        This is apart from the lease, which must not wait for a slow Redis. In a Redis that has come back
        empty, and has the receiver's group again, nothing waits: that is no figure of what did.
        """
        while True:
            backlog = await _surely(lambda: self._queue.backlog(self._receiver.group))
            async with self._placing:
                if self._place is not None:
                    await self._keep(self._place, self._place)
            self._waiting = backlog.waiting
            age = 0.0 if backlog.oldest is None else max(0.0, self._unix_clock() - backlog.oldest)
            self._figures.waiting.labels(self._receiver.label).set(backlog.waiting)
            self._figures.oldest.labels(self._receiver.label).set(age)
            self._tell_given_up()
            await asyncio.sleep(RENEW_SECONDS)

    # --- reading

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        """Read entries: first those that were read before and not acknowledged, then new ones.

        In a Redis that has come back without its last writes it begins anew. What is held is delivered all
        the same, whether Redis still has it or not.
        """
        last = after = "0"
        place = self._place = self._began = await _surely(lambda: self._queue.last_read(self._receiver.group))
        while True:
            if place != self._place:
                last = after = "0"
                place = self._place
            count = min(MAX_HELD - len(self._held), READ_AT_ONCE)
            if count <= 0:
                await asyncio.sleep(LOOK_SECONDS)
                continue
            try:
                entries = await self._queue.read(self._receiver.group, after, count)
            except (RedisError, OSError):  # Redis may have given out what did not arrive
                after = last
                await asyncio.sleep(AWAY_SECONDS)
                continue
            place = await self._pass(place, entries)
            if place != self._place:  # they come again
                continue
            for entry in entries:
                await self._take(entry, tasks)
                last = entry.id
            if after != NEW:
                after = last if entries else NEW
            elif not entries:
                await asyncio.sleep(LOOK_SECONDS)

    async def _pass(self, place: Place, entries: Sequence[Entry]) -> Place:
        """Count once what was trimmed before its delivery; keep the place behind `entries`, and return it."""
        behind, lost = place.passed(entries)
        # a trimmed entry behind the place leaves a gap, which the next one shows
        lost += sum(entry.fields is None and not entry.is_after(place) for entry in entries)
        if behind != place:
            async with self._placing:
                await self._keep(place, behind)
        if behind == self._place:
            self._lose(lost)
        return behind

    async def _keep(self, before: Place, place: Place) -> None:
        kept = await _surely(lambda: self._queue.keep_last_read(self._receiver.group, before, place))
        if kept.is_a_beginning and kept not in (place, self._began):  # Redis was emptied, and knows us again
            raise NoGroupError
        self._place = kept

    def _lose(self, events: int) -> None:
        if events:
            log.error(
                "webhooks are lost: Redis had dropped them", receiver=self._receiver.label, events=events
            )
            self._figures.lost.labels(self._receiver.label).inc(events)

    def _redis_is_empty(self) -> None:
        """Redis has lost what waited."""
        self._lose(self._waiting)
        self._waiting = 0

    async def _take(self, entry: Entry, tasks: asyncio.TaskGroup) -> None:
        fields, group = entry.fields, self._receiver.group
        if fields is None or fields.get("to", group) != group:  # trimmed, or another's dead letter
            await self._acknowledge(entry)
            return
        if self._held.get(entry.id) == entry:
            return
        room = fields.get("room", "")
        self._held[entry.id] = entry
        if room in self._rooms:
            self._rooms[room].append(entry)
        else:
            self._rooms[room] = deque([entry])
            tasks.create_task(self._deliver_room(room))

    # --- delivering

    async def _deliver_room(self, room: str) -> None:
        entries = self._rooms[room]
        while entries:
            await self._settle(entries[0])
            self._held.pop(entries.popleft().id, None)
        del self._rooms[room]

    async def _settle(self, entry: Entry) -> None:
        """Deliver an event, or give it up, and acknowledge it."""
        try:
            message = message_of(entry)
        except EventError as error:
            await self._give_up(entry, str(error), 0)
            return
        failures, began = 0, monotonic()
        while True:
            attempt = await self._attempt(message)
            if attempt.outcome is Outcome.DELIVERED:
                self._retrying.discard(entry.id)
                self._log_recovery()
                break
            failures += 1
            self._retrying.add(entry.id)
            wait = wait_seconds(failures, random.random(), attempt.retry_after)  # noqa: S311
            is_late = monotonic() + wait - began > self._retry_seconds
            if attempt.outcome is Outcome.GONE or is_late:
                self._retrying.discard(entry.id)
                await self._give_up(entry, attempt.why, failures)
                return
            await asyncio.sleep(wait)
        await self._acknowledge(entry)

    async def _acknowledge(self, entry: Entry) -> None:
        await _surely(lambda: self._queue.acknowledge(self._receiver.group, entry))

    async def _attempt(self, message: Message) -> Attempt:
        async with self._turns:
            if self._lease.left < ATTEMPT_SECONDS:  # another process could deliver meanwhile
                raise LeaseLostError
            body = message.body
            attempt = await self._poster.post(body, headers(message, body, self._secrets, time.time()))
        if attempt.outcome is Outcome.DELIVERED:
            self._figures.delivered.labels(self._receiver.label).inc()
        else:
            self._figures.failures.labels(self._receiver.label).inc()
            self._warn(attempt.why)
        return attempt

    def _warn(self, why: str) -> None:
        if self._failing_since is None:
            self._failing_since = monotonic()
        if monotonic() - self._warned_at >= WARN_SECONDS:
            self._warned_at, self._failure_logged = monotonic(), True
            log.warning("webhooks fail, and are tried again", receiver=self._receiver.label, error=why)

    def _log_recovery(self) -> None:
        """Log the end of an outage whose failure was logged, once no event waits for another attempt."""
        if self._failing_since is None or self._retrying:
            return
        if self._failure_logged:
            log.info(
                "webhooks are delivered again",
                receiver=self._receiver.label,
                failed_seconds=round(monotonic() - self._failing_since, 1),
            )
        self._failing_since, self._failure_logged = None, False

    async def _give_up(self, entry: Entry, why: str, attempts: int) -> None:
        fields = entry.fields or {}
        named = {name: fields.get(name) for name in ("id", "type", "room")}
        self._last_given_up = {**named, "why": why, "attempts": attempts}
        self._given_up += 1
        self._tell_given_up()
        self._figures.given_up.labels(self._receiver.label).inc()
        about = {"receiver": self._receiver.label, "why": why, "attempts": str(attempts)}
        await _surely(lambda: self._queue.bury(self._receiver.group, entry, **about))

    def _tell_given_up(self) -> None:
        """Tell how many were given up, and about the last one. A receiver that is away gives thousands."""
        if self._given_up and monotonic() - self._told_at >= WARN_SECONDS:
            self._told_at = monotonic()
            log.error(
                "webhooks given up: they are dead letters now",
                receiver=self._receiver.label,
                webhooks=self._given_up,
                **self._last_given_up,
            )
            self._given_up = 0


async def _surely(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask Redis until it answers, or the lease is lost."""
    while True:
        try:
            return await ask()
        except (RedisError, OSError):
            await asyncio.sleep(AWAY_SECONDS)


def wait_seconds(failures: int, luck: float, asked: float) -> float:
    """How long to wait after so many failures in a row.

    1, 2, 4 ... 60 s, less up to a quarter of that by `luck`, 0 to 1, which spreads the rooms' next tries.
    `asked` are seconds that the receiver asked for (Retry-After).
    """
    seconds = min(FIRST_SECONDS * float(1 << min(failures - 1, 10)), LAST_SECONDS)
    return max(seconds * (1 - luck / 4), asked)
