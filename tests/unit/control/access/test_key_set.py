"""A key set that rolls, whose server hangs, lies and dies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from control.access import key_set as module
from control.access.key_set import MAX_BYTES, KeySet
from shared.telemetry.failure import address_in
from tests.support.endpoint import headers_of
from tests.support.jwks_server import JwksServer
from tests.support.meanwhile import meanwhile
from tests.support.signing_keys import SigningKey, key_set, signing_key
from tests.support.waiting import eventually

CLAIMS = {"exp": 4_000_000_000}
FIRST, SECOND, THIRD = (signing_key("EdDSA", kid) for kid in ("first", "second", "third"))
SOON = 5.0


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.05)


def token(key: SigningKey) -> bytes:
    return key.sign(CLAIMS).encode()


@asynccontextmanager
async def running(server: JwksServer) -> AsyncIterator[KeySet]:
    keys = KeySet(server.url)
    async with meanwhile(keys.run()):
        yield keys


def names(keys: KeySet) -> set[str | None]:
    return {key.name for key in keys.keys}


async def rested(keys: KeySet) -> None:
    """The pause after a fetch is over."""
    await eventually("the set may be fetched again", lambda: not keys._pausing, SOON, every=0.005)


async def test_the_first_token_waits_for_the_first_fetch() -> None:
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        assert keys.may_lack(token(FIRST))
        await keys.prepare(token(FIRST))
        assert names(keys) == {"first"}
        assert 0 <= keys.age() < SOON
        assert not keys.may_lack(token(FIRST))
        assert not keys.may_lack(token(SECOND))  # the set is there, and has no such key


async def test_a_new_key_is_fetched_when_a_token_names_it() -> None:
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        server.body = key_set(SECOND, FIRST)
        await rested(keys)
        await keys.prepare(token(FIRST))
        assert server.asked == 1
        await asyncio.gather(*(keys.prepare(token(SECOND)) for _ in range(50)))
        assert names(keys) == {"first", "second"}
        assert server.asked == 2


async def test_a_withdrawn_key_is_gone_after_the_next_fetch_and_only_what_is_new_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.1)
    async with JwksServer(key_set(FIRST, SECOND)) as server, running(server) as keys:
        with capture_logs() as logs:
            await eventually("the same keys come again", lambda: server.asked > 2, SOON)
            server.body = key_set(SECOND)
            await eventually("the first key is gone", lambda: names(keys) == {"second"}, SOON)
        assert [line["keys"] for line in logs] == [2, 1]


async def test_the_server_gets_no_cookie_that_it_sets() -> None:
    async with JwksServer(key_set(FIRST)) as server:
        server.head += "\r\nSet-Cookie: session=1; Path=/"
        keys = KeySet(server.url)
        for _ in range(2):
            await keys.fetch()
        await keys.close()
    assert ["cookie" in headers_of(head) for head in server.heads] == [False, False]


async def test_names_that_nobody_knows_do_not_hurry_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 60.0)
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        async with asyncio.timeout(1):
            for number in range(100):
                await keys.prepare(FIRST.sign(CLAIMS, kid=f"unknown{number}").encode())
        assert server.asked == 1


UNNAMED = FIRST.sign(CLAIMS, kid="").encode()


@pytest.mark.parametrize("text", [b"", b"secret", b"a.b.c", b"\xff", b"e30.e30.", b"." * 9000, UNNAMED])
async def test_what_names_no_key_waits_for_nothing(text: bytes) -> None:
    async with JwksServer(key_set(FIRST, SECOND)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        await rested(keys)
        await keys.prepare(text)
        assert server.asked == 1
        assert not keys.may_lack(text)


async def test_the_last_keys_outlive_their_server() -> None:
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        await server.die()
        await rested(keys)
        with capture_logs() as logs:
            for _ in range(3):
                await keys.prepare(token(SECOND))
                await rested(keys)
            assert names(keys) == {"first"}
            assert keys.may_lack(token(SECOND))
            assert not keys.may_lack(token(FIRST))
            server.body = key_set(FIRST, SECOND)
            await server.start()
            await eventually("the server is asked again", lambda: "second" in names(keys), SOON)
        told = [(line["log_level"], line["event"]) for line in logs]
        assert told == [
            ("error", "the key set of JWT_JWKS_URL cannot be fetched"),
            ("info", "key set of JWT_JWKS_URL fetched"),
        ]
        assert logs[0]["keys"] == 1
        assert logs[0]["error"] == f"{address_in(server.url)}: All connection attempts failed"


async def test_a_server_that_hangs_keeps_a_request_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.1)
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        server.hangs = True
        await rested(keys)
        async with asyncio.timeout(2):
            await keys.prepare(token(SECOND))
            await keys.prepare(token(FIRST))
        assert keys.may_lack(token(SECOND))
        assert not keys.may_lack(token(FIRST))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": b"<html>"}, "is no JWK set"),
        ({"body": key_set()}, "has no key that verifies"),
        ({"body": b" " * MAX_BYTES + key_set(THIRD)}, "has more than 65536 bytes"),
        ({"head": "HTTP/1.1 500 Oops"}, "is not there: status 500"),
        ({"head": "HTTP/1.1 302 Found\r\nLocation: /keys"}, "is not there: status 302"),
        ({"head": "HTTP/1.1 204 No Content"}, "is not there: status 204"),
        ({"head": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip", "body": b"\x1f\x8b"}, "is no JWK set"),
        ({"head": "no HTTP"}, "illegal status line"),
    ],
)
async def test_a_wrong_answer_takes_no_key_away(answer: dict[str, Any], reason: str) -> None:
    async with JwksServer(key_set(FIRST)) as server, running(server) as keys:
        await keys.prepare(token(FIRST))
        for name, value in answer.items():
            setattr(server, name, value)
        await rested(keys)
        with capture_logs() as logs:
            await keys.prepare(token(SECOND))
        assert names(keys) == {"first"}
        assert reason in logs[0]["error"]


async def test_a_set_that_is_away_from_the_start_is_told_once_and_again_when_it_is_there() -> None:
    async with JwksServer(key_set(FIRST)) as server:
        server.head, good = "HTTP/1.1 500 Oops", server.head
        with capture_logs() as logs:
            async with running(server) as keys:
                await eventually("two have failed", lambda: server.asked > 2, SOON, every=0.005)
                server.head = good
                await eventually("it is there", lambda: keys.keys, SOON, every=0.005)
    assert [line["log_level"] for line in logs] == ["error", "info"]
