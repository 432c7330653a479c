"""Every process holds the rulings, and gives them to a Redis that has lost them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.book import book as book_of_documents
from shared.bus import keys
from shared.bus.connection import Command, connect
from shared.bus.redis_clock import RedisClock
from shared.errors import ServiceError
from shared.messages.rulings import Block, Revocation
from shared.rulings.ruling_book import RulingBook
from tests.support.own_valkey import OwnValkey

HOUR = 3600.0


async def empty(redis: Redis) -> None:
    """What comes into the log in the same millisecond would have the ids of what was there."""
    await redis.flushall()
    await asyncio.sleep(0.002)


def book(redis: Redis, changed: Callable[[set[str]], None] = lambda _: None) -> RulingBook:
    return RulingBook(redis, RedisClock(redis), changed)


def block(room: str, *, lifted: bool = False) -> Block:
    return Block(room=room, until=time.time() + HOUR, lifted=lifted)


def blocked(one: RulingBook) -> list[str]:
    return [held.room for held in one.rulings.blocks(time.time())]


async def test_others_follow_the_log_and_are_told_once(redis: Redis) -> None:
    told: list[int] = []
    one, other = book(redis), book(redis, lambda _: told.append(1))
    await one.put(block("a"))
    await other.look()
    assert blocked(other) == ["a"]
    for room in ("b", "c"):
        await one.put(block(room))
    await one.put(block("a", lifted=True))
    await one.put(Revocation(jti="j", until=time.time() + HOUR))
    before = await redis.info("commandstats")
    await other.look()
    await other.look()
    after = await redis.info("commandstats")
    assert blocked(other) == ["b", "c"]
    assert len(told) == 2
    # it has read what is new, and not the whole book
    assert after.get("cmdstat_hmget") == before.get("cmdstat_hmget")
    newcomer = book(redis)
    assert not newcomer.read.is_set()
    await newcomer.look()
    assert newcomer.read.is_set()
    assert blocked(newcomer) == ["b", "c"]


async def test_a_look_before_redis_is_settled_does_not_count(redis: Redis) -> None:
    """Others may be about to write back what Redis has lost."""
    settled = False
    one = RulingBook(redis, RedisClock(redis), is_settled=lambda: settled)
    await one.look()
    with pytest.raises(ServiceError):
        one.check_read()
    await book(redis).put(block("a"))
    settled = True
    await one.look()
    one.check_read()
    assert blocked(one) == ["a"]


async def test_those_who_wait_for_a_look_share_the_next_one(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, clock, may_go_on = list[int](), RedisClock(redis), asyncio.Event()
    read = clock.read

    async def count(*beside: Command) -> list[Any]:
        began.append(1)
        await may_go_on.wait()
        return await read(*beside)

    monkeypatch.setattr(clock, "read", count)
    one = RulingBook(redis, clock)
    known_at = one.known_at
    looks = [asyncio.create_task(one.look()) for _ in range(10)]
    await asyncio.sleep(0)  # the first of them has begun
    await book(redis).put(block("a"))
    looking_at = time.monotonic()
    may_go_on.set()
    await asyncio.gather(*looks)
    assert blocked(one) == ["a"]
    assert len(began) == 2
    assert known_at < looking_at < one.known_at


async def test_what_the_log_has_lost_is_read_from_the_book(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = book(redis), book(redis)
    await one.put(block("a"))
    await other.look()
    await one.put(block("b"))
    await redis.delete(keys.RULING_LOG)
    await other.look()
    assert blocked(other) == ["a", "b"]
    await asyncio.sleep(0.002)  # otherwise its next entry may have the id of the last one
    await one.put(block("c"))
    await other.look()
    assert blocked(other) == ["a", "b", "c"]
    monkeypatch.setattr(book_of_documents, "_AT_ONCE", 3)
    for number in range(10):
        await one.put(block(f"d{number}"))
    await other.look()
    assert len(blocked(other)) == 13


async def test_an_empty_redis_gets_what_everybody_holds(redis: Redis) -> None:
    one, stale = book(redis), book(redis)
    await one.put(block("a"))
    await one.put(block("lifted"))
    await stale.look()
    await one.put(block("lifted", lifted=True))
    await empty(redis)
    for _ in range(2):  # in any order, at any time
        await stale.look()
        await one.look()
    newcomer = book(redis)
    await newcomer.look()
    await stale.look()
    assert blocked(newcomer) == blocked(stale) == blocked(one) == ["a"]


async def test_a_redis_that_is_emptied_again_gets_them_again(redis: Redis) -> None:
    one = book(redis)
    await one.put(block("a"))
    for _ in range(3):  # each time before the look that would have seen what was written back
        await empty(redis)
        await one.look()
        newcomer = book(redis)
        await newcomer.look()
        assert blocked(newcomer) == ["a"]


async def test_a_ruling_that_redis_loses_at_once_is_given_to_it_again(redis: Redis) -> None:
    one = book(redis)
    await one.look()
    await one.put(block("a"))
    await empty(redis)
    assert blocked(one) == ["a"]
    await one.look()
    newcomer = book(redis)
    await newcomer.look()
    assert blocked(newcomer) == ["a"]


@pytest.mark.parametrize("before", [[], ["a"]])
async def test_who_did_not_know_the_rest_does_not_tell_a_lost_ruling_as_put(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, before: list[str]
) -> None:
    one, other = book(redis), book(redis)
    await one.look()
    for room in before:
        await one.put(block(room))
    await other.put(block("b"))
    put = one._put

    async def put_and_lose(*rulings: Any) -> Any:
        result = await put(*rulings)
        await empty(redis)
        return result

    monkeypatch.setattr(one, "_put", put_and_lose)
    with pytest.raises(ServiceError, match="no_worker"):
        await one.put(block("a"))


async def test_what_is_put_here_is_not_read_back(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[set[str]] = []
    one, other = book(redis, told.append), book(redis)
    await one.look()
    look, looks = one.look, 0

    async def count() -> None:
        nonlocal looks
        looks += 1
        await look()

    monkeypatch.setattr(one, "look", count)
    for room in ("a", "b"):
        await one.put(block(room))
    assert (looks, blocked(one), [len(names) for names in told]) == (0, ["a", "b"], [1, 1])
    await other.put(block("c"))
    await one.put(block("d"))  # in between it missed something
    assert (looks, blocked(one)) == (1, ["a", "b", "c", "d"])


async def test_a_look_and_what_is_put_meanwhile_do_not_disturb_each_other(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and the whole book is not read."""
    one, other = book(redis), book(redis)
    await one.put(block("a"))
    await other.look()

    async def nothing() -> None:
        pytest.fail("the whole book was read")

    for each in (one, other):
        monkeypatch.setattr(each, "_read_all", nothing)
    for number in range(20):
        await asyncio.gather(
            *(
                each.put(block(f"{name}{number}-{at}"))
                for name, each in (("o", one), ("t", other))
                for at in range(3)
            ),
            *(each.look() for each in (one, other, one, other)),
        )
    for each in (one, other):
        await each.look()
        assert len(blocked(each)) == 121


