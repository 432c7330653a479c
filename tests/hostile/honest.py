"""Those who want no harm: a publisher, five viewers, and a client that asks for something each second."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine

import httpx

from media.transport.certificate import Certificate
from tests.hostile.target import ROOM
from tests.support.system import System
from tools.bench.endpoint import Context
from tools.bench.inbox import Inbox
from tools.bench.publisher import Publisher
from tools.bench.viewer import Viewer

VIEWERS = 5
ANSWER_SECONDS = 10.0  # a client's own patience


class HonestViewer(Viewer):
    """Knows the longest time in which nothing came, seconds."""

    longest_gap = 0.0
    _at = 0.0

    @property
    def address(self) -> tuple[str, int]:
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return host, port

    def begin(self) -> None:
        """Forget the gaps so far."""
        self.longest_gap, self._at = 0.0, time.monotonic()

    def look(self) -> None:
        """Count the time since the last packet, if that is a gap."""
        self.longest_gap = max(self.longest_gap, time.monotonic() - self._at)

    def _count(self, packets: int, latest: bytes) -> None:
        super()._count(packets, latest)
        self.look()
        self._at = time.monotonic()


class Honest:
    """`answers` counts by request and status, `slowest` are seconds by request."""

    def __init__(self, system: System, record: str) -> None:
        self._context = Context({}, Certificate.generate(), Inbox())
        self._base = system.controls[0].url
        self._worker = system.workers[0].url
        self._whep = system.whep(ROOM)
        self._record = record
        self.publisher = Publisher(system.whip(ROOM), self._context)
        self.viewers = [HonestViewer(self._whep, self._context) for _ in range(VIEWERS)]
        self.answers: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Publish and watch."""
        await self.publisher.connect()
        streaming = asyncio.create_task(self._stream())
        try:
            for viewer in self.viewers:
                await viewer.connect()
                await viewer.watching()
                viewer.begin()
            yield
        finally:
            streaming.cancel()
            for endpoint in (*self.viewers, self.publisher):
                await endpoint.close()
            self._context.http.close()

    async def ask(self) -> None:
        """Each request once; one that fails counts as its error's name."""
        # no certificates are loaded: that would hold up the viewers, whose gaps are measured
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, verify=False) as http:
            await self._timed("rooms", self._get(http, f"{self._base}/api/rooms"))
            await self._timed("page", self._get(http, f"{self._base}/watch/{ROOM}"))
            await self._timed("recording", self._get(http, f"{self._base}{self._record}"))
            await self._timed("worker metrics", self._get(http, f"{self._worker}/metrics"))
            await self._timed("events", self._events(http))
            await self._timed("join", self._join())

    @property
    def longest_gap(self) -> float:
        for viewer in self.viewers:
            viewer.look()
        return max(viewer.longest_gap for viewer in self.viewers)

    async def _get(self, http: httpx.AsyncClient, url: str) -> str:
        response = await http.get(url, headers={"Range": "bytes=0-99999"})
        return str(response.status_code)

    async def _events(self, http: httpx.AsyncClient) -> str:
        """Of a process of which a stranger behind a proxy takes all that it gets."""
        async with http.stream("GET", f"{self._base}/api/rooms/events") as response:
            return str(response.status_code)

    async def _join(self) -> str:
        context = Context({}, self._context.certificate, self._context.inbox)
        viewer = Viewer(self._whep, context)
        try:
            await viewer.connect()
            await viewer.watching()
        finally:
            await viewer.close()
            context.http.close()
        return "media"

    async def _timed(self, name: str, request: Coroutine[None, None, str]) -> None:
        began = time.monotonic()
        try:
            answer = await request
        except Exception as error:  # whatever it is, the client did not get what it asked for
            answer = f"{type(error).__name__} {error}"[:120]
        self.slowest[name] = max(self.slowest.get(name, 0.0), time.monotonic() - began)
        self.answers[f"{name}: {answer}"] += 1

    async def _stream(self) -> None:
        while True:
            await self.publisher.send(self.publisher.stream.rate)
            for endpoint in (self.publisher, *self.viewers):
                if endpoint.connected:
                    endpoint.tick()
