"""Pieces of HTTP in any order and any cut: the server forgets every connection, and logs no traceback."""

import asyncio
import contextlib
import random
from dataclasses import replace

import pytest

from tests.support.waiting import eventually
from tests.unit.shared.http.http_stage import AT_ONCE, CHUNKED, GET, PATIENCE_SECONDS, POST, Served, serving

SEED = 7
CLIENTS = 10
ROUNDS = 30
PIECES = [
    *(GET, POST, CHUNKED, b"\r\n", b"\x00\xff", b"x" * 20_000),
    *(b"GET /stream HTTP/1.1\r\n\r\n", b"GET /read HTTP/1.0\r\n\r\n", b"POST /refuse HTTP/1.1\r\n"),
    *(b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"GET * HTTP/1.1\r\n\r\n", b"GET http://a/read HTTP/1.1\r\n\r\n"),
    *(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /%zz?\xff HTTP/1.1\r\n\r\n"),
    *(b"X: y\r\n", b"Y: " + b"z" * 15_000 + b"\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n"),
    *(b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"),
    *(b"Content-Length: 5\r\n\r\n", b"12345", b"5\r\n12345\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n"),
]


async def stranger(served: Served, chance: random.Random) -> None:
    for _ in range(ROUNDS):
        said = b"".join(chance.choices(PIECES, k=chance.randint(1, 12)))
        reader, writer = await served.connect()
        with contextlib.suppress(OSError):  # also TimeoutError: it does not wait for the end
            while said:
                cut = chance.choice([10, 100, 5_000, 100_000])
                writer.write(said[:cut])
                said = said[cut:]
                await asyncio.sleep(0)
            async with asyncio.timeout(chance.choice([0.01, 0.1])):
                while await reader.read(65_536):
                    pass
        writer.transport.abort()


async def test_whatever_comes_ends_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(replace(AT_ONCE, head_seconds=0.3, body_seconds=0.3)) as served:
        chance = random.Random(SEED)
        await asyncio.gather(*(stranger(served, chance) for _ in range(CLIENTS)))

        def forgotten() -> bool:
            return not served.open_connections and not served.server.server_state.tasks

        await eventually("all is forgotten", forgotten, PATIENCE_SECONDS)
        served.bodies.clear()
        assert (await served.send(GET[:-2] + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    assert not [record for record in caplog.records if record.name != "asyncio"]  # which is this end
