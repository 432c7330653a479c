"""Whether the process of a container lives, for the image's HEALTHCHECK and for compose. Exit code 1: no.

It runs every few seconds beside the media, so it imports nothing that is slow to import, as our settings are.

`health.py control --wait SECONDS`, for systemd: returns when control has been alive for so long.
"""

import os
import socket
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SECONDS = 2.0  # for a connection, and for what comes over it
START_SECONDS = 30.0  # within which control answers for the first time
POLL_SECONDS = 0.2
_LOCAL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main() -> None:
    if sys.argv[1:3] == ["control", "--wait"]:
        sys.exit(0 if lives_on(float(sys.argv[3])) else 1)
    command = Path("/proc/1/cmdline").read_bytes().decode(errors="replace").split("\0")
    sys.exit(0 if is_healthy(command, os.environ) else 1)


def lives_on(seconds: float) -> bool:
    """Whether control answers within `START_SECONDS`, and still does so many seconds later."""
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(["control"], os.environ):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    time.sleep(seconds)
    return is_healthy(["control"], os.environ)


def is_healthy(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether /healthz of what `command` runs answers 200. It never depends on Redis."""
    name, default = ("WORKER_HTTP_ADDR", ":9100") if "worker" in command else ("HTTP_ADDR", ":8080")
    host, _, port = (environment.get(name) or default).rpartition(":")
    tls = name == "HTTP_ADDR" and bool(environment.get("TLS_CERT_FILE"))
    return answers("/healthz", host.strip("[]"), int(port), tls=tls)


def answers(path: str, host: str, port: int, *, tls: bool, header: str = "") -> bool:
    """Whether a process of ours that listens there answers 200 to a GET of `path`, with such a header."""
    try:
        with socket.create_connection((_LOCAL.get(host, host), port), SECONDS) as connection:
            if not tls:
                return _is_200(connection, path, header)
            # it is our own certificate, and need not name this host
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(connection) as encrypted:
                return _is_200(encrypted, path, header)
    except OSError:
        return False


def _is_200(connection: socket.socket, path: str, header: str) -> bool:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    status, *headers = connection.recv(4096).split(b"\r\n")  # ours come in one piece
    names = {line.partition(b":")[0].lower() for line in headers}
    return status.startswith(b"HTTP/1.1 200 ") and (not header or header.lower().encode() in names)


if __name__ == "__main__":
    main()