async def test_an_older_redis_gets_what_is_newer(redis: Redis) -> None:
    """A replica takes over that had not got everything yet."""
    one = book(redis)
    await one.put(block("a"))
    dumps = {key: await redis.dump(key) for key in (keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG)}
    await one.put(block("b"))
    await one.put(block("a", lifted=True))
    for key, dump in dumps.items():
        assert dump
        await redis.restore(key, 0, dump, replace=True)
    await one.look()
    newcomer = book(redis)
    await newcomer.look()
    assert blocked(newcomer) == blocked(one) == ["b"]


async def test_without_redis_what_was_known_stays_and_nothing_is_put(own_valkey: OwnValkey) -> None:
    async with connect(own_valkey.url) as redis:
        one = book(redis)
        await one.put(block("a"))
        own_valkey.stop()
        with pytest.raises(RedisError):
            await one.put(block("b"))
        assert blocked(one) == ["a"]


async def test_what_another_process_has_told_is_in_force_without_redis(own_valkey: OwnValkey) -> None:
    told: list[set[str]] = []
    async with connect(own_valkey.url) as redis:
        one, other = book(redis), book(redis, told.append)
        await other.look()
        held = await one.put(block("a"))
        await asyncio.to_thread(own_valkey.stop)
        other.take(held.document.name, held.data)
        with pytest.raises(RedisError):
            await other.look()
        assert (told, blocked(other)) == ([{held.document.name}], ["a"])


async def test_a_large_book_is_read_in_pieces(redis: Redis) -> None:
    one, newcomer = book(redis), book(redis)
    for number in range(250):
        await one.put(block(f"r{number}"))
    before = await redis.info("commandstats")
    await newcomer.look()
    after = await redis.info("commandstats")
    assert len(blocked(newcomer)) == 250
    assert after["cmdstat_hmget"]["calls"] - before.get("cmdstat_hmget", {"calls": 0})["calls"] == 3
