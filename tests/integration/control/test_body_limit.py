"""How much of a body is read: not the rest of what is too large, nor any of what nobody waits for."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from control.http.bodies import FREE_BYTES, MAX_BODY_BYTES, _Share
from shared.messages.sessions import FindSessions, Living
from tests.integration.control.conftest import Stage
from tests.integration.control.row import SESSION
from tests.support.waiting import eventually

WHIP = "/api/whip/publish/demo"
HEAD = f"POST {WHIP} HTTP/1.1\r\nHost: test\r\nContent-Type: application/sdp\r\n"


async def connect(http: httpx.AsyncClient) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(http.base_url.host, http.base_url.port)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


@pytest.mark.parametrize("asks_first", ["", "Expect: 100-continue\r\n"])
async def test_an_announced_size_is_refused_before_the_body(stage: Stage, asks_first: str) -> None:
    reader, writer = await connect(await stage.control())
    writer.write(f"{HEAD}Content-Length: {MAX_BODY_BYTES + 1}\r\n{asks_first}\r\n".encode())
    response = await read_to_end(reader)  # to the end: the server closes the connection
    assert response.startswith(b"HTTP/1.1 413 ")
    assert b'{"error":"request body too large"}' in response
    assert b"access-control-allow-origin: *" in response.lower()
    writer.close()


async def test_a_streamed_body_that_is_too_large_is_413(stage: Stage) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"v" * 0x10000

    http = await stage.control()
    response = await http.post(WHIP, content=body(), headers={"Content-Type": "application/sdp"})
    assert response.status_code == 413


async def test_the_bodies_of_invented_sessions_are_not_read(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[FindSessions] = Living(sessions=())
    http = await stage.control()
    session = f"/api/whip/publish/demo/{SESSION}"
    patch = f"PATCH {session} HTTP/1.1\r\nHost: test\r\nContent-Type: application/trickle-ice-sdpfrag\r\n"
    post = f"POST {session.replace('whip/publish', 'whep/play')}/events HTTP/1.1\r\nHost: test\r\n"
    opened = []
    for head in [patch] * 10 + [post] * 10:
        reader, writer = await connect(http)
        writer.write(f"{head}Content-Length: 4000\r\n\r\n".encode())  # and no body
        opened.append((reader, writer))
    async with asyncio.timeout(10):
        for reader, writer in opened:
            assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
            writer.close()


@pytest.mark.parametrize("framing", ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n"])
async def test_an_answer_waits_for_the_end_of_its_request(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    """Caddy and Traefik may cut one that does not. Nobody reads this body: its type is refused."""
    monkeypatch.setattr("control.http.whole_requests.SECONDS", 30.0)
    reader, writer = await connect(await stage.control())
    wrong = HEAD.replace("application/sdp", "text/html")
    writer.write(f"{wrong}{framing}\r\n3\r\nv".encode())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    writer.write(b"=0\r\n0\r\n\r\n" if "chunked" in framing else b"=0")
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 415 ")
    writer.close()


async def test_who_does_not_end_a_request_is_answered_anyway(stage: Stage) -> None:
    reader, writer = await connect(await stage.control())
    writer.write(f"{HEAD.replace('application/sdp', 'text/html')}Content-Length: 1\r\n\r\n".encode())
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 415 ")
    writer.close()


async def test_large_bodies_share_what_they_may_have_and_small_ones_always_pass(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.worker()
    http = await stage.control()
    monkeypatch.setattr("control.http.bodies.SHARED_BYTES", 2 * MAX_BODY_BYTES)
    headers = {"Content-Type": "application/sdp"}
    slow = [await connect(http) for _ in range(2)]
    for _, writer in slow:
        writer.write(f"{HEAD}Content-Length: {MAX_BODY_BYTES}\r\n\r\n".encode())
        writer.write(b"v" * (MAX_BODY_BYTES - 1))
        await writer.drain()

    held = 2 * (MAX_BODY_BYTES - 1 - FREE_BYTES)
    await eventually("they have arrived", lambda: _Share.taken == held, within=10)
    refusal = await http.post(WHIP, content=b"v" * MAX_BODY_BYTES, headers=headers)
    assert (refusal.status_code, refusal.headers["Retry-After"]) == (503, "1")
    assert refusal.json()["detail"] == "too many large requests"
    assert (await http.post(WHIP, content=b"v" * FREE_BYTES, headers=headers)).status_code == 400
    for _, writer in slow:
        writer.close()

    await eventually("they have given it back", lambda: not _Share.taken, within=10)
    assert (await http.post(WHIP, content=b"v" * MAX_BODY_BYTES, headers=headers)).status_code == 400
