"""A real HTTP server on loopback, on uvloop as in both planes, and strangers that say what they like."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.limits import HttpLimits
from shared.http.server import HttpServer, bound_connections, listen
from shared.settings.host_port import HostPort
from tests.support.waiting import eventually

PATIENCE_SECONDS = 10.0
AT_ONCE = HttpLimits(head_seconds=0.1, body_seconds=0.1, unread_seconds=0.1, look_seconds=0.02)
PATIENT = HttpLimits(look_seconds=0.02)
GET = b"GET /read HTTP/1.1\r\nHost: test\r\n\r\n"
CLOSING = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
POST = b"POST /read HTTP/1.1\r\nHost: test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Served:
    server: HttpServer
    address: tuple[str, int]
    bodies: list[bytes] = field(default_factory=list)  # that were read whole
    headers: list[list[str]] = field(default_factory=list)  # the names, of each request
    holds: bool = True  # whether `/hold` does not answer yet, nor read

    async def connect(self, **more: object) -> Stream:
        return await asyncio.open_connection(*self.address, **more)  # type: ignore[arg-type]

    async def send(self, *pieces: bytes) -> bytes:
        """What the server says to these until it closes the connection.

        On a socket: asyncio's streams lose an answer when a write fails before it is read.
        """
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await loop.sock_connect(connection, self.address)
                with contextlib.suppress(ConnectionError):
                    for piece in pieces:
                        await loop.sock_sendall(connection, piece)
                said = b""
                with contextlib.suppress(ConnectionError):
                    while more := await loop.sock_recv(connection, 65_536):
                        said += more
        return said

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
        with contextlib.suppress(ClientDisconnect):
            served.bodies.append(await request.body())
        return PlainTextResponse("read")

    async def refuse(_: Request) -> Response:
        return PlainTextResponse("no", 404)

    async def hold(_: Request) -> Response:
        while served.holds:
            await asyncio.sleep(0.01)
        return PlainTextResponse("held")

    async def stream(_: Request) -> Response:
        async def forever() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 100_000
                await asyncio.sleep(0.01)

        return StreamingResponse(forever())

    async def half(request: Request) -> ASGIApp:
        served.headers.append(request.headers.keys())

        async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": bytes(20_000_000), "more_body": True})

        return answer

    app = Starlette(
        routes=[
            Route("/half", half),
            *_overlapping_answers(),
            Route("/read", read, methods=["GET", "POST"]),
            Route("/refuse", refuse, methods=["POST"]),
            Route("/stream", stream),
            Route("/hold", hold, methods=["POST"]),
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
    try:
        yield served
    finally:
        served.holds = False
        server.stop()
        await running


def _overlapping_answers() -> list[Route]:
    """`/late` answers at once, and runs on until the answer to `/outlasts` has begun."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def late(_: Request) -> Response:
        async def rest() -> None:
            await begun.wait()
            asyncio.get_running_loop().call_soon(over.set)

        return PlainTextResponse("late", background=BackgroundTask(rest))

    async def outlasts(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"
            begun.set()
            await over.wait()
            yield b"y"

        return StreamingResponse(pieces())

    return [Route("/late", late), Route("/outlasts", outlasts)]
