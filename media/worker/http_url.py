"""The URL at which the cluster reaches a worker's own HTTP."""

import socket
from typing import TYPE_CHECKING

from media.worker.addresses import bound_host, own_addresses, public_among, reached_at
from shared.settings.host_port import HostPort
from shared.telemetry.logging import get_logger

if TYPE_CHECKING:
    from shared.settings.settings import Settings

log = get_logger()


def http_url(settings: "Settings", listener: socket.socket) -> str:
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
