"""What an answer of `AUTH_URL` means, how long it holds, and how much waits for one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from control.access import auth_callback as module
from control.access.auth_callback import MAX_TEXT, AuthCallback, Question
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RequestId
from tests.support.callback_server import CallbackServer
from tests.support.endpoint import headers_of
from tests.support.waiting import eventually

ANN = Question(
    action=Role.PUBLISH, room="demo", token=b"hush", address="192.0.2.1", query="a=b", user_agent="OBS"
)
YES, NO, AWAY = None, ErrorCode.UNAUTHORIZED, ErrorCode.CALLBACK_AWAY


@pytest.fixture
async def server() -> AsyncIterator[CallbackServer]:
    async with CallbackServer() as running:
        yield running


@pytest.fixture
async def callback(server: CallbackServer) -> AsyncIterator[AuthCallback]:
    asks = AuthCallback(server.url, seconds=30.0, cache_seconds=60.0)
    yield asks
    await asks.close()


async def outcome(callback: AuthCallback, question: Question = ANN) -> ErrorCode | None:
    try:
        await callback.check(question, RequestId("r1"))
    except ServiceError as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, YES) for status in (200, 204, 299)),
        *((status, NO) for status in (400, 401, 403, 404, 410, 499)),
        *((status, AWAY) for status in (300, 302, 399, 408, 429, 500, 503)),
    ],
)
async def test_the_status_is_the_answer(
    status: int, expected: ErrorCode | None, server: CallbackServer, callback: AuthCallback
) -> None:
    server.answer = lambda _: f"{status} X"
    assert await outcome(callback) is expected


class Unending(CallbackServer):
    """The body of its answers does not end."""

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        return (await super().respond(head, reader)).replace(b"Content-Length: 2", b"Content-Length: 3")


async def test_the_status_counts_where_the_body_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 1.5)  # beyond the time for the answer
    async with Unending() as server:
        server.answer = lambda question: "200 OK" if question["path"] == "demo" else "403 No"
        callback = AuthCallback(server.url, seconds=1.0, cache_seconds=0.0)
        answers = await asyncio.gather(outcome(callback), outcome(callback, replace(ANN, room="other")))
        await callback.close()
    assert answers == [YES, NO]


async def test_an_answer_holds_until_its_time_is_over(
    server: CallbackServer, callback: AuthCallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    assert await outcome(callback) is YES
    server.answer = lambda _: "403 No"
    now += 59.9
    assert await outcome(callback) is YES
    now += 0.1
    assert await outcome(callback) is NO
    assert len(server.questions) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"action": Role.PLAY},
        {"room": "other"},
        {"token": b"guess"},
        {"token": None},
        {"address": "192.0.2.2"},
        {"query": "a=c"},
        {"user_agent": "VLC"},
    ],
)
async def test_an_answer_is_for_no_other_question(
    other: dict[str, Any], server: CallbackServer, callback: AuthCallback
) -> None:
    assert await outcome(callback) is YES
    server.answer = lambda _: "403 No"
    assert await outcome(callback, replace(ANN, **other)) is NO
    assert await outcome(callback) is YES


async def test_without_a_time_no_answer_is_kept(server: CallbackServer) -> None:
    callback = AuthCallback(server.url, seconds=30.0, cache_seconds=0.0)
    for _ in range(2):
        assert await outcome(callback) is YES
    assert len(server.questions) == 2
    await callback.close()


async def test_only_so_many_answers_are_kept_the_newest_ones(
    server: CallbackServer, callback: AuthCallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWERS", 2)
    for room in ("a", "b", "c"):
        await outcome(callback, replace(ANN, room=room))
    for room, asked in (("b", 3), ("c", 3), ("a", 4)):
        await outcome(callback, replace(ANN, room=room))
        assert len(server.questions) == asked


async def test_an_answer_that_is_renewed_is_among_the_newest(
    server: CallbackServer, callback: AuthCallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_ANSWERS", 2)
    now = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    for room, at in (("a", 0.0), ("b", 50.0), ("a", 61.0), ("c", 62.0), ("a", 63.0)):
        now = at
        await outcome(callback, replace(ANN, room=room))
    assert len(server.questions) == 4  # the last one was known


@pytest.mark.parametrize("limit", ["MAX_ASKING", "MAX_OF_CLIENT"])
async def test_nobody_waits_beside_so_many_of_all_clients_or_of_its_own(
    limit: str, server: CallbackServer, callback: AuthCallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 3)
    server.hangs = True
    of_one = limit == "MAX_OF_CLIENT"
    addresses = ["192.0.2.9"] * 3 if of_one else ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    crowd = [asyncio.create_task(outcome(callback, replace(ANN, address=each))) for each in addresses]
    await eventually("they ask", lambda: len(server.questions) == 3, 30.0)
    assert await outcome(callback, replace(ANN, address="192.0.2.9")) is AWAY
    if of_one:
        crowd.append(asyncio.create_task(outcome(callback)))
    await eventually("others have their turn", lambda: len(server.questions) == len(crowd), 30.0)
    for one in crowd:
        one.cancel()
    await asyncio.wait(crowd)


async def test_who_has_an_answer_makes_place_for_the_next(
    server: CallbackServer, callback: AuthCallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OF_CLIENT", 1)
    for room in ("a", "b", "c"):
        assert await outcome(callback, replace(ANN, room=room)) is YES
    server.answer = lambda _: "500 Oops"
    for room in ("d", "e"):
        assert await outcome(callback, replace(ANN, room=room)) is AWAY
    assert len(server.questions) == 5
    assert not callback._asking  # nothing is kept of a client that waits for nothing


async def test_a_question_carries_nothing_of_an_answer_about_another_client(
    server: CallbackServer, callback: AuthCallback
) -> None:
    server.answer = lambda question: f"200 OK\r\nSet-Cookie: session={question['path']}; Path=/"
    for room in ("a", "b"):
        assert await outcome(callback, replace(ANN, room=room)) is YES
    assert ["cookie" in headers_of(head) for head in server.heads] == [False, False]


async def test_the_longest_texts_are_cut() -> None:
    long = replace(ANN, query="q" * (MAX_TEXT + 1), user_agent="u" * (MAX_TEXT + 1)).body(RequestId("r1"))
    assert (len(long["query"]), len(long["userAgent"])) == (2048, 2048)


async def test_a_publisher_without_a_token_is_known_by_its_query(
    server: CallbackServer, callback: AuthCallback
) -> None:
    """Who publishes by `?user=ann&pass=…` comes back to its room, and nobody else does."""
    by_query = replace(ANN, token=None)
    assert callback.identity(by_query) == callback.identity(replace(by_query, address="192.0.2.9"))
    assert callback.identity(by_query) != callback.identity(replace(by_query, query="a=c"))
    assert callback.identity(ANN) == callback.identity(replace(ANN, query="a=c"))
    assert "hush" not in callback.identity(ANN)
    replica, other = (AuthCallback(url, seconds=1.0, cache_seconds=0.0) for url in (server.url, "http://a"))
    assert replica.identity(ANN) == callback.identity(ANN) != other.identity(ANN)
    for each in (replica, other):
        await each.close()
