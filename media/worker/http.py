"""A worker's own HTTP: health and metrics for probes and Prometheus, recordings for control only.

It has a thread and an event loop of its own: in the media loop, whatever is sent there would hold up media.
What belongs to the media loop is read in that loop only.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

import uvicorn
import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from media.recording.disk_threads import DiskThreads
from media.worker.addresses import bound_host, own_addresses, public_among, reached_at
from media.worker.pace import Paced, SharedCall
from shared.http.alive import alive
from shared.http.limits import HttpLimits
from shared.http.server import HttpServer
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings
from shared.telemetry.collected import Collected
from shared.telemetry.logging import get_logger
from shared.telemetry.memory_metrics import export_memory

STOP_SECONDS = 2.0  # for requests under way when the worker stops
ANSWER_SECONDS = 5.0  # for the media loop to answer; beyond that it hangs
# For control's replicas, Prometheus and probes. A flood of requests from one address delays others by 0.5 s:
# `of_client` times the pace of requests.
LIMITS = HttpLimits(
    connections=1_000,
    of_client=250,
    waiting=200,
    waiting_of_client=100,
    accepted_at_once=20,
    accept_pause=0.05,
    unread_bytes=1_048_576,
)

_PROCESS = CollectorRegistry()  # of what the kernel knows of this process
ProcessCollector(registry=_PROCESS)
GCCollector(registry=_PROCESS)
export_memory(_PROCESS)

T = TypeVar("T")
log = get_logger()


async def serve_http(listener: socket.socket, registry: CollectorRegistry, more: Sequence[Route]) -> None:
    """Serve until cancelled, in another thread than the caller's, which has the media loop.

    `more` are routes that check by themselves who may use them, and touch nothing of the media loop.
    """
    server = _server(registry, more, asyncio.get_running_loop())
    thread = DiskThreads("http", 1)  # a recording's disk may hang, and with it what reads from there
    serving = asyncio.ensure_future(thread.call(uvloop.run, server.serve(sockets=[listener])))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.stop()
        await asyncio.wait([serving], timeout=STOP_SECONDS)
        raise


def _server(
    registry: CollectorRegistry, more: Sequence[Route], media: asyncio.AbstractEventLoop
) -> HttpServer:
    turn = SharedCall(lambda: _in_loop(media, lambda: None))
    exposition = SharedCall(lambda: _exposition(media, registry))

    async def healthz(_: Request) -> Response:
        return await _answer(turn, lambda _: alive())

    async def metrics(_: Request) -> Response:
        return await _answer(exposition, lambda text: Response(text, media_type=CONTENT_TYPE_LATEST))

    app = Starlette(
        routes=[Route("/healthz", healthz), Route("/metrics", metrics), *more],
        middleware=[Middleware(Paced)],
    )
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http="httptools",
        proxy_headers=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return HttpServer(config, limits=LIMITS)


async def _answer(call: SharedCall[T], response: Callable[[T], Response]) -> Response:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return response(await call.result())
    except TimeoutError:
        return PlainTextResponse("the media loop does not answer", 503)


async def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], T]) -> T:
    """What `call` returns when it is called in `loop`, which runs in another thread."""

    async def called() -> T:
        return call()

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(called(), loop))


async def _exposition(media: asyncio.AbstractEventLoop, registry: CollectorRegistry) -> bytes:
    """The media loop reads its counts; their text, which is more work, is made here, and /proc is read."""
    counts = await _in_loop(media, lambda: list(registry.collect()))
    return generate_latest(Collected(lambda: [*counts, *_PROCESS.collect()]))


def http_url(settings: Settings, listener: socket.socket) -> str:
    """The URL that the worker announces for `listener`.

    Logs a warning if the Internet may reach the listener, whatever is announced: nobody outside needs it, and
    its metrics ask for no token.
    """
    host, own = settings.worker_http_addr.host, own_addresses()
    bound = bound_host(host, listener)
    if public := public_among(bound, own):
        log.warning("WORKER_HTTP_ADDR is open to the Internet: name a private host", addresses=public)
    reached = HostPort(reached_at(host, bound, settings.media_relay_ips, own), listener.getsockname()[1])
    return f"http://{reached}"
