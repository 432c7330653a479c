"""Deliveries that were given up, in a real Valkey: what an operator sees of them, and sends again."""

import pytest
from redis.asyncio import Redis

from control.webhooks import dead_letters as module
from control.webhooks.dead_letters import DeadLetters
from control.webhooks.receiver import receivers_of
from shared.bus import keys
from shared.events.event_queue import Entry, EventQueue
from tests.unit.control.webhooks.test_message import FIELDS

HERE, GONE = receivers_of(["https://hooks.example/", "https://former.example/"])


async def letters(redis: Redis, *receivers: str) -> DeadLetters:
    """One of each event 1, 2 ... for these groups."""
    queue = EventQueue(redis)
    for number, group in enumerate(receivers, 1):
        entry = Entry(f"{number}-0", FIELDS | {"id": f"id{number}"})
        await queue.bury(group, entry, receiver="hooks.example", why="status 500", attempts="7")
    return DeadLetters(queue, [HERE])


async def outbox(redis: Redis) -> list[bytes]:
    return [fields[b"id"] for _, fields in await redis.xrange(keys.OUTBOX)]


async def test_all_are_replayed_but_those_of_a_receiver_that_is_none_any_longer(redis: Redis) -> None:
    there = await letters(redis, HERE.group, GONE.group, HERE.group)
    assert await there.replay_all() == (2, 1)
    assert await outbox(redis) == [b"id1", b"id3"]
    assert await there.replay_all() == (0, 1)
    assert await outbox(redis) == [b"id1", b"id3"]
    [left] = await there.page("", 10)
    assert left["webhookId"] == "id2"
    assert not await there.replay(left["id"])


async def test_only_so_many_are_replayed_at_once(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLAYED_AT_ONCE", 2)
    there = await letters(redis, *[HERE.group] * 3)
    assert await there.replay_all() == (2, 1)


async def test_letters_of_a_former_receiver_do_not_keep_younger_ones_back(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLAYED_AT_ONCE", 2)
    there = await letters(redis, *[GONE.group] * 3, *[HERE.group] * 4)
    assert [await there.replay_all() for _ in range(3)] == [(2, 5), (2, 3), (0, 3)]
    assert await outbox(redis) == [b"id4", b"id5", b"id6", b"id7"]


async def test_pages_go_on_where_the_one_before_ended(redis: Redis) -> None:
    there = await letters(redis, *[HERE.group] * 3)
    page = await there.page("", 2)
    assert [letter["webhookId"] for letter in page] == ["id1", "id2"]
    assert page[0]["attempts"] == 7
    assert [letter["webhookId"] for letter in await there.page(page[-1]["id"], 2)] == ["id3"]


async def test_what_is_no_event_is_shown_without_one(redis: Redis) -> None:
    await redis.xadd(keys.DEAD_LETTERS, {"why": "not an event", "attempts": "many"})
    [letter] = await (await letters(redis)).page("", 10)
    assert letter["event"] is None
    assert (letter["reason"], letter["attempts"], letter["webhookId"]) == ("not an event", 0, "")
