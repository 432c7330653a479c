"""What a stranger may send over HTTP, how much of it is kept, and for how long: a real server on loopback."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.host_port import HostPort
from shared.http_connections import HttpLimits
from shared.http_server import HttpServer, bound_connections, listen
from tests.support.certificate import certificate_files
from tests.support.waiting import eventually

PATIENCE_SECONDS = 10.0
AT_ONCE = HttpLimits(head_seconds=0.1, body_seconds=0.1, unread_seconds=0.1, look_seconds=0.02)
PATIENT = HttpLimits(look_seconds=0.02)
GET = b"GET /read HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nHost: test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Served:
    server: HttpServer
    address: tuple[str, int]
    bodies: list[bytes] = field(default_factory=list)  # that were read whole
    headers: list[list[str]] = field(default_factory=list)  # the names, of each request

    async def connect(self, **more: object) -> Stream:
        return await asyncio.open_connection(*self.address, **more)  # type: ignore[arg-type]

    async def send(self, *pieces: bytes) -> bytes:
        """What the server says to these until it closes the connection."""
        reader, writer = await self.connect()
        saying = asyncio.create_task(rest_of(reader, writer))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                if saying.done():
                    break
                writer.write(piece)
                await writer.drain()
        return await saying

    @property
    def open_connections(self) -> int:
        return len(self.server._connections)


async def rest_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    said = b""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(65_536):
                said += more
    writer.close()
    return said


def status_of(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


@contextlib.asynccontextmanager
async def serving(
    limits: HttpLimits = PATIENT, tls: tuple[Path, Path] | None = None, stall_seconds: float = 60.0
) -> AsyncIterator[Served]:
    listener = listen("HTTP_ADDR", HostPort("127.0.0.1", 0))
    bound_connections(listener, stall_seconds)

    async def read(request: Request) -> Response:
        served.headers.append(request.headers.keys())
        served.bodies.append(await request.body())
        return PlainTextResponse("read")

    async def refuse(_: Request) -> Response:
        return PlainTextResponse("no", 404)

    async def stream(_: Request) -> Response:
        async def forever() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 100_000
                await asyncio.sleep(0.01)

        return StreamingResponse(forever())

    app = Starlette(
        routes=[
            Route("/read", read, methods=["GET", "POST"]),
            Route("/refuse", refuse, methods=["POST"]),
            Route("/stream", stream),
        ]
    )
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    server = HttpServer(config, limits=limits)
    served = Served(server, listener.getsockname())
    # on uvloop, as both planes
    running = asyncio.create_task(asyncio.to_thread(uvloop.run, server.serve(sockets=[listener])))
    await eventually("it serves", lambda: server.started, PATIENCE_SECONDS, every=0.001)
    yield served
    server.stop()
    await running


# --- how much


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ([b"GET /read HTTP/1.1\r\nX: ", *[b"x" * 65_536] * 1000], 431),  # one field without an end
        ([b"GET /read HTTP/1.1\r\n", *[b"X: y\r\n"] * 102], 431),
        ([b"GET /read HTTP/1.1\r\n", *[b"X: %b\r\n" % (b"y" * 5000)] * 5], 431),
        ([b"GET /read HTTP/1.1\r\nX: y\r\n", b"X" * 40_000], 431),  # a name without an end
        ([b"GET /", *[b"x" * 4096] * 5], 414),
        ([CHUNKED, b"1;", *[b"x" * 65_536] * 1000], 400),  # an extension of a chunk
        ([CHUNKED, b"1\r\nx\r\n0\r\nX: ", *[b"x" * 65_536] * 1000], 400),  # a trailer
        ([CHUNKED, b"1\r\nx\r\n0\r\n", *[b"X: y\r\n"] * 102], 431),
        ([CHUNKED, b"no length\r\n"], 400),
    ],
)
async def test_what_has_no_end_is_refused_and_not_kept(said: list[bytes], status: int) -> None:
    async with serving() as served:
        assert status_of(await served.send(*said)) == status
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)
        assert served.bodies == []


async def test_a_head_and_a_body_in_one_write_are_as_good_as_in_many() -> None:
    async with serving() as served:
        head = POST + b"".join(b"X%d: %b\r\n" % (i, b"y" * 100) for i in range(90))
        body = b"v" * 400_000
        request = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert status_of(await served.send(request)) == 200
        assert (
            status_of(await served.send(*(request[i : i + 4096] for i in range(0, len(request), 4096))))
            == 200
        )
        assert served.bodies == [body, body]


async def test_a_trailer_is_no_header() -> None:
    async with serving() as served:
        said = await served.send(
            CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\nX-Evil: 1\r\n\r\n")
        )
        assert status_of(said) == 200
        assert served.bodies == [b"x"]
        assert "x-evil" not in served.headers[0]


async def test_a_few_pipelined_requests_are_answered_and_the_rest_is_not_kept() -> None:
    async with serving() as served:
        said = await served.send(GET * 10_000)
        assert said.count(b"HTTP/1.1 200 ") == 1 + PATIENT.pipelined
        assert said.count(b"connection: close") == 1
        assert len(served.bodies) == 1 + PATIENT.pipelined


async def test_an_upgrade_is_answered_as_a_request_and_ends_the_connection() -> None:
    async with serving() as served:
        said = await served.send(
            GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + b"PRI * HTTP/2.0\r\n\r\n"
        )
        assert status_of(said) == 200
        assert b"connection: close" in said


async def test_a_body_that_nobody_reads_ends_the_connection() -> None:
    async with serving(replace(PATIENT, unread_bytes=1 << 20, unread_seconds=60)) as served:
        reader, writer = await served.connect()
        writer.write(b"POST /refuse HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n")
        assert status_of(await reader.readuntil(b"no")) == 404
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 1_000_000_000:
                writer.write(b"x" * 65_536)
                await writer.drain()
                sent += 65_536
        assert sent < 64 << 20  # the limit, and what the sockets took
        writer.close()


# --- how long


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"", 0),
        (b"\r\n\r\n", 0),
        (b"G", 408),
        (b"GET /read HTTP/1.1\r\nX: y\r\n", 408),
        (POST + b"Content-Length: 10\r\n\r\n12345", 408),
        (CHUNKED + b"5\r\n12345\r\n", 408),
        (GET + b"G", 200),  # then the second one is overdue
    ],
)
async def test_who_does_not_finish_is_not_waited_for(said: bytes, status: int) -> None:
    async with serving(AT_ONCE) as served:
        answer = await served.send(said)
        assert (status_of(answer) if answer else 0) == status
        await eventually("it is forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_one_byte_at_a_time_buys_no_time() -> None:
    async with serving(AT_ONCE) as served:
        reader, writer = await served.connect()

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                for byte in b"GET /read HTTP/1.1\r\nX: " + b"x" * 10_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        assert status_of(await rest_of(reader, writer)) == 408
        trickling.cancel()


async def test_an_answer_may_take_any_time() -> None:
    async with serving(replace(AT_ONCE, head_seconds=0.05)) as served:
        reader, writer = await served.connect()
        writer.write(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n")
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.5
        while loop.time() < until:
            assert await asyncio.wait_for(reader.read(65_536), PATIENCE_SECONDS)
        writer.close()


async def test_who_does_not_read_an_answer_loses_it() -> None:
    async with serving(stall_seconds=0.3) as served:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(served.address)
            reader.sendall(b"GET /stream HTTP/1.1\r\nHost: test\r\n\r\n")
            await eventually("it is taken", lambda: served.open_connections == 1, PATIENCE_SECONDS)
            await eventually("it is ended", lambda: not served.open_connections, PATIENCE_SECONDS)


# --- how many


async def test_a_thousand_connections_of_one_byte_lock_nobody_out() -> None:
    async with serving() as served:
        strangers = []
        try:
            for _ in range(1000):
                stranger = socket.create_connection(served.address, PATIENCE_SECONDS)
                stranger.sendall(b"G")
                strangers.append(stranger)
                if len(strangers) % 50 == 0:  # the listener's queue is in the same thread
                    await asyncio.sleep(0)
            async with asyncio.timeout(2):
                reader, writer = await served.connect()
                writer.write(GET)
                assert status_of(await reader.readuntil(b"read")) == 200
                writer.close()
            assert served.open_connections <= PATIENT.waiting_of_client + 1
        finally:
            for stranger in strangers:
                stranger.close()


# --- over TLS


async def test_a_tls_handshake_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(AT_ONCE, certificate_files(tmp_path)) as served:
        for said in (b"", b"\x16\x03\x01", b"this is no TLS\r\n\r\n"):
            assert not (await served.send(said)).startswith(b"HTTP")
        await eventually("they are forgotten", lambda: not served.open_connections, PATIENCE_SECONDS)


async def test_handshakes_that_do_not_end_lock_nobody_out(tmp_path: Path) -> None:
    files = certificate_files(tmp_path)
    trust = ssl.create_default_context(cafile=files[0])
    async with serving(replace(PATIENT, waiting_of_client=5), files) as served:
        strangers = [await served.connect() for _ in range(20)]
        for _ in range(3):  # the request comes with the end of the handshake, or after it
            reader, writer = await served.connect(ssl=trust, server_hostname="localhost")
            writer.write(GET)
            assert status_of(await reader.readuntil(b"read")) == 200
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        assert served.open_connections <= 5
        for _, writer in strangers:
            writer.close()


async def test_over_tls_a_head_is_bounded_too(tmp_path: Path) -> None:
    files = certificate_files(tmp_path)
    trust = ssl.create_default_context(cafile=files[0])
    async with serving(PATIENT, files) as served:
        reader, writer = await served.connect(ssl=trust, server_hostname="localhost")
        writer.write(b"GET /read HTTP/1.1\r\nX: " + b"x" * 100_000)
        with contextlib.suppress(ssl.SSLError):
            assert status_of(await rest_of(reader, writer)) == 431
