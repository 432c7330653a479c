"""What a worker does with one request, by clocks of this test: once, in time, and in its caller's trace."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from shared.bus.batch import Call
from shared.errors import REDIS_RETRY_SECONDS, ErrorCode, ServiceError
from shared.messages.encoding import DecodeError, pack, to_map, unpack
from shared.messages.signalling import Closed, CloseRoom
from shared.names import WorkerId
from shared.rpc import server as module
from shared.rpc.request import CLOSED, MAX_SECONDS, RETRY_AFTER_SECONDS, TOO_LATE, UNANSWERED
from shared.rpc.server import RpcServer

DEADLINE = 5_000.0


class World:
    """Redis' clock shows `latest` at most, and what `reads` says once it is read anew."""

    def __init__(self, answer: Callable[[], Any] = lambda: Closed(sessions=3)) -> None:
        self.handled: list[str] = []
        self.freshened = 0
        self.sent: list[Call] = []
        self.outcomes: list[tuple[str, str]] = []
        self.undone: list[Any] = []
        self.latest_now = DEADLINE - 1.0
        self.reads: float | Exception | None = None
        self.is_in_time: int | Exception = 1
        self._answer = answer
        redis: Any = self
        clock: Any = self
        self.server = RpcServer(
            redis,
            "redis://127.0.0.1:1",
            WorkerId("w1"),
            {CloseRoom: self._handle},
            self._observe,
            clock,
            self.undone.append,
            self._send,
        )

    def _observe(self, op: str, outcome: str, seconds: float) -> None:
        self.outcomes.append((op, outcome))
        assert 0.0 <= seconds < (1e-9 if outcome == TOO_LATE else 60.0)

    async def freshen(self) -> None:
        self.freshened += 1

    async def read(self) -> None:
        if isinstance(self.reads, Exception):
            raise self.reads
        self.latest_now = self.latest_now if self.reads is None else self.reads

    def latest(self) -> float:
        return self.latest_now

    async def _handle(self, message: CloseRoom) -> Any:
        self.handled.append(message.room)
        return self._answer()

    async def _send(self, call: Call) -> int:
        self.sent.append(call)
        if isinstance(self.is_in_time, Exception):
            raise self.is_in_time
        return self.is_in_time

    async def serve(self, id_: str = "1", **more: Any) -> None:
        request = {
            "id": id_,
            "op": "CloseRoom",
            "reply_to": "replies",
            "deadline": DEADLINE,
            "request_id": "r1",
            "body": {"room": "demo"},
        }
        await self.server._serve(pack(request | more))

    def replies(self) -> list[dict[str, Any]]:
        return [unpack(call.args[0]) for call in self.sent]


def refuses() -> Any:
    raise ServiceError(ErrorCode.NOT_FOUND)


async def test_a_request_is_answered_to_its_caller_until_its_deadline() -> None:
    world = World()
    await world.serve()
    [call] = world.sent
    assert (call.name, call.keys, call.args[2]) == ("push_reply", ["replies"], DEADLINE)
    assert world.freshened == 1
    [reply] = world.replies()
    assert reply == {"id": "1", "ok": to_map(Closed(sessions=3))}
    assert world.outcomes == [("CloseRoom", "ok")]


async def test_requests_are_taken_through_pauses_and_outages_until_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mark that a former process has left is no request, nor an end; its own comes only once."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    closings: list[Any] = [RedisConnectionError(), [b"3"]]
    entries = [None, RedisConnectionError(), OSError(), CLOSED, b"1", b"2"]
    server: Any = World().server

    async def pop() -> bytes | None:
        if not entries:
            assert not server._closing
            server._closing = True
            return CLOSED
        if isinstance(one := entries.pop(0), Exception):
            raise one
        return one

    async def close_list() -> Any:
        if isinstance(one := closings.pop(0), Exception):
            raise one
        return one

    server._reader, server._close_list = SimpleNamespace(pop=pop), close_list
    assert [data async for data in server._requests()] == [b"1", b"2", b"3"]


async def test_one_that_was_pushed_twice_is_served_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    world = World()
    for id_ in ("1", "1", "2"):
        await world.serve(id_)
    assert len(world.handled) == 2
    now += MAX_SECONDS
    await world.serve("1")
    assert len(world.handled) == 2
    now += 0.1
    await world.serve("3")
    assert set(world.server._taken) == {"3"}  # of the others nothing can come any more


