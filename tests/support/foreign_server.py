"""A small WHIP/WHEP server on somebody else's WebRTC, reached from pages of other sites.

What it does not say is what many servers do not say: no ETag, no PATCH, no Link.
"""

import contextlib
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urljoin

import httpx

from deploy.tether import tethered
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK
from tests.support.waiting import eventually

START_SECONDS = 40.0
ANSWER_SECONDS = 20.0


@dataclass
class ForeignServer:
    """What is running. `requests` are those that reached it, preflights aside: `DELETE /sessions/1`."""

    url: str
    requests: list[str] = field(default_factory=list)
    offers: list[str] = field(default_factory=list)

    def sent(self, method: str, path: str = "") -> int:
        return sum(request.startswith(f"{method} {path}") for request in self.requests)


@contextlib.asynccontextmanager
async def foreign_server(
    command: Sequence[str], *, location: str = "relative"
) -> AsyncIterator[ForeignServer]:
    """Run `command` with a port, behind what admits other origins.

    `location`: that of a session is `relative` as the server gives it, `absolute`, or `hidden` from pages.
    """
    port = free_port()
    server = subprocess.Popen(tethered([*command, str(port)]))  # noqa: ASYNC220 - it returns at once
    try:
        async with httpx.AsyncClient() as http:

            async def up() -> bool:
                assert server.poll() is None, "the server did not start"
                try:
                    return (await http.get(f"http://{LOOPBACK}:{port}/")).status_code > 0
                except httpx.TransportError:
                    return False

            await eventually("the server is up", up, START_SECONDS)
        with _front(f"http://{LOOPBACK}:{port}", location) as front:
            yield front
    finally:
        server.terminate()
        server.wait(START_SECONDS)


@contextlib.contextmanager
def _front(backend: str, location: str) -> Iterator[ForeignServer]:
    front = ForeignServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self._answer(204, {"Access-Control-Allow-Methods": "POST, DELETE"}, b"")

        def do_POST(self) -> None:
            front.requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "POST":
                front.offers.append(body.decode())
            answer = httpx.request(
                self.command, backend + self.path, content=body, timeout=ANSWER_SECONDS, trust_env=False
            )
            headers = {"Content-Type": answer.headers.get("Content-Type", "text/plain")}
            if resource := answer.headers.get("Location"):
                headers["Location"] = urljoin(front.url, resource) if location == "absolute" else resource
            self._answer(answer.status_code, headers, answer.content)

        do_DELETE = do_PATCH = do_POST  # noqa: N815 - named by the library

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match")
            if location != "hidden":
                self.send_header("Access-Control-Expose-Headers", "Location")
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as listening:
        front.url = f"http://{LOOPBACK}:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield front
        finally:
            listening.shutdown()
            thread.join()
