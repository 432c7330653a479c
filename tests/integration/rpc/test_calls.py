"""Calls between the planes over a real Valkey are answered or refused; garbage hurts nobody."""

import asyncio
from itertools import product

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.bus import keys
from shared.errors import CAUSES, ErrorCode, ServiceError
from shared.messages.encoding import pack, read
from shared.messages.signalling import Answer, Closed, CloseRoom, Publish
from shared.rpc.client import RpcClient
from shared.rpc.request import Reply
from shared.rpc.server import RpcServer
from tests.integration.rpc.ends import IN_TIME, REQUEST_ID, WORKER, publish, refused, running


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


async def test_named_errors_travel(redis: Redis, redis_url: str, client: RpcClient) -> None:
    errors = [*product(ErrorCode, CAUSES[:1]), *product([ErrorCode.NO_WORKER], CAUSES)]
    sent = iter(errors)

    async def refuse(_: Publish) -> Answer:
        code, cause = next(sent)
        raise ServiceError(code, "in words", detail="because", retry_after=7, cause=cause)

    async with running(RpcServer(redis, redis_url, WORKER, {Publish: refuse})):
        for code, cause in errors:
            error = await refused(publish(client))
            told = (error.code, error.message, error.detail, error.retry_after, error.cause)
            assert told == (code, "in words", "because", 7, cause or code.value)


def test_a_cause_that_nobody_knows_is_none() -> None:
    """Each would be a series of a metric."""
    made_up = pack({"id": "x", "error": {"code": "room_limit", "cause": "made up"}})
    with pytest.raises(ServiceError) as caught:
        read(Reply, made_up).read(Answer)
    assert caught.value.cause == "room_limit"


ANSWER = {"session": "w1.x", "sdp": "v=0", "etag": "e"}


@pytest.mark.parametrize(
    "result",
    [
        {"error": {"code": "of_next_year", "message": None, "detail": None, "retry_after": None}},
        *({"error": wrong} for wrong in ({}, None, "no map", ["code"], 7)),
        *({"error": {"code": "no_worker", "retry_after": wrong}} for wrong in (float("nan"), "soon")),
        {"error": {"code": "no_worker", "message": ["x"]}},
        {"error": {"code": "no_worker", "detail": {"a": 1}}},
        {"error": {"code": "no_worker", "cause": ["redis_is_new"]}},
        *({}, {"ok": None}, {"ok": 7}, {"ok": {"session": "w1.x", "sdp": "v=0"}}),
        *({"ok": ANSWER | {"session": odd}} for odd in ("w1.x\r\nSet-Cookie: a", "w1.…", "../../../x")),
        *({"ok": ANSWER | wrong} for wrong in ({"sdp": 5}, {"etag": 'e", W/"f'})),
    ],
)
def test_what_a_newer_or_broken_worker_says_is_no_bug_of_ours(result: dict[str, object]) -> None:
    with pytest.raises(ServiceError) as caught:
        read(Reply, pack({"id": "x"} | result)).read(Answer)
    assert caught.value.code is ErrorCode.NO_WORKER
    assert caught.value.detail == "the worker's answer cannot be read"


GARBAGE = [
    *(b"", b"\xc1", b"\xff" * 100, pack(None), pack([1, 2]), pack({}), pack({"id": 5})),
    *(pack({"id": ["x"], "ok": 1}), pack({"id": "x", "op": "Publish"})),
]


async def test_garbage_in_either_list_is_passed_over(
    redis: Redis, client: RpcClient, server: RpcServer
) -> None:
    with capture_logs():
        for garbage in GARBAGE:
            await redis.rpush(keys.rpc_requests(WORKER), garbage)
            await redis.rpush(client._reply_to, garbage)
            assert (await publish(client)).session == "w1.demo", garbage
