"""Several commands go to Redis in one round trip, and each gets its own result."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.bus import batch, connection
from shared.bus.batch import Batch, Call, called, script
from shared.bus.connection import OWN_CONNECTIONS, ListReader, ShortCalls, connect


async def results(redis: Redis, *commands: tuple[Any, ...]) -> list[Any]:
    several = Batch(redis)
    for command in commands:
        several.add(*command)
    return await several.execute()


async def test_each_command_has_its_result(redis: Redis) -> None:
    found = await results(redis, ("SET", "a", 1), ("INCRBY", "a", 4), ("GET", "none"), ("LRANGE", "b", 0, 9))
    assert found == [True, 5, None, []]


async def test_nothing_is_no_trip() -> None:
    async with connect("redis://127.0.0.1:1/0") as redis:
        assert await Batch(redis).execute() == []


async def test_an_error_is_raised_when_all_is_done(redis: Redis) -> None:
    with pytest.raises(ResponseError):
        await results(redis, ("SET", "a", "x"), ("INCR", "a"), ("SET", "b", "y"))
    assert await redis.get("b") == b"y"


async def test_a_connection_that_died_in_the_pool_is_replaced(redis: Redis, redis_url: str) -> None:
    [number] = await results(redis, ("CLIENT", "ID"))
    async with connect(redis_url) as other:
        assert await other.client_kill_filter(_id=str(number)) == 1
    assert await results(redis, ("ECHO", "back")) == [b"back"]


def test_scripts_are_read_with_what_they_include() -> None:
    folder = Path(batch.__file__).parents[1] / "directory"
    assert batch._read(folder / "claim_room.lua") == script("claim_room")
    assert script("claim_room").text.startswith((folder / "epoch.lua").read_text())


async def test_nobody_at_the_address_is_an_error_of_redis() -> None:
    async with connect("redis://127.0.0.1:1/0") as redis:
        for _ in range(2):  # the connection is free again
            with pytest.raises(RedisConnectionError):
                await results(redis, ("PING",))
            assert len(cast(ShortCalls, redis)._free) == OWN_CONNECTIONS


async def test_connections_beside_the_pool_are_lent_to_one_at_a_time_the_last_one_first(redis: Redis) -> None:
    lender = cast(ShortCalls, redis)
    for _ in range(2):
        taken = [await lender.take() for _ in range(OWN_CONNECTIONS + 1)]
        assert (*taken[:-1],) == lender._own[::-1]
        assert taken[-1] not in lender._own
        for each in taken[::-1]:
            await lender.give_back(each)


async def test_many_at_once_get_their_own_results(redis: Redis) -> None:
    asked = [results(redis, ("ECHO", number)) for number in range(100)]
    assert await asyncio.gather(*asked) == [[b"%d" % number] for number in range(100)]


async def test_a_batch_does_not_wait_for_another_one(redis: Redis) -> None:
    waiting = asyncio.create_task(results(redis, ("BLPOP", "empty", 60)))
    await asyncio.sleep(0.02)
    assert await results(redis, ("ECHO", "mine")) == [b"mine"]
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_who_gives_up_leaves_no_result_for_the_next(redis: Redis) -> None:
    for _ in range(3):
        given_up = asyncio.create_task(results(redis, ("BLPOP", "empty", 1)))
        await asyncio.sleep(0.02)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert await results(redis, ("ECHO", "mine")) == [b"mine"]


async def test_a_script_that_redis_does_not_have_is_loaded(redis: Redis) -> None:
    await redis.script_flush()
    hold = Call("hold_id", ["id"], ["me", 1000])
    assert await called(redis, hold) == b"me"
    several = Batch(redis)
    several.add("GET", "id")
    several.put(hold)
    assert await several.execute() == [b"me", b"me"]


async def test_a_reader_of_a_list_whose_connection_died_gets_the_next_entry(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ListReader(redis_url, "list")
    await redis.rpush("list", "a")
    assert await reader.pop() == b"a"
    others = {each["id"] for each in await redis.client_list() if each["cmd"] == "blpop"}
    for number in others:
        assert await redis.client_kill_filter(_id=number) == 1
    await redis.rpush("list", "b")
    assert await reader.pop() == b"b"
    monkeypatch.setattr(connection, "BLOCK_SECONDS", 0.05)
    assert await reader.pop() is None
    await reader.close()
