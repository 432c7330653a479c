"""Webhooks that were given up: listed, and delivered once more."""

from collections.abc import Sequence
from typing import Any

from control.webhooks.message import EventError, message_of, rfc3339
from control.webhooks.receiver import Receiver
from shared.events.event_queue import Entry, EventQueue

REPLAYED_AT_ONCE = 1_000


class DeadLetters:
    """Every call may raise `RedisError`."""

    def __init__(self, queue: EventQueue, receivers: Sequence[Receiver]) -> None:
        self._queue = queue
        self._groups = {receiver.group for receiver in receivers}

    async def page(self, after: str, limit: int) -> list[dict[str, Any]]:
        """The oldest dead letters behind the id `after`; behind an empty id, from the first one on."""
        return [_described(entry) for entry in await self._queue.dead(after or "0", limit)]

    async def replay(self, id_: str) -> bool:
        """Deliver one of them again; False if there is none with this id for a receiver of today."""
        entry = await self._queue.find_dead(id_)
        if entry is None or not self._has_receiver(entry):
            return False
        await self._queue.replay([entry])
        return True

    async def replay_all(self) -> tuple[int, int]:
        """Deliver the oldest that have a receiver again; returns how many, and how many are left of all."""
        found: list[Entry] = []
        after = "0"
        while len(found) < REPLAYED_AT_ONCE and (page := await self._queue.dead(after, REPLAYED_AT_ONCE)):
            found += filter(self._has_receiver, page)
            after = page[-1].id
        replayed = found[:REPLAYED_AT_ONCE]
        if replayed:
            await self._queue.replay(replayed)
        return len(replayed), await self._queue.dead_count()

    def _has_receiver(self, entry: Entry) -> bool:
        return (entry.fields or {}).get("to") in self._groups


def _described(entry: Entry) -> dict[str, Any]:
    fields = entry.fields or {}
    try:
        event: dict[str, Any] | None = message_of(entry).event
    except EventError:
        event = None
    attempts = fields.get("attempts", "")
    return {
        "id": entry.id,
        "receiver": fields.get("receiver", ""),
        "reason": fields.get("why", ""),
        "attempts": int(attempts) if attempts.isdecimal() else 0,
        "givenUpAt": rfc3339(entry.unix_time),
        "webhookId": fields.get("id", ""),
        "event": event,
    }
