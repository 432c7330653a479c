"""Calls between the planes over a real Valkey are answered or refused; garbage hurts nobody."""

import asyncio
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import pack
from shared.messages.signalling import Answer, Closed, CloseRoom, Patch, Publish, Role
from shared.rpc.client import RpcClient
from shared.rpc.request import reply_from_map
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import (
    IN_TIME,
    REQUEST_ID,
    WORKER,
    publish,
    refused,
    running,
)


async def test_a_call_is_answered(client: RpcClient, server: RpcServer) -> None:
    assert await publish(client) == Answer(session="w1.demo", sdp="the offer", etag="e")


async def test_every_field_of_a_message_arrives(redis: Redis, redis_url: str, client: RpcClient) -> None:
    sent = Patch(session="w1.x", room="demo", role=Role.PLAY, fragment=b"\x00\xff", if_match=None)
    arrived: list[Patch] = []

    async def take(message: Patch) -> Closed:
        arrived.append(message)
        return Closed(sessions=0)

    async with running(RpcServer(redis, redis_url, WORKER, {Patch: take})):
        await client.call(WORKER, sent, Closed, timeout=IN_TIME, request_id=REQUEST_ID)
    assert arrived == [sent]


async def test_calls_at_once_get_each_its_own_answer(client: RpcClient, server: RpcServer) -> None:
    async def close(number: int) -> Closed:
        message = CloseRoom(room=str(number))
        return await client.call(WORKER, message, Closed, timeout=IN_TIME, request_id=REQUEST_ID)

    answers = await asyncio.gather(*(close(number) for number in range(100)))
    assert [answer.sessions for answer in answers] == list(range(100))


async def test_control_processes_get_each_its_own_answers(
    redis: Redis, redis_url: str, client: RpcClient, server: RpcServer
) -> None:
    other = RpcClient(redis, redis_url)
    async with running(other):
        answers = await asyncio.gather(*(publish(one) for one in (client, other) * 10))
    assert len(answers) == 20


@pytest.mark.parametrize("code", ErrorCode)
async def test_named_errors_travel(redis: Redis, redis_url: str, client: RpcClient, code: ErrorCode) -> None:
    async def refuse(_: Publish) -> Answer:
        raise ServiceError(code, "in words", detail="because", retry_after=7)

    async with running(RpcServer(redis, redis_url, WORKER, {Publish: refuse})):
        error = await refused(publish(client))
    assert (error.code, error.message, error.detail, error.retry_after) == (code, "in words", "because", 7)


@pytest.mark.parametrize(
    "result",
    [
        {"error": {"code": "of_next_year", "message": None, "detail": None, "retry_after": None}},
        {"error": {}},
        {"error": None},
        {"error": "no map"},
        {"error": ["code"]},
        {"error": 7},
        {"error": {"code": "no_worker", "message": ["x"]}},
        {"error": {"code": "no_worker", "retry_after": float("nan")}},
        {"error": {"code": "no_worker", "retry_after": "soon"}},
        {"error": {"code": "no_worker", "detail": {"a": 1}}},
        {},
        {"ok": None},
        {"ok": 7},
        {"ok": {"session": "w1.x", "sdp": "v=0"}},
        {"ok": {"session": "w1.x", "sdp": 5, "etag": "e"}},
        {"ok": {"session": "w1.x\r\nSet-Cookie: a", "sdp": "v=0", "etag": "e"}},
        {"ok": {"session": "w1.…", "sdp": "v=0", "etag": "e"}},
        {"ok": {"session": "../../../x", "sdp": "v=0", "etag": "e"}},
        {"ok": {"session": "w1.x", "sdp": "v=0", "etag": 'e", W/"f'}},
    ],
)
def test_what_a_newer_or_broken_worker_says_is_no_bug_of_ours(result: dict[str, object]) -> None:
    with pytest.raises(ServiceError) as caught:
        reply_from_map(Answer, result)
    assert caught.value.code is ErrorCode.NO_WORKER
    assert caught.value.detail == "the worker's answer cannot be read"


async def test_a_bug_in_a_handler_is_internal_and_logged_with_the_request_id(
    redis: Redis, redis_url: str, client: RpcClient
) -> None:
    async def fail(_: Publish) -> Answer:
        raise RuntimeError("secret of the worker")

    with capture_logs() as logs:
        async with running(RpcServer(redis, redis_url, WORKER, {Publish: fail})):
            error = await refused(publish(client))
            again = await refused(publish(client))
    assert error.code is again.code is ErrorCode.INTERNAL
    assert (error.message, error.detail) == (None, None)
    failures = [line for line in logs if line["event"] == "rpc request failed"]
    assert [(line["op"], line["request_id"]) for line in failures] == [("Publish", REQUEST_ID)] * 2
    assert all(line["log_level"] == "error" and line["exc_info"] for line in failures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A message that this worker's version does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFields:
    """`CloseRoom` of another version: its room is called otherwise."""

    name: str = "demo"


OtherFields.__name__ = "CloseRoom"
UNREADABLE = Publish(room="demo", offer=b"of another version")


@pytest.mark.parametrize("message", [Renamed(), OtherFields(), UNREADABLE])
async def test_a_message_of_another_version_may_be_tried_again(
    client: RpcClient, server: RpcServer, message: object
) -> None:
    with capture_logs() as logs:
        error = await refused(client.call(WORKER, message, Closed, timeout=IN_TIME, request_id=REQUEST_ID))
    assert (error.code, error.detail) == (ErrorCode.NO_WORKER, "the worker cannot read the request")
    assert error.retry_after
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("rpc request not understood", "warning")
    ]


GARBAGE = [
    b"",
    b"\xc1",
    b"\xff" * 100,
    pack(None),
    pack([1, 2]),
    pack({}),
    pack({"id": 5}),
    pack({"id": ["x"], "ok": 1}),
    pack({"id": "x", "op": "Publish"}),
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_garbage_in_either_list_is_passed_over(
    redis: Redis, client: RpcClient, server: RpcServer, garbage: bytes
) -> None:
    with capture_logs():
        await redis.rpush(keys.rpc_requests(WORKER), garbage)
        await redis.rpush(client._reply_to, garbage)
        assert (await publish(client)).session == "w1.demo"
