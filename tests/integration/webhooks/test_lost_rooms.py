"""Rooms of workers that died end all the same; those of workers that live are told again if need be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from control.webhooks import lost_rooms
from media.sessions.end_reason import EndReason
from media.worker import event_teller
from media.worker.event_teller import EventTeller
from shared.bus import keys
from shared.directory.directory import Directory
from shared.events.event_log import EventLog
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.integration.webhooks.stage import IN_TIME, control, event, webhook_settings
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually
from tests.support.webhook_receiver import WebhookReceiver
from tests.unit.media.rooms.test_chronicle import StandIn

W1, W2 = WorkerId("w1"), WorkerId("w2")
PROCESS = "p"
ALL = ["room.started", "room.ended"]


def status(worker: WorkerId) -> WorkerStatus:
    return WorkerStatus(id=worker, state=WorkerState.READY, http_url="")


async def beat(redis: Redis, process: str = PROCESS) -> None:
    """A heartbeat of the worker's, by this process."""
    directory = Directory(redis)
    directory.process = process
    await directory.beat(status(W1), [])


async def told(redis: Redis, field: bytes) -> list[str]:
    """That field of each event."""
    return [fields[field].decode() for _, fields in await redis.xrange(keys.OUTBOX)]


@asynccontextmanager
async def telling(redis: Redis) -> AsyncIterator[EventTeller]:
    teller, registered = EventTeller(redis, W1, PROCESS, lambda: 100.0), asyncio.Event()
    registered.set()
    async with meanwhile(teller.run(registered)):
        yield teller


async def test_rooms_of_dead_and_of_restarted_workers_end(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_rooms, "DEAD_SECONDS", 0.1)
    living, restarted = Directory(redis), Directory(redis)
    await living.claim_room(RoomName("lives"), W1)
    await living.beat(status(W1), [RoomName("lives")])
    await restarted.beat(status(W2), [])
    async with WebhookReceiver() as receiver, control(webhook_settings(redis_url, [receiver.url]), redis):
        await EventLog(redis).tell(
            [
                event("lives", f"{living.process}-1", 1, worker=W1),
                event("restarted", "former-1", 1, worker=W2),
                event("dead", "gone-1", 1, worker="w3"),
            ]
        )
        await eventually("the dead one's room ends", lambda: receiver.types("dead") == ALL, IN_TIME)
        await eventually("so does the former one's", lambda: receiver.types("restarted") == ALL, IN_TIME)
        assert receiver.of_room("dead")[-1].event["data"]["reason"] == "worker_lost"
        assert receiver.types("lives") == ["room.started"]


async def test_a_worker_tells_its_rooms_anew_when_redis_has_lost_them(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "CHECK_SECONDS", 0.05)
    room, name = StandIn(), RoomName("demo")

    async def known() -> str:
        there = (await EventLog(redis).broadcasts([name]))[name]
        return there.id if there is not None else ""

    async with telling(redis) as teller:
        teller.chronicle.opened(cast(Any, room))
        await eventually("it was offered", lambda: not len(teller.chronicle), IN_TIME)
        assert not await known()  # nobody wanted to know
        await beat(redis)
        await redis.set(keys.EVENTS_WANTED, 1)
        await eventually("it is told now", lambda: known(), IN_TIME)
        before = await known()
        await redis.flushall()
        await redis.set(keys.EVENTS_WANTED, 1)
        await beat(redis)
        await eventually("it is told anew", lambda: known(), IN_TIME)
        assert await known() != before


async def test_a_room_that_lives_shortly_after_redis_was_emptied_is_told_from_its_start_to_its_end(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "AWAY_SECONDS", 0.02)
    await redis.set(keys.EVENTS_WANTED, 1)
    async with telling(redis) as teller:
        teller.chronicle.opened(cast(Any, StandIn("before")))
        await eventually("it is told", lambda: redis.xlen(keys.OUTBOX), IN_TIME)
        await redis.flushall()
        room = cast(Any, StandIn("after"))
        teller.chronicle.opened(room)
        teller.chronicle.ended(room, EndReason.PUBLISHER_LEFT, 1.0)
        await asyncio.sleep(0.1)  # control has not come by yet
        await redis.set(keys.EVENTS_WANTED, 1)

        async def all_is_told() -> bool:
            return await told(redis, b"type") == ALL

        await eventually("all of it is told", all_is_told, IN_TIME)


async def test_a_room_that_another_worker_seems_to_have_is_told_anew_if_it_stays_here(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "CHECK_SECONDS", 0.05)
    await beat(redis)
    await redis.set(keys.EVENTS_WANTED, 1)
    async with telling(redis) as teller:
        teller.chronicle.opened(cast(Any, StandIn()))
        await eventually("it is told", lambda: redis.xlen(keys.OUTBOX), IN_TIME)
        await EventLog(redis).tell([event("demo", "other-1", 1, worker=W2)])

        async def is_told_anew() -> bool:
            there = await told(redis, b"id")
            moved = ["p-1-1", "p-1-2", "other-1-1", "other-1-2"]
            return there[:4] == moved and any(id_.startswith("p-") for id_ in there[4:])

        await eventually("it is told anew", is_told_anew, IN_TIME)


async def test_a_process_that_has_lost_its_id_tells_nothing_anew(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_teller, "CHECK_SECONDS", 0.02)
    await beat(redis, "another")
    await redis.set(keys.EVENTS_WANTED, 1)
    checks = 0
    real = Directory.statuses

    async def counted(self: Directory, workers: Any) -> Any:
        nonlocal checks
        checks += 1
        return await real(self, workers)

    monkeypatch.setattr(Directory, "statuses", counted)
    async with telling(redis) as teller:
        teller.chronicle.opened(cast(Any, StandIn()))
        await eventually("it is told", lambda: redis.xlen(keys.OUTBOX), IN_TIME)
        await redis.delete(keys.BROADCASTS)  # as control does
        await eventually("it has looked", lambda: checks > 3, IN_TIME)
        assert await redis.xlen(keys.OUTBOX) == 1


async def test_what_happens_last_is_told_when_the_worker_stops(redis: Redis) -> None:
    await redis.set(keys.EVENTS_WANTED, 1)
    async with telling(redis) as teller:
        await asyncio.sleep(0)
        teller.chronicle.opened(cast(Any, StandIn()))
    assert await redis.xlen(keys.OUTBOX) == 1
