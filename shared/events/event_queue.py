"""The events of rooms as control reads them: a consumer group of the stream for each receiver of webhooks.

All processes read as the same consumer, one at a time (`Lease`): whoever reads next first gets again what was
read before and not acknowledged, in the same order.
"""

import re
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.events.event_log import Broadcast, EventLog, read_broadcast
from shared.messages.events import EventType, RoomEvent, event_id
from shared.names import WorkerId

NEW = ">"  # in the place of an entry: what nobody has read
NUMBER = "entry"  # the field that numbers the entries
_CONSUMER = "control"
_SCAN_COUNT = 500
_ID = re.compile(r"\d{1,20}-\d{1,20}")


class NoGroupError(Exception):
    """Redis does not know this receiver's group: it has come back empty. `prepare` makes it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a stream. `fields` is None when it was trimmed before anybody acknowledged it."""

    id: str
    fields: dict[str, str] | None

    @property
    def number(self) -> int | None:
        """Its number in the stream; None: it was trimmed, or is a dead letter that is delivered again."""
        text = (self.fields or {}).get(NUMBER, "")
        return int(text) if text.isdecimal() else None

    def is_after(self, place: "Place") -> bool:
        return _order(self.id) > _order(place.id)

    @property
    def unix_time(self) -> float:
        return int(self.id.partition("-")[0]) / 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a receiver is in the stream. Entries are numbered without a gap, in the order of their ids."""

    number: int
    id: str

    @property
    def is_a_beginning(self) -> bool:
        """Nothing has been read: the id is of want_events.lua, and before those of all entries."""
        return self.id.startswith("0-")

    def passed(self, entries: Iterable[Entry]) -> "tuple[Place, int]":
        """The place behind `entries`, and how many before them were trimmed unread.

        What was read before counts for nothing, whether it is still there or not.
        """
        place, lost = self, 0
        for entry in entries:
            if entry.number is None or _order(entry.id) <= _order(place.id):
                continue
            lost += max(entry.number - place.number - 1, 0)
            place = Place(entry.number, entry.id)
        return place, lost


@dataclass(frozen=True, slots=True)
class Backlog:
    waiting: int  # events that are not acknowledged
    oldest: float | None  # Unix time of the oldest of them


class EventQueue:
    """Every call may raise `RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._log = EventLog(redis)

    # --- delivering

    async def prepare(self, groups: Iterable[str]) -> None:
        """Make what is missing: these receivers get what happens from now on, and workers tell it."""
        wanted = [keys.OUTBOX, keys.EVENTS_WANTED, keys.OUTBOX_NUMBERS, keys.BROADCASTS]
        lives = [keys.EVENTS_WANTED_SECONDS, keys.OUTBOX_TTL_SECONDS]
        await called(self._redis, Call("want_events", wanted, [*lives, *groups]))

    async def read(self, group: str, after: str, count: int) -> list[Entry]:
        """What was read before and is not acknowledged, after an entry; or with `NEW`, what comes next."""
        try:
            found = await self._redis.xreadgroup(group, _CONSUMER, {keys.OUTBOX: after}, count)
        except ResponseError as error:
            if "NOGROUP" in str(error):
                raise NoGroupError from None
            raise
        streams = found.values() if isinstance(found, dict) else (entries for _, entries in found or ())
        return [_entry(*entry) for entries in streams for entry in _flat(entries)]

    async def last_read(self, group: str) -> "Place":
        """The last entry that a receiver has read. Raises `NoGroupError`."""
        value = await cast("Awaitable[bytes | None]", self._redis.hget(keys.OUTBOX_NUMBERS, group))
        return _place(value)

    async def keep_last_read(self, group: str, before: "Place", place: "Place") -> "Place":
        """Keep `place` in the place of `before`; returns the one that is kept then.

        It is another one in a Redis that has come back without its last writes, or empty. Raises
        `NoGroupError` if there is none.
        """
        values = [f"{each.number} {each.id}" for each in (before, place)]
        keep = Call("keep_last_read", [keys.OUTBOX_NUMBERS], [group, *values])
        return _place(await called(self._redis, keep))

    async def acknowledge(self, group: str, entry: Entry) -> None:
        await self._redis.xack(keys.OUTBOX, group, entry.id)

    async def backlog(self, group: str) -> Backlog:
        """How much one receiver has not got yet."""
        groups: list[dict[str, Any]] = await self._redis.xinfo_groups(keys.OUTBOX)
        for found in groups:
            if found["name"].decode() == group:
                pending, lag = int(found["pending"]), int(found.get("lag") or 0)
                oldest = await self._oldest(group, found["last-delivered-id"].decode(), pending)
                return Backlog(pending + lag, oldest if pending + lag else None)
        return Backlog(0, None)

    async def _oldest(self, group: str, last_read: str, pending: int) -> float | None:
        if pending:
            summary: dict[str, Any] = await self._redis.xpending(keys.OUTBOX, group)
            if summary["min"]:
                return Entry(summary["min"].decode(), None).unix_time
        unread = cast(list[Any], await self._redis.xrange(keys.OUTBOX, f"({last_read}", count=1))
        if not unread:
            return None
        [(id_, _)] = unread
        return Entry(id_.decode(), None).unix_time

    # --- dead letters

    async def bury(self, group: str, entry: Entry, **why: str) -> None:
        """Give a delivery up, and keep its event as a dead letter."""
        batch = Batch(self._redis)
        fields = {**(entry.fields or {}), **why, "to": group}
        fields.pop(NUMBER, None)  # it will have no place in the stream when it is delivered again
        batch.add("XADD", keys.DEAD_LETTERS, "MAXLEN", "~", keys.DEAD_LETTERS_LENGTH, "*", *_pairs(fields))
        batch.add("EXPIRE", keys.DEAD_LETTERS, keys.DEAD_LETTERS_TTL_SECONDS)
        batch.add("XACK", keys.OUTBOX, group, entry.id)
        await batch.execute()

    async def dead(self, after: str, count: int) -> list[Entry]:
        """Deliveries that were given up, oldest first."""
        found = cast(list[Any], await self._redis.xrange(keys.DEAD_LETTERS, f"({after}", count=count))
        return [_entry(*entry) for entry in found]

    async def find_dead(self, id_: str) -> Entry | None:
        found = cast(list[Any], await self._redis.xrange(keys.DEAD_LETTERS, id_, id_))
        return next(starmap(_entry, found), None)

    async def dead_count(self) -> int:
        return await self._redis.xlen(keys.DEAD_LETTERS)

    async def replay(self, entries: Sequence[Entry]) -> None:
        """Deliver these dead letters, each to its receiver, after everything that waits now."""
        batch = Batch(self._redis)
        for entry in entries:
            batch.add(
                "XADD", keys.OUTBOX, "MAXLEN", "~", keys.OUTBOX_LENGTH, "*", *_pairs(entry.fields or {})
            )
            batch.add("XDEL", keys.DEAD_LETTERS, entry.id)
        batch.add("EXPIRE", keys.OUTBOX, keys.OUTBOX_TTL_SECONDS)
        await batch.execute()

    # --- broadcasts whose worker is gone

    async def broadcasts(self) -> list[tuple[str, Broadcast]]:
        """Every broadcast that is under way, with its room."""
        found: list[tuple[str, Broadcast]] = []
        async for room, value in self._redis.hscan_iter(keys.BROADCASTS, count=_SCAN_COUNT):
            if (broadcast := read_broadcast(value)) is not None:
                found.append((room.decode(errors="replace"), broadcast))
        return found

    async def end(self, room: str, broadcast: Broadcast, at: float, reason: str) -> None:
        """Tell that a broadcast has ended, unless it has told something itself since."""
        number = broadcast.last + 1
        event = RoomEvent(
            id=event_id(broadcast.id, number),
            type=EventType.ROOM_ENDED,
            room=room,
            at=at,
            worker=WorkerId(broadcast.worker),
            broadcast=broadcast.id,
            number=number,
            facts={"reason": reason},
        )
        await self._log.tell([event])


def _place(value: bytes | None) -> Place:
    """Raises `NoGroupError` where there is none."""
    number, _, id_ = (value or b"").decode(errors="replace").partition(" ")
    if not (number.isdecimal() and _ID.fullmatch(id_)):
        raise NoGroupError
    return Place(int(number), id_)


def _order(id_: str) -> tuple[int, int]:
    milliseconds, _, number = id_.partition("-")
    return int(milliseconds), int(number)


def _flat(entries: list[Any]) -> list[Any]:
    """redis-py nests the entries once more with RESP3."""
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _entry(id_: bytes, fields: dict[bytes, bytes] | None) -> Entry:
    text = {name.decode(): value.decode(errors="replace") for name, value in (fields or {}).items()}
    return Entry(id_.decode(), text or None)


def _pairs(fields: dict[str, str]) -> list[str]:
    return [part for field in fields.items() for part in field]
