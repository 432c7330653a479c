"""What workers write of their rooms: each event once, whoever else tells of the room."""

import json
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.events import event_log
from shared.events.event_log import Broadcast, EventLog, Told, notice, read_broadcast
from shared.events.event_queue import Backlog, Entry, EventQueue
from shared.messages.events import EventType, Facts, RoomEvent
from shared.messages.room_settings import RoomSettings
from shared.names import RoomName
from shared.room_settings.settings_book import SettingsBook
from tests.integration.webhooks.stage import event

ENDED = EventType.ROOM_ENDED


async def ids(redis: Redis) -> list[str]:
    entries = await redis.xrange(keys.OUTBOX)
    return [fields[b"id"].decode() for _, fields in entries]


async def ready(redis: Redis) -> tuple[EventLog, EventQueue]:
    queue = EventQueue(redis)
    await queue.prepare(["group"])
    return EventLog(redis), queue


async def test_an_event_that_is_told_twice_is_there_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = event("a", "x-1", 1), event("a", "x-1", 2)
    assert await EventLog(redis).tell([first]) is Told.UNWANTED
    assert not await redis.exists(keys.OUTBOX)
    log, _ = await ready(redis)
    assert await log.tell([first]) is Told.LOGGED
    assert await log.tell([first, second]) is Told.LOGGED
    assert await log.tell([second]) is Told.LOGGED
    assert await ids(redis) == ["x-1-1", "x-1-2"]
    monkeypatch.setattr(event_log, "KNOWN_AT_ONCE", 1)
    assert await log.broadcasts([RoomName("a"), RoomName("b")]) == {"a": Broadcast("x-1", 2, "w1"), "b": None}


async def test_what_waits_for_a_receiver_is_what_it_has_not_acknowledged(redis: Redis) -> None:
    log, queue = await ready(redis)
    await log.tell([event("a", "x-1", number) for number in (1, 2, 3)])
    times = [Entry(id_.decode(), None).unix_time for id_, _ in await redis.xrange(keys.OUTBOX)]
    assert await queue.backlog("group") == Backlog(3, times[0])
    for waiting, oldest in ((2, times[1]), (1, times[2]), (0, None)):
        [entry] = await queue.read("group", ">", 1)
        assert await queue.backlog("group") == Backlog(waiting + 1, entry.unix_time)
        await queue.acknowledge("group", entry)
        assert await queue.backlog("group") == Backlog(waiting, oldest)
    assert await queue.backlog("another") == Backlog(0, None)


@pytest.mark.parametrize("value", [None, b"", b"x-1 2", b"x-1 two w1", b"x-1 2 w1 more"])
def test_what_is_no_broadcast_is_none(value: bytes | None) -> None:
    assert read_broadcast(value) is None


async def test_what_is_told_with_a_document_is_told_if_that_is_put(redis: Redis) -> None:
    log, _ = await ready(redis)
    book = SettingsBook(redis, RedisClock(redis))
    facts: Facts = {"by": "ann", "fields": ["title"]}
    kind = EventType.ROOM_CONFIGURED
    alone = RoomEvent(id="demo-1", type=kind, room="demo", at=5.0, worker="", facts=facts)
    beside = notice(replace(alone, id="demo-%s-configured"))
    await log.tell([alone])
    put = await book.replace(b"", RoomSettings(room="demo", title="a"), beside)
    assert put is not None
    assert await book.replace(b"", RoomSettings(room="demo", title="b"), beside) is None
    assert await ids(redis) == ["demo-1", f"demo-{put.stamp.decode()}-configured"]
    first, second = [fields for _, fields in await redis.xrange(keys.OUTBOX)]
    assert (first.pop(b"entry"), second.pop(b"entry")) == (b"1", b"2")
    assert first | {b"id": b""} == second | {b"id": b""}
    for key in (keys.OUTBOX, keys.OUTBOX_NUMBERS):
        await redis.persist(key)
    put = await book.replace(put.stamp, RoomSettings(room="demo", title="c"), beside)
    assert put is not None
    for key in (keys.OUTBOX, keys.OUTBOX_NUMBERS):
        assert 0 < await redis.ttl(key) <= keys.OUTBOX_TTL_SECONDS
    await redis.delete(keys.EVENTS_WANTED)
    assert await book.replace(put.stamp, RoomSettings(room="demo", title="b"), beside)
    assert await redis.xlen(keys.OUTBOX) == 3


async def test_a_room_that_has_moved_ends_before_it_starts_again(redis: Redis) -> None:
    log, _ = await ready(redis)
    await log.tell([event("a", "x-1", 1)])
    await log.tell([event("a", "y-1", 1, worker="w2")])
    assert await ids(redis) == ["x-1-1", "x-1-2", "y-1-1"]
    assert [fields[b"number"] for _, fields in await redis.xrange(keys.OUTBOX)] == [b"1", b"2", b"1"]
    # the first worker's own farewell comes too late
    assert await log.tell([event("a", "x-1", 2, ENDED)]) is Told.UNKNOWN
    assert await ids(redis) == ["x-1-1", "x-1-2", "y-1-1"]


