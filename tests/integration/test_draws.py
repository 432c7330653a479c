"""Which workers Redis draws for a client: fair, whatever number of control processes ask, and at any size."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.directory import Directory
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId

DRAWN = 4


async def announce(redis: Redis, *names: str, **more: Any) -> None:
    status = {"state": WorkerState.READY, "http_url": ""} | more
    for name in names:
        await Directory(redis).beat(WorkerStatus(id=name, **status), [])


async def drawn(redis: Redis, *avoid: str, **more: bool) -> list[WorkerId]:
    return await Directory(redis).draw_workers(DRAWN, [WorkerId(name) for name in avoid], **more)


async def test_the_least_burdened_of_those_that_take_such_a_client_comes_first(redis: Redis) -> None:
    await announce(redis, "busy", load=0.7)
    await announce(redis, "free", load=0.2, sessions=500)
    await announce(redis, "full", takes_publishers=False)
    await announce(redis, "for publishers", takes_viewers=False, load=0.5)
    await announce(redis, "draining", state=WorkerState.DRAINING)
    assert await drawn(redis) == ["free", "for publishers", "busy"]
    assert await drawn(redis, for_viewer=True) == ["full", "free", "busy"]


async def test_nobody_is_drawn_from_nobody(redis: Redis) -> None:
    assert await drawn(redis) == []


async def test_those_to_avoid_come_last_and_get_no_place(redis: Redis) -> None:
    await announce(redis, "a", load=0.1)
    await announce(redis, "b", load=0.9)
    assert await drawn(redis, "a") == ["b", "a"]
    assert await drawn(redis, "a", "b") == ["a", "b"]
    places = [await redis.zscore(keys.TAKES_PUBLISHERS, worker) for worker in ("a", "b")]
    assert places == [1_000_000, 9_000_001]


async def test_a_place_counts_until_the_worker_says_what_is_true(redis: Redis) -> None:
    await announce(redis, "a", "b")
    [first, second] = await drawn(redis)
    assert await drawn(redis) == [second, first]
    await announce(redis, "c", sessions=1)
    directory = Directory(redis)
    await redis.delete(keys.worker_process(first))
    await directory.beat(WorkerStatus(id=first, state=WorkerState.READY, http_url="", sessions=5), [])
    assert (await drawn(redis))[-1] == first


async def test_a_worker_that_fell_silent_is_not_drawn_and_is_forgotten(redis: Redis) -> None:
    await announce(redis, "a", "b", "c")
    for worker, seconds in (("a", 3), ("b", keys.HEARTBEAT_TTL_MS / 1000)):
        await redis.zincrby(keys.WORKERS, -seconds, worker)
    await redis.zrem(keys.WORKERS, "c")
    assert await drawn(redis) == ["a"]
    assert await redis.zrange(keys.TAKES_PUBLISHERS, 0, -1) == [b"a"]


async def test_the_living_are_drawn_however_many_have_died(redis: Redis) -> None:
    await announce(redis, *(f"w{number}" for number in range(40)))
    for number in range(35):
        await redis.zrem(keys.WORKERS, f"w{number}")
    assert len(await drawn(redis)) == DRAWN
    assert await redis.zcard(keys.TAKES_PUBLISHERS) < 40


async def test_a_worker_that_gets_full_or_leaves_is_not_drawn(redis: Redis) -> None:
    directory = Directory(redis)
    status = WorkerStatus(id="a", state=WorkerState.READY, http_url="")
    await directory.beat(status, [])
    assert await drawn(redis) == ["a"]
    await directory.tell(
        WorkerStatus(id="a", state=WorkerState.READY, http_url="", takes_publishers=False), [], set()
    )
    assert await drawn(redis) == []
    assert await drawn(redis, for_viewer=True) == ["a"]
    await directory.leave(WorkerId("a"))
    assert await drawn(redis, for_viewer=True) == []


async def test_equals_are_drawn_by_lot(redis: Redis) -> None:
    await announce(redis, "a", "b", "c")
    firsts = set()
    for _ in range(50):
        await redis.zadd(keys.TAKES_PUBLISHERS, dict.fromkeys("abc", 0))  # nobody has a place yet
        firsts.add((await drawn(redis))[0])
    assert firsts == {"a", "b", "c"}


@pytest.mark.parametrize(("workers", "most"), [(100, 1.3), (2, 1.05)])
async def test_four_control_processes_at_once_spread_publishers(
    redis: Redis, workers: int, most: float
) -> None:
    await announce(redis, *(f"w{number}" for number in range(workers)))
    placed: Counter[WorkerId] = Counter()

    async def control() -> None:
        directory = Directory(redis)
        for _ in range(250):
            placed.update((await directory.draw_workers(DRAWN))[:1])

    await asyncio.gather(*(control() for _ in range(4)))
    assert max(placed.values()) <= most * 1000 / workers
