"""The processes of a simulated world: control and workers as they are, without sockets and threads.

What they lack: a worker's own HTTP, the threads that describe recordings and look at the network card, and
the connection to a receiver of webhooks, in whose place the world's own is.
"""

import asyncio
import functools
import signal
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import control.webhooks.webhooks
import media.worker.worker
import shared.beat
import shared.bus.connection
from control.app import create_app
from control.webhooks.post import Attempt
from media.counts import Histogram
from media.transport.ports import Ports
from media.worker.worker import Worker
from shared.settings.settings import Settings, load_settings
from tests.world import sessions
from tests.world.loop import Process, present_process
from tests.world.network import Connection, Line
from tests.world.redis_server import RedisServer

ADMIN = "admin-of-the-world"
_SETTINGS = {
    "redis_url": "redis://redis.world:6379",
    "admin_token": ADMIN,
    "snapshots": False,
    "media_public_ips": "192.0.2.1",
    "webhook_secrets": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "webhook_urls": "http://192.0.2.9/hook",
    "drain_seconds": 3.0,
}


@dataclass(frozen=True)
class Answer:
    """An HTTP response of the process `by`."""

    by: Process
    status: int
    headers: Mapping[str, str]
    body: bytes


class ControlProcess:
    def __init__(self, process: Process, settings: Settings) -> None:
        self.process = process
        self._settings = settings
        self._app: Any = None
        process.start(self._live())

    async def _live(self) -> None:
        app = create_app(self._settings, 100)
        async with app.router.lifespan_context(app):
            self._app = app
            await asyncio.Event().wait()

    async def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
        """The answer to a request; None: the process does not listen, or died before it answered."""
        if self._app is None or not self.process.is_alive:
            return None
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.process.start(self._answer(method, path, body, headers, answer))
        await asyncio.wait({answer, self.process.died}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None

    async def _answer(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        answer: "asyncio.Future[Answer]",
    ) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("198.51.100.1", 40_000),
            "server": ("control.world", 8080),
        }
        head: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            head.update(message)
            parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        told = {name.decode().lower(): value.decode() for name, value in head["headers"]}
        if self.process.is_alive:
            answer.set_result(Answer(self.process, head["status"], told, b"".join(parts)))


class WorkerProcess:
    def __init__(self, process: Process, settings: Settings) -> None:
        self.process = process
        self._settings = settings
        self._running = process.start(self._live())
        self._running.add_done_callback(self._ended)

    async def _live(self) -> None:
        listener: Any = SimpleNamespace(getsockname=lambda: ("192.0.2.1", 9000))
        port: Any = _Port()
        await Worker(self._settings, Ports(port), listener).run()

    def _ended(self, running: "asyncio.Task[None]") -> None:
        if self.process.is_alive:  # it has drained
            self.process.kill()
            running.result()  # a worker that fails is a fault

    def terminate(self) -> None:
        self.process.signal(signal.SIGTERM)


class _Port:
    """A UDP port to which nobody sends."""

    address = ("192.0.2.1", 7100)
    make_opener = fan_out = rx_overflows = None
    buffers = (1, 1)
    rx_datagrams = tx_packets = tx_bytes = tx_dropped = 0

    def __init__(self) -> None:
        self.delay = Histogram((1.0,))

    def reaches(self, _: object) -> bool:
        return True

    def start(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, *_: object) -> None:
        pass

    transmit = send


def settings_of(worker: str = "") -> Settings:
    return load_settings(_env_file=None, **_SETTINGS, **({"worker_id": worker} if worker else {}))


Post = Callable[[bytes, Mapping[str, str]], Awaitable[Attempt]]


def stand_in(server: RedisServer, line_of: Callable[[Process], Line], post: Post) -> None:
    """Have the processes of this world use its Redis, lines, sessions and receiver of webhooks."""

    def connection_options(_url: str) -> dict[str, Any]:
        process = present_process()
        assert process is not None
        return {"connection_class": Connection, "protocol": 2, "server": server, "line": line_of(process)}

    async def nobody_asks(*_: object) -> None:
        await asyncio.Event().wait()

    class Poster:
        def __init__(self, *_: object) -> None:
            self.post = post

        async def refusal(self) -> str:
            return ""

        async def close(self) -> None:
            pass

    sessions.stand_in()
    shared.bus.connection.connection_options = connection_options
    shared.beat.phase = _phase
    media.worker.worker.serve_http = nobody_asks
    media.worker.worker.http_url = lambda *_: "http://192.0.2.1:9000"
    media.worker.worker.Describer = _NoDescriber
    media.worker.worker.Recorder.run = nobody_asks  # it would ask the disk, in a thread
    media.worker.worker.CardUse = _NoCard
    control.webhooks.webhooks.Poster = Poster


def _phase() -> float:
    process = present_process()
    return 0.0 if process is None else process.phase


class _NoCard:
    share = None

    def __init__(self, *_: object) -> None:
        pass

    async def run(self) -> None:
        await asyncio.Event().wait()


class _NoDescriber:
    described = 0
    describe = due = None

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


# what is the same for all processes of all seeds is made once
ssl.create_default_context = functools.cache(ssl.create_default_context)