async def test_a_whole_broadcast_that_is_told_late_does_not_end_the_present_one(redis: Redis) -> None:
    log, _ = await ready(redis)
    await log.tell([event("a", "y-1", 1, worker="w2")])
    assert await log.tell([event("a", "x-1", 1), event("a", "x-1", 2, ENDED)]) is Told.LOGGED
    assert await ids(redis) == ["y-1-1", "x-1-1", "x-1-2"]
    assert await log.broadcasts([RoomName("a")]) == {"a": Broadcast("y-1", 1, "w2")}


async def test_a_broadcast_without_its_beginning_is_left_out(redis: Redis) -> None:
    log, _ = await ready(redis)
    assert await log.tell([event("a", "x-1", 2)]) is Told.UNKNOWN
    assert not await ids(redis)


async def test_a_broadcast_that_has_told_more_meanwhile_is_not_ended(redis: Redis) -> None:
    log, queue = await ready(redis)
    await log.tell([event("a", "x-1", 1)])
    [(room, seen)] = await queue.broadcasts()
    await log.tell([event("a", "x-1", 2)])
    await queue.end(room, seen, 1.0, "worker_lost")
    assert await ids(redis) == ["x-1-1", "x-1-2"]
    [(room, seen)] = await queue.broadcasts()
    await queue.end(room, seen, 1.0, "worker_lost")
    await queue.end(room, seen, 1.0, "worker_lost")
    assert await ids(redis) == ["x-1-1", "x-1-2", "x-1-3"]
    assert not await queue.broadcasts()


async def test_who_is_there_already_wants_events_anew(redis: Redis) -> None:
    """What tells workers so expires, and each control process says it from time to time."""
    _, queue = await ready(redis)
    await redis.delete(keys.EVENTS_WANTED)
    await queue.prepare(["group", "another"])
    assert await redis.exists(keys.EVENTS_WANTED)
    assert {group["name"] for group in await redis.xinfo_groups(keys.OUTBOX)} == {b"group", b"another"}


async def test_what_viewers_reported_goes_with_the_end_of_their_room(redis: Redis) -> None:
    """However it is told, and only once."""
    log, queue = await ready(redis)
    sums: dict[str | bytes, bytes | float | int | str] = {"reports": 2, "watched_ms": 60_000}

    async def told() -> list[dict[str, object]]:
        entries = [entry for _, entry in await redis.xrange(keys.OUTBOX) if entry[b"type"] == b"room.ended"]
        return [json.loads(entry[b"facts"]) for entry in entries]

    await redis.hset(
        keys.viewing(RoomName("b")), "stills", 9
    )  # of who watched the broadcast before, too late
    for room, farewell in (("a", [event("a", "x-1", 2, ENDED)]), ("b", [])):
        await log.tell([event(room, "x-1", 1)])
        await redis.hset(keys.viewing(RoomName(room)), mapping=sums)
        await log.tell(farewell or [event(room, "y-1", 1, worker="w2")])
    [(room, seen)] = await queue.broadcasts()
    await queue.end(room, seen, 1.0, "worker_lost")
    viewing = {"reports": 2, "watched_ms": 60_000}
    assert await told() == [
        {"viewing": viewing},
        {"reason": "moved", "viewing": viewing},
        {"reason": "worker_lost"},
    ]


async def test_what_cannot_be_made_is_an_error(redis: Redis) -> None:
    await redis.set(keys.OUTBOX, "no stream")
    with pytest.raises(RedisError):
        await EventQueue(redis).prepare(["group"])
    assert not await redis.exists(keys.EVENTS_WANTED)  # nobody would read them


async def test_all_of_it_expires(redis: Redis) -> None:
    log, queue = await ready(redis)
    outbox = keys.OUTBOX, keys.OUTBOX_NUMBERS
    assert await redis.ttl(keys.EVENTS_WANTED) > 0
    for key in outbox:
        assert await redis.ttl(key) > 0
        await redis.persist(key)
    await log.tell([event("a", "x-1", 1)])
    for key in (*outbox, keys.BROADCASTS):
        assert await redis.ttl(key) > 0
    for key in (*outbox, keys.BROADCASTS):  # of a room that is live for more than a week, and nothing happens
        await redis.expire(key, 60)
    await queue.prepare(["group"])
    for key in (*outbox, keys.BROADCASTS):
        assert 60 < await redis.ttl(key) <= keys.OUTBOX_TTL_SECONDS
    await redis.persist(keys.OUTBOX)
    [entry] = await queue.read("group", ">", 10)
    await queue.bury("group", entry, why="a reason")
    assert await redis.ttl(keys.DEAD_LETTERS) > 0
    [dead] = await queue.dead("0-0", 10)
    assert dead.number is None  # it has lost its place in the stream
    await queue.replay([dead])
    assert await redis.ttl(keys.OUTBOX) > 0
