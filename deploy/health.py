"""Whether the process of a container lives, for the image's HEALTHCHECK and for compose. Exit code 1: no.

It runs every few seconds beside the media, so it imports nothing that is slow to import, as our settings are.
"""

import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 2.0
_LOCAL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main() -> None:
    command = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    sys.exit(0 if is_healthy(command, os.environ) else 1)


def is_healthy(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether /healthz of what `command` runs answers 200. It never depends on Redis."""
    name, default = ("WORKER_HTTP_ADDR", ":9100") if "worker" in command else ("HTTP_ADDR", ":8080")
    host, _, port = (environment.get(name) or default).rpartition(":")
    address = _LOCAL.get(host.strip("[]"), host.strip("[]")), int(port)
    tls = name == "HTTP_ADDR" and environment.get("TLS_CERT_FILE")
    try:
        with socket.create_connection(address, SECONDS) as connection:
            if not tls:
                return _answers(connection)
            # it is our own certificate, and need not name this host
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(connection) as encrypted:
                return _answers(encrypted)
    except OSError:
        return False


def _answers(connection: socket.socket) -> bool:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return connection.recv(64).startswith(b"HTTP/1.1 200 ")


if __name__ == "__main__":
    main()
