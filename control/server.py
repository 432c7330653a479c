"""Runs one control process until a signal stops it."""

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from control.app import create_app
from control.events.places import Places
from control.http.caller import TrustedProxies
from control.http.cors import cors_headers
from shared.http.limits import HttpLimits
from shared.http.protocol import Headers
from shared.http.server import HttpServer, listen, within_files
from shared.imported import settle_imported
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, SettingsError
from shared.telemetry.logging import configure_logging, get_logger
from shared.telemetry.tracing import close_tracing, configure_tracing

TRACES_SECONDS = 0.5  # for the last of them, when the process is stopped
GRACE_SECONDS = 2  # for requests under way when the process is stopped
HSTS_SECONDS = 31_536_000  # for which browsers use HTTPS alone for this host (RFC 6797): a year

log = get_logger()


def serve(settings: Settings, access: tuple[bool, dict[str, str]] | None = None) -> None:
    """Serve on `HTTP_ADDR`, with TLS if a certificate is set, and on `METRICS_ADDR`.

    `access`: whether something is open that should not be, and what is open, for a line of the log. Returns
    after SIGINT or SIGTERM. Raises `SettingsError` when an address or the certificate cannot be used.
    """
    configure_logging(settings.log_level, settings.log_format, plane="control")
    configure_tracing(settings, "roomcast-control")
    server = make_server(settings)
    listener = listen("HTTP_ADDR", settings.http_addr)
    addresses = {"address": str(settings.http_addr)}
    if settings.metrics_addr:
        addresses["metrics"] = str(settings.metrics_addr)
    log.info("control plane listening", **addresses, tls=bool(settings.tls_cert_file))
    if access is not None:
        is_wide, said = access
        (log.warning if is_wide else log.info)("who may do what", **said)
    settle_imported()
    server.run(sockets=[listener])
    close_tracing(TRACES_SECONDS)
    log.info("control plane stopped")


def make_server(settings: Settings, limits: HttpLimits | None = None) -> HttpServer:
    wanted = limits or HttpLimits()
    limits = within_files(wanted)
    if limits.connections < wanted.connections:
        log.warning(
            "few files may be open: fewer HTTP connections and event streams are taken, see `ulimit -n`",
            connections=limits.connections,
            wanted=wanted.connections,
        )
    app = create_app(settings, limits.connections)
    config = _config(
        app,
        lifespan="on",
        ssl_certfile=settings.tls_cert_file or None,
        ssl_keyfile=settings.tls_key_file or None,
        # a proxy that ends TLS sends its own
        headers=[("Strict-Transport-Security", f"max-age={HSTS_SECONDS}")] if settings.tls_cert_file else [],
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(f"TLS_CERT_FILE, TLS_KEY_FILE: {error.strerror or error}") from None
    if settings.tls_cert_file:
        app.state.metrics.export_certificate(*_validity(settings.tls_cert_file))
    metrics = None
    if settings.metrics_addr:
        metrics = _MetricsServer(app.state.metrics_app, settings.metrics_addr)
    trusts = TrustedProxies(settings.trusted_proxies).trusts
    refusal_headers = cors_headers(settings.allowed_origin, session=False)
    return _Server(config, app.state.places, metrics, limits, trusts, refusal_headers)


def _validity(file: str) -> tuple[float, float]:
    """From when to when the certificate in a PEM file, which OpenSSL has loaded, is valid, in Unix time."""
    from cryptography import x509  # it has 5 MB, and mostly a balancer has the certificate

    certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
    return certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()


def _config(app: Starlette, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,  # control/http/request_log.py writes one without secrets
        proxy_headers=False,  # control/http/caller.py reads them
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        **more,
    )


class _MetricsServer(HttpServer):
    """Serves `METRICS_ADDR`; raises `SettingsError` when it cannot listen there."""

    def __init__(self, app: Starlette, address: HostPort) -> None:
        super().__init__(_config(app, lifespan="off"))
        self._listener = listen("METRICS_ADDR", address)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._serving = asyncio.create_task(self.serve(sockets=[self._listener]))

    async def end(self) -> None:
        self.stop()
        if self._serving:
            await self._serving


class _Server(HttpServer):
    def __init__(
        self,
        config: uvicorn.Config,
        places: Places,
        metrics: _MetricsServer | None,
        limits: HttpLimits,
        trusts: Callable[[str], bool],
        refusal_headers: Headers,
    ) -> None:
        super().__init__(config, (signal.SIGINT, signal.SIGTERM), limits, trusts, refusal_headers)
        self._places = places
        self._metrics = metrics

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._metrics:
            self._metrics.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams first: they would not end by themselves."""
        self._places.close()
        ending = [super().shutdown(sockets)]
        if self._metrics:
            ending.append(self._metrics.end())
        await asyncio.gather(*ending)
