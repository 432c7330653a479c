"""The calling end: what Redis says of its requests, and how it goes on while Redis is away."""

import asyncio
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.bus.batch import Call
from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import unpack
from shared.messages.signalling import Answer, CloseRoom, Publish
from shared.names import RequestId, WorkerId
from shared.rpc import client as module
from shared.rpc.client import (
    MAX_OFFERS_QUEUED,
    MAX_QUEUED,
    LeftWorkerError,
    NotAsGivenError,
    RpcClient,
    SilentWorkerError,
)
from shared.rpc.request import REPLY_SHARE
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually


class Reader:
    """In the place of the list of replies: fails, and says how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_closed = False

    async def pop(self) -> bytes | None:
        self.asked += 1
        await asyncio.sleep(0)
        raise RedisConnectionError

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(("seconds", "asked"), [(60.0, False), (0.001, True)])
async def test_between_two_tries_it_rests(
    seconds: float, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", seconds)
    untyped: Any = None
    client, reader = RpcClient(untyped, "redis://127.0.0.1:1", clock=untyped), Reader()
    monkeypatch.setattr(client, "_reader", reader)
    async with meanwhile(client.run()):
        await eventually("it asks", lambda: reader.asked > 3 if asked else reader.asked, 30.0, every=0.001)
        for _ in range(100):
            await asyncio.sleep(0)
        assert (reader.asked > 1) is asked
    assert reader.is_closed


@pytest.mark.parametrize(
    ("outcomes", "error", "code"),
    [
        ([0], ServiceError, ErrorCode.WORKER_FULL),
        ([-2], LeftWorkerError, ErrorCode.WORKER_FULL),
        ([-3], NotAsGivenError, ErrorCode.NO_WORKER),
        ([-1, -2], LeftWorkerError, ErrorCode.WORKER_FULL),  # the clock is read anew, once
        ([-1, -1], SilentWorkerError, ErrorCode.NO_WORKER),
    ],
)
@pytest.mark.parametrize(
    ("message", "most"),
    [(Publish(room="demo", offer=b""), MAX_OFFERS_QUEUED), (CloseRoom(room="demo"), MAX_QUEUED)],
)
async def test_what_redis_does_not_take_is_refused_at_once(
    outcomes: list[int],
    error: type,
    code: ErrorCode,
    message: Any,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, seen = list[Call](), list[tuple[str, str, float]]()
    reads, freshened = list[int](), list[int]()

    class Clock:
        def earliest(self) -> float:
            return 5_000.0

        async def freshen(self) -> None:
            freshened.append(1)

        async def read(self) -> None:
            reads.append(1)

    async def called(_redis: Any, call: Call) -> int:
        calls.append(call)
        return outcomes[len(calls) - 1]

    monkeypatch.setattr(module, "called", called)
    monkeypatch.setattr(module, "traceparent", lambda: "of the caller")
    untyped: Any = Clock()
    client = RpcClient(untyped, "redis://127.0.0.1:1", lambda *one: seen.append(one), untyped)
    with pytest.raises(error) as refused:
        await client.call(WorkerId("w1"), message, Answer, timeout=60.0, request_id=RequestId("r"))
    assert refused.value.code is code
    assert len(calls) == len(outcomes)
    assert len(reads) == outcomes.count(-1)
    assert len(freshened) == 1
    for call in calls:
        body, waiting, _, deadline, left, *_ = call.args
        assert (unpack(body)["traceparent"], waiting) == ("of the caller", most)
        assert unpack(body)["deadline"] == deadline == 5_000.0 + left
        assert 50.0 < left <= 60.0 * (1 - REPLY_SHARE)  # the rest is for the way of the reply
    assert client._pending == {}
    [(name, outcome, seconds)] = seen
    assert (name, outcome) == (type(message).__name__, code.value)
    assert 0.0 <= seconds < 60.0