async def test_what_comes_too_late_is_not_begun() -> None:
    world = World()
    world.latest_now = DEADLINE
    await world.serve()
    assert not world.handled
    assert world.outcomes == [("CloseRoom", TOO_LATE)]


async def test_before_one_is_dropped_the_clock_is_read_anew() -> None:
    world = World()
    for latest in (DEADLINE, DEADLINE + 60.0):
        world.latest_now, world.reads = latest, DEADLINE - 1.0
        await world.serve(str(latest))
    assert world.handled == ["demo", "demo"]


async def test_without_redis_s_clock_nothing_is_begun() -> None:
    world = World()
    world.latest_now, world.reads = DEADLINE, RedisConnectionError()
    await world.serve()
    assert not world.handled


async def test_nothing_takes_longer_than_a_request_may() -> None:
    world = World()
    world.latest_now = DEADLINE - 2.0
    assert await world.server._left(DEADLINE) == 2.0
    assert await world.server._left(DEADLINE + 100.0) == MAX_SECONDS


async def test_a_refusal_is_a_reply_that_undoes_nothing() -> None:
    world = World(refuses)
    world.is_in_time = 0
    await world.serve()
    [reply] = world.replies()
    assert reply["error"]["code"] == "not_found"
    assert not world.undone


async def test_what_its_caller_does_not_learn_is_undone() -> None:
    world = World()
    world.is_in_time = 0
    await world.serve()
    assert world.undone == [Closed(sessions=3)]
    assert world.outcomes == [("CloseRoom", UNANSWERED)]


async def test_a_reply_that_may_have_arrived_undoes_nothing() -> None:
    world = World()
    world.is_in_time = RedisConnectionError()
    with capture_logs() as logs:
        await world.serve()
    assert [line["log_level"] for line in logs] == ["warning"]
    assert not world.undone
    assert world.outcomes == [("CloseRoom", UNANSWERED)]


@pytest.mark.parametrize(
    ("error", "code", "detail", "retry_after", "cause"),
    [
        (ZeroDivisionError("secret of the worker"), "internal", None, None, "internal"),
        (RedisConnectionError(), "no_worker", "Redis is away", REDIS_RETRY_SECONDS, "redis_away"),
    ],
)
async def test_what_breaks_in_a_handler_has_a_code(
    error: Exception, code: str, detail: str | None, retry_after: int | None, cause: str
) -> None:
    def break_it() -> Any:
        raise error

    world = World(break_it)
    with capture_logs() as logs:
        await world.serve()
    [reply] = world.replies()
    said = {"code": code, "message": None, "detail": detail, "retry_after": retry_after, "cause": cause}
    assert reply["error"] == said
    bugs = [(line["event"], line["op"], line["request_id"]) for line in logs if line["exc_info"]]
    assert bugs == ([("rpc request failed", "CloseRoom", "r1")] if code == "internal" else [])


async def test_a_reply_that_is_no_message_ends_nothing() -> None:
    world = World(object)
    await world.serve()
    assert world.outcomes == [("CloseRoom", UNANSWERED)]


async def test_a_message_of_another_version_is_no_bug() -> None:
    def unreadable() -> Any:
        raise DecodeError

    world = World(unreadable)
    with capture_logs() as logs:
        await world.serve(body={"house": "demo"})
        await world.serve("2", op="OpenHouse")
        await world.serve("3")
    detail = "the worker cannot read the request"
    code = "no_worker"
    said = {
        "code": code,
        "message": None,
        "detail": detail,
        "retry_after": RETRY_AFTER_SECONDS,
        "cause": code,
    }
    assert [reply["error"] for reply in world.replies()] == [said] * 3
    assert [op for op, _ in world.outcomes] == ["CloseRoom", "unknown", "CloseRoom"]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("rpc request not understood", "warning")
    ] * 3


@pytest.mark.parametrize("trace", ["", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
async def test_only_a_request_of_a_trace_begins_a_span(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, str]] = []

    def root_span(name: str, traceparent: str, **_: Any) -> AbstractContextManager[None]:
        begun.append((name, traceparent))
        return nullcontext()

    monkeypatch.setattr(module, "root_span", root_span)
    await World().serve(traceparent=trace)
    assert begun == ([("serve CloseRoom", trace)] if trace else [])
