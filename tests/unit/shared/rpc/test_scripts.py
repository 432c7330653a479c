"""The scripts that carry requests and replies, in a real Valkey: what is taken, and what stays."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.bus.batch import Batch

REQUESTS, REPLIES, GIVEN, TABOO = "requests", "replies", "given", "taboo"
CLOSED = "closed"
MOST_WAITING, LIST_SECONDS, MOST_LEFT = 3, 10, 5.0
TAKEN, FULL, CLOCK, LEFT, NOT_SO = 1, 0, -1, -2, -3


async def run(redis: Redis, script: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
    batch = Batch(redis)
    batch.call(script, list(keys), list(args))
    return (await batch.execute())[0]


async def push(redis: Redis, request: str = "r", *, left: float = 1.0, given: Sequence[str] = ()) -> int:
    """Push a request of the worker w1's whose deadline is in `left` seconds."""
    seconds, microseconds = await redis.time()
    deadline = f"{seconds + microseconds / 1e6 + left:.6f}"
    args = [request, MOST_WAITING, LIST_SECONDS, deadline, MOST_LEFT, CLOSED, "w1"]
    return int(await run(redis, "push_request", [REQUESTS, *given], args))


async def waiting(redis: Redis, key: str = REQUESTS) -> list[bytes]:
    return await redis.lrange(key, 0, -1)


async def test_requests_wait_in_order_up_to_so_many(redis: Redis) -> None:
    assert [await push(redis, request) for request in "abcd"] == [TAKEN, TAKEN, TAKEN, FULL]
    assert await waiting(redis) == [b"a", b"b", b"c"]
    assert 0 < await redis.ttl(REQUESTS) <= LIST_SECONDS


@pytest.mark.parametrize(
    ("left", "expected"), [(-0.5, CLOCK), (0.5, TAKEN), (MOST_LEFT - 0.5, TAKEN), (MOST_LEFT + 0.5, CLOCK)]
)
async def test_a_deadline_that_cannot_be_right_was_made_by_another_clock(
    redis: Redis, left: float, expected: int
) -> None:
    assert await push(redis, left=left) == expected
    assert len(await waiting(redis)) == (expected == TAKEN)


async def test_a_worker_that_has_left_takes_nothing(redis: Redis) -> None:
    await push(redis, "a")
    await redis.rpush(REQUESTS, CLOSED)  # it is about to leave, and serves what waits
    assert await push(redis, "b") == TAKEN
    await redis.lrem(REQUESTS, 1, CLOSED)
    assert await run(redis, "close_requests", [REQUESTS], [CLOSED, 60]) == [b"a", b"b"]
    assert await push(redis) == LEFT
    assert await waiting(redis) == [CLOSED.encode()]
    assert LIST_SECONDS < await redis.ttl(REQUESTS) <= 60


@pytest.mark.parametrize(
    ("there", "keys", "expected"),
    [
        ({}, [GIVEN], NOT_SO),
        ({GIVEN: "any"}, [GIVEN], TAKEN),
        ({}, [GIVEN, TABOO], NOT_SO),
        ({GIVEN: "w1"}, [GIVEN, TABOO], TAKEN),
        ({GIVEN: "w2"}, [GIVEN, TABOO], NOT_SO),
        ({GIVEN: "w1", TABOO: "1"}, [GIVEN, TABOO], NOT_SO),
    ],
)
async def test_a_request_is_taken_as_long_as_what_is_given_is_so(
    redis: Redis, there: dict[str, str], keys: list[str], expected: int
) -> None:
    for key, value in there.items():
        await redis.set(key, value)
    assert await push(redis, given=keys) == expected
    assert len(await waiting(redis)) == (expected == TAKEN)


@pytest.mark.parametrize(("left", "taken"), [(5.0, 1), (-0.5, 0)])
async def test_a_reply_comes_in_time_or_not_at_all(redis: Redis, left: float, taken: int) -> None:
    """Who has given up must find no answer of a request that it has sent again."""
    seconds, microseconds = await redis.time()
    deadline = seconds + microseconds / 1e6 + left
    assert await run(redis, "push_reply", [REPLIES], ["answer", LIST_SECONDS, f"{deadline:.6f}"]) == taken
    assert await waiting(redis, REPLIES) == [b"answer"] * taken
    if taken:
        assert 0 < await redis.ttl(REPLIES) <= LIST_SECONDS
