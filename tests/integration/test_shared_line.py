"""What several tasks ask of Redis at one moment goes in one round trip, and each gets its own results."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from shared.bus import shared_line
from shared.bus.connection import ShortCalls, connect
from shared.bus.line import Command, exchanged
from shared.bus.round_trip import round_trip
from shared.rpc.list_reader import ListReader
from tests.support.waiting import eventually

Trips = list[int]  # the commands of each


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[ShortCalls]:
    async with connect(redis_url) as redis:
        assert isinstance(redis, ShortCalls)
        yield redis


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    seen: Trips = []

    async def noted(connection: Any, commands: Sequence[Command]) -> list[Any]:
        seen.append(len(commands))
        return await exchanged(connection, commands)

    monkeypatch.setattr(shared_line, "exchanged", noted)
    return seen


async def test_what_is_asked_at_one_moment_is_one_trip(redis: Redis, trips: Trips) -> None:
    first, second, third = await asyncio.gather(
        redis.set("a", 1), round_trip(redis, [("INCR", "a"), ("GET", "a")]), redis.hget("none", "b")
    )
    assert (first, second, third) == (True, [2, b"2"], None)
    assert trips == [4]


async def test_results_are_read_as_redis_py_reads_them(redis: Redis, trips: Trips) -> None:
    seconds, microseconds = await redis.time()
    assert isinstance(seconds, int)
    assert 0 <= microseconds < 1_000_000
    await redis.xadd("log", {"field": "x"})
    [[_, fields]] = await redis.xrange("log")
    assert fields == {b"field": b"x"}
    assert len(trips) == 3


async def test_an_error_is_its_askers_alone(redis: Redis) -> None:
    await redis.set("text", "x")
    wrong, right = await asyncio.gather(redis.incr("text"), redis.get("text"), return_exceptions=True)
    assert isinstance(wrong, ResponseError)
    assert right == b"x"


async def test_who_gives_up_takes_nothing_from_the_others(redis: Redis) -> None:
    for _ in range(3):
        leaving, staying = asyncio.create_task(redis.get("a")), asyncio.create_task(redis.set("a", 5))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying is True
        assert await redis.get("a") == b"5"


async def test_a_trip_that_is_full_or_under_way_leaves_the_others_to_the_pool(
    redis: Redis, trips: Trips
) -> None:
    most = shared_line.MOST_COMMANDS
    asked = [round_trip(redis, [("ECHO", number)]) for number in range(most + 10)]
    assert await asyncio.gather(*asked) == [[b"%d" % number] for number in range(most + 10)]
    assert trips == [most]


async def test_without_redis_each_asker_gets_the_error() -> None:
    async with connect("redis://127.0.0.1:1/0") as redis:
        found = await asyncio.gather(redis.get("a"), redis.get("b"), return_exceptions=True)
    assert all(isinstance(error, RedisError) for error in found)


async def test_who_waits_when_the_line_closes_is_told(redis: ShortCalls) -> None:
    waiting = redis.line.ask([("PING",)])
    assert waiting is not None
    await redis.line.close()
    with pytest.raises(RedisConnectionError):
        await waiting
    assert await redis.ping()


async def test_a_look_at_a_list_takes_commands_along(redis: Redis, redis_url: str) -> None:
    reader, found = ListReader(redis_url, "list"), list[Any]()
    assert not reader.carry([("PING",)], found.append)  # it does not rest
    reader.rests = True
    assert reader.carry([("RPUSH", "list", "x"), ("INCR", "list")], found.append)
    assert not reader.carry([("PING",)], found.append)  # it has some
    assert await reader.pop() == b"x"
    [(pushed, wrong)] = found
    assert pushed == 1
    assert isinstance(wrong, ResponseError)
    await reader.close()


async def test_what_a_dead_connection_was_to_carry_is_told_at_once(redis: Redis, redis_url: str) -> None:
    reader, found = ListReader(redis_url, "list"), list[Any]()
    [number] = await exchanged(await reader._line.connected(), [("CLIENT", "ID")])
    reader.rests = True
    assert reader.carry([("BLPOP", "none", 5)], found.append)
    looking = asyncio.create_task(reader.pop())

    async def waits() -> bool:
        clients = {int(each["id"]): each["cmd"] for each in await redis.client_list()}
        return clients.get(number) == "blpop"

    await eventually("it waits", waits, 5.0)
    assert await redis.client_kill_filter(_id=str(number)) == 1
    assert await looking is None
    assert isinstance(found[0], RedisConnectionError)
    await redis.rpush("list", "y")
    assert await reader.pop() == b"y"
    reader.rests = True
    assert reader.carry([("PING",)], found.append)
    await reader.close()
    assert isinstance(found[1], RedisConnectionError)
