"""Nothing that is sent to a worker's HTTP holds up the loop that it is asked from, the media loop."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from time import monotonic, thread_time

import anyio
import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from media.worker import http
from media.worker import http as worker_http
from media.worker.http import serve_http
from shared.http.server import listen
from shared.settings.host_port import HostPort
from shared.settings.settings import load_settings
from tests.support.meanwhile import meanwhile
from tests.support.waiting import eventually
from tests.unit.media.worker.test_addresses import OWN

PATIENCE_SECONDS = 10.0
LONGEST_GAP_SECONDS = 0.3  # of computing; 64 MB of header took 3 s of the media loop


class Rooms(Collector):
    """As many series as a worker with many rooms has; notes which thread asks for them."""

    def __init__(self, rooms: int) -> None:
        self.rooms = rooms
        self.threads: list[int] = []

    def collect(self) -> Iterable[Metric]:
        self.threads.append(threading.get_ident())
        gauge = GaugeMetricFamily("rooms", "Rooms.", labels=["room"])
        for room in range(self.rooms):
            gauge.add_metric([f"room{room}"], room)
        yield gauge


@contextlib.asynccontextmanager
async def serving(*collectors: Collector, more: Sequence[Route] = ()) -> AsyncIterator[str]:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    listener = listen("WORKER_HTTP_ADDR", HostPort("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    running = asyncio.create_task(serve_http(listener, registry, more))
    try:
        yield url
    finally:
        running.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()


@contextlib.asynccontextmanager
async def ticking() -> AsyncIterator[list[float]]:
    """How much this loop's thread computes between its turns, in seconds, whatever else its host does."""
    gaps = [0.0]

    async def tick() -> None:
        last = thread_time()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(thread_time() - last)
            last = thread_time()

    async with meanwhile(tick()):
        yield gaps


def flood(url: str, head: bytes, count: int) -> bytes:
    """Send `head` and 64 MB of `x`; in a thread, as a stranger's process would."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE_SECONDS) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(head)
            for _ in range(count):
                stranger.sendall(b"x" * 65_536)
        with contextlib.suppress(ConnectionError):
            return stranger.recv(65_536)
    return b""


async def test_a_header_of_64_mb_does_not_hold_up_media() -> None:
    async with serving() as url, ticking() as gaps:
        await asyncio.to_thread(flood, url, b"GET /healthz HTTP/1.1\r\nX: ", 1024)
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{url}/healthz")).text == "ok"
    assert max(gaps) < LONGEST_GAP_SECONDS


async def test_the_counts_are_read_in_the_media_loop_and_a_crowd_shares_them() -> None:
    rooms = Rooms(2_000)
    async with serving(rooms) as url, ticking() as gaps, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        responses = await asyncio.gather(*(http.get(f"{url}/metrics") for _ in range(50)))
        assert all('rooms{room="room1999"} 1999.0' in response.text for response in responses)
    assert set(rooms.threads) == {threading.get_ident()}
    assert len(rooms.threads) < 25  # one of them to register it
    assert max(gaps) < LONGEST_GAP_SECONDS


async def test_metrics_are_as_of_now() -> None:
    rooms = Rooms(1)
    async with serving(rooms) as url, httpx.AsyncClient() as http:
        assert 'room="room1"' not in (await http.get(f"{url}/metrics")).text
        rooms.rooms = 2
        assert 'room="room1"' in (await http.get(f"{url}/metrics")).text


async def test_a_media_loop_that_hangs_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_http, "ANSWER_SECONDS", 0.2)
    async with serving() as url:

        def look() -> int:
            return httpx.get(f"{url}/healthz", timeout=PATIENCE_SECONDS).status_code

        async def healthy() -> bool:
            return await asyncio.to_thread(look) == 200

        await eventually("it is healthy", healthy, PATIENCE_SECONDS)
        statuses: list[int] = []
        asking = threading.Thread(target=lambda: statuses.append(look()))
        asking.start()
        asking.join()  # holds up this loop
        assert statuses == [503]
        await eventually("it is healthy again", healthy, PATIENCE_SECONDS)


async def test_a_download_from_a_hung_disk_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_http, "STOP_SECONDS", 0.2)
    asked, disk_answers = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    async def download(_: Request) -> Response:
        loop.call_soon_threadsafe(asked.set)
        await anyio.to_thread.run_sync(disk_answers.wait)
        return Response()

    async with httpx.AsyncClient() as http:
        async with serving(more=[Route("/hung", download)]) as url:
            downloading = asyncio.create_task(http.get(f"{url}/hung"))
            await asyncio.wait_for(asked.wait(), PATIENCE_SECONDS)
            stopped_at = monotonic()
        assert monotonic() - stopped_at < 5  # not until the disk answers
        disk_answers.set()
        await asyncio.wait([downloading])


@pytest.mark.parametrize(
    ("host", "url", "warned"),
    [
        ("", "http://10.0.0.5", True),
        ("0", "http://10.0.0.5", True),
        ("0::0", "http://[fd00::5]", True),
        ("localhost", "http://localhost", False),
    ],
)
def test_a_worker_announces_what_it_has_and_says_when_that_is_open_to_the_internet(
    host: str, url: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "own_addresses", lambda: OWN)
    address = HostPort(host, 0)
    with listen("WORKER_HTTP_ADDR", address) as listener, capture_logs() as lines:
        port = listener.getsockname()[1]
        assert http.http_url(load_settings(worker_http_addr=address), listener) == f"{url}:{port}"
    assert [line["log_level"] for line in lines] == ["warning"] * warned
