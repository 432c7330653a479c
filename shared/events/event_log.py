"""Where workers write what happens in their rooms: a stream that control delivers from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import cast

from redis.asyncio import Redis

from shared.book.book import Notice
from shared.bus import keys
from shared.bus.batch import Batch
from shared.messages.events import RoomEvent
from shared.names import RoomName

KNOWN_AT_ONCE = 500  # rooms


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast that is under way, as Redis knows it. `last` is the number of its latest event."""

    id: str
    last: int
    worker: str


class Told(IntEnum):
    """What Redis has done with events."""

    UNKNOWN = -1  # some of their broadcasts are over, or were never told: those events were left out
    UNWANTED = 0  # nobody wants them, or nobody yet in a Redis that has come back empty
    LOGGED = 1


class EventLog:
    """Every call may raise `RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def tell(self, events: Sequence[RoomEvent]) -> Told:
        """Log events, in order, in one round trip.

        An event that Redis has is not logged again, as long as its broadcast lives.
        """
        batch = Batch(self._redis)
        for (room, broadcast, worker), some in groupby(events, lambda e: (e.room, e.broadcast, e.worker)):
            parts = [part for event in some for part in _parts(event)]
            batch.call(
                "tell_events",
                [
                    keys.OUTBOX,
                    keys.BROADCASTS,
                    keys.EVENTS_WANTED,
                    keys.OUTBOX_NUMBERS,
                    keys.viewing(RoomName(room)),
                ],
                [room, broadcast, worker, keys.OUTBOX_LENGTH, keys.OUTBOX_TTL_SECONDS, *parts],
            )
        return Told(min(await batch.execute(), default=Told.LOGGED))

    async def is_wanted(self) -> bool:
        """Whether there are receivers."""
        return bool(await self._redis.exists(keys.EVENTS_WANTED))

    async def broadcasts(self, rooms: Sequence[RoomName]) -> dict[RoomName, Broadcast | None]:
        """The broadcasts of these rooms."""
        found: dict[RoomName, Broadcast | None] = {}
        for first in range(0, len(rooms), KNOWN_AT_ONCE):
            some = rooms[first : first + KNOWN_AT_ONCE]
            lives = cast(list[bytes | None], await self._redis.hmget(keys.BROADCASTS, list(some)))
            found |= zip(some, map(read_broadcast, lives), strict=True)
        return found


def notice(event: RoomEvent) -> Notice:
    """What logs an event that belongs to no broadcast in the step in which a document is put.

    `%s` in its id becomes the document's stamp.
    """
    id_, kind, at, number, facts = _parts(event)
    fields = {
        "type": kind,
        "room": event.room,
        "at": at,
        "broadcast": event.broadcast,
        "number": number,
        "worker": event.worker,
        "facts": facts,
    }
    flat = [part for field in fields.items() for part in field]
    return Notice(
        [keys.OUTBOX, keys.OUTBOX_NUMBERS, keys.EVENTS_WANTED],
        [keys.OUTBOX_LENGTH, keys.OUTBOX_TTL_SECONDS, id_, *flat],
    )


def read_broadcast(value: bytes | None) -> Broadcast | None:
    """What `tell_events.lua` wrote; None for anything else."""
    parts = (value or b"").decode(errors="replace").split(" ")
    if len(parts) != 3 or not parts[1].isdecimal():
        return None
    return Broadcast(parts[0], int(parts[1]), parts[2])


def _parts(event: RoomEvent) -> tuple[str | int | float, ...]:
    facts = json.dumps(event.facts, ensure_ascii=False, separators=(",", ":"))
    return event.id, event.type.value, f"{event.at:.6f}", event.number, facts
