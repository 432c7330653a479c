"""Runs one control process until a signal stops it."""

import signal
import socket
from collections.abc import Callable

import uvicorn

from control.app import create_app
from control.events.streams import EventStreams
from control.http.caller import TrustedProxies
from shared.http_connections import HttpLimits
from shared.http_server import HttpServer, listen
from shared.logging import configure_logging, get_logger
from shared.settings import Settings, SettingsError

GRACE_SECONDS = 2  # for requests under way when the process is stopped

log = get_logger()


def serve(settings: Settings) -> None:
    """Serve on `HTTP_ADDR`, with TLS if a certificate is set; returns after SIGINT or SIGTERM.

    Raises `SettingsError` when the address or the certificate cannot be used.
    """
    configure_logging(settings.log_level, settings.log_format, plane="control")
    server = make_server(settings)
    listener = listen("HTTP_ADDR", settings.http_addr)
    log.info("control plane listening", address=str(settings.http_addr), tls=bool(settings.tls_cert_file))
    server.run(sockets=[listener])
    log.info("control plane stopped")


def make_server(settings: Settings, limits: HttpLimits | None = None) -> HttpServer:
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # control/http/request_log.py writes one without secrets
        proxy_headers=False,  # control/http/caller.py reads them
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_certfile=settings.tls_cert_file or None,
        ssl_keyfile=settings.tls_key_file or None,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(f"TLS_CERT_FILE, TLS_KEY_FILE: {error.strerror or error}") from None
    trusts = TrustedProxies(settings.trusted_proxies).trusts
    return _Server(config, app.state.event_streams, limits or HttpLimits(), trusts)


class _Server(HttpServer):
    def __init__(
        self,
        config: uvicorn.Config,
        streams: EventStreams,
        limits: HttpLimits,
        trusts: Callable[[str], bool],
    ) -> None:
        super().__init__(config, (signal.SIGINT, signal.SIGTERM), limits, trusts)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams first: they would not end by themselves."""
        self._streams.close_all()
        await super().shutdown(sockets)
