"""The process of a media worker: opens its ports, and runs it."""

import os
import socket
import sys

import uvloop

from media.native.choice import NotBuiltError, chosen
from media.transport.ports import Ports
from media.worker.media_ports import open_tcp, open_udp
from media.worker.worker import Worker
from shared.directory.announcer import WorkerIdTakenError
from shared.http.server import listen
from shared.imported import settle_imported
from shared.settings.settings import Settings, SettingsError
from shared.telemetry.logging import configure_logging, drain_logs
from shared.telemetry.tracing import close_tracing, configure_tracing

TRACES_SECONDS = 0.5  # for the last of them


def serve(settings: Settings) -> None:
    """Run a worker until SIGTERM, which drains it first, or SIGINT, which stops it at once.

    Raises `SettingsError` if it cannot listen on its addresses, another worker has its id, or the native step
    that it is to use cannot be loaded. Ends with exit code 1 if another one has taken the id over.
    """
    configure_logging(settings.log_level, settings.log_format, plane="media", worker=settings.own_worker_id)
    configure_tracing(settings, "roomcast-worker", settings.own_worker_id)
    try:
        native = chosen(settings.native)
    except NotBuiltError as error:
        raise SettingsError(f"NATIVE: {error}") from None
    try:
        udp = open_udp(settings.media_addr, native)
    except OSError as error:
        raise SettingsError(f"MEDIA_ADDR: {settings.media_addr}: {error.strerror}") from None
    udp[0].buffers.warn_if_small()  # the other one is granted the same
    ports = Ports(*udp, tcp=open_tcp(settings, [port.address for port in udp]))
    listener = listen("WORKER_HTTP_ADDR", settings.worker_http_addr)
    settle_imported()
    try:
        exit_code = uvloop.run(_live(settings, ports, listener))
    except WorkerIdTakenError:
        raise SettingsError(f"WORKER_ID: another worker is running as {settings.own_worker_id}") from None
    close_tracing(TRACES_SECONDS)
    drain_logs()
    sys.stdout.flush()
    os._exit(exit_code)  # the interpreter would wait for threads, and a hung disk may hold one


async def _live(settings: Settings, ports: Ports, listener: socket.socket) -> int:
    return await Worker(settings, ports, listener).run()
