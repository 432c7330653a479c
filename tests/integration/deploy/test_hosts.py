"""The files of deploy/ on one host and on three, as they are: streams go through the proxies. Takes root."""

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.integration.deploy import hosts
from tests.integration.deploy.hosts import PROXIES, UNITS, Host, inside, unit_environment
from tests.support.http_peer import open_session
from tests.support.meanwhile import meanwhile
from tests.support.namespaces import Namespace
from tests.support.peer import Peer
from tests.support.system import SHORT_LIVED
from tests.support.waiting import eventually

PROXY = "http://127.0.0.1:8080"
START_SECONDS = 40.0
IN_TIME = 10.0
SEEN_SECONDS = 4.0  # as the unit of control waits: for a balancer to see that it is back
CONTROLS = ("127.0.0.1:8181", "127.0.0.1:8182")


@pytest.mark.parametrize("kind", PROXIES)
def test_a_proxy_leads_to_the_units_of_its_host_and_takes_none_of_their_ports(kind: str) -> None:
    _, config = PROXIES[kind]
    text = (hosts.DEPLOY / config).read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"127\.0\.0\.1:\d+", text))) == list(CONTROLS)
    assert [unit_environment("roomcast-control", number)["HTTP_ADDR"] for number in "12"] == list(CONTROLS)
    taken = {unit_environment("roomcast-control", str(number))["METRICS_ADDR"] for number in range(1, 10)}
    assert taken == {f"127.0.0.1:828{number}" for number in range(1, 10)}
    example = (UNITS / "roomcast.env.example").read_text(encoding="utf-8")
    assert not re.search(r"^(HTTP|METRICS|MEDIA|WORKER_HTTP)_ADDR", example, re.MULTILINE)


@pytest.fixture
def one() -> Iterator[Mapping[str, Namespace]]:
    yield from hosts.joined("alone")


@pytest.fixture
def three() -> Iterator[Mapping[str, Namespace]]:
    yield from hosts.joined("front", "second", "third")


async def stream_passes(http: httpx.AsyncClient) -> None:
    """A publisher and a viewer come by the proxy, and media arrives."""
    publisher, viewer = (Peer(publishes=publishes, host="10.77.0.1") for publishes in (True, False))

    async def published() -> bool:  # a new Redis gives nothing away for four seconds
        with contextlib.suppress(httpx.TransportError):
            probe = await http.get("/readyz")
            return probe.is_success and (await http.get("/api/rooms")).is_success
        return False

    await eventually("the proxy has a control process that is ready", published, START_SECONDS)
    deadline = time.monotonic() + IN_TIME
    while True:
        try:
            opened = await open_session(http, "/api/whip/publish/demo", publisher)
            break
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)
    await open_session(http, "/api/whep/play/demo", viewer)

    def arrives() -> int:
        publisher.send_media()
        return len(viewer.rtp)

    await eventually("media arrives", arrives, IN_TIME)
    assert (await http.get("/metrics")).status_code == 404
    session = httpx.URL(opened.headers["Location"])  # at PUBLIC_URL
    assert (await http.delete(session.path)).status_code == 200
    publisher.close()
    viewer.close()


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=PROXY, limits=SHORT_LIVED, timeout=10)


@pytest.mark.soak
@pytest.mark.parametrize("kind", PROXIES)
def test_one_host_serves_by_the_files_as_they_are(
    kind: str, one: Mapping[str, Namespace], tmp_path: Path
) -> None:
    host = Host("alone", one["alone"], tmp_path)

    async def scenario() -> None:
        async with hosts.running(host), client() as http:
            host.redis("127.0.0.1")
            host.proxy(kind)
            for number in "12":
                host.control(number)
            for number in ("01", "02"):
                host.worker(number)
            await stream_passes(http)
            await control_restarts_one_by_one(host, http)

    inside(one["alone"], scenario())


async def control_restarts_one_by_one(host: Host, http: httpx.AsyncClient) -> None:
    """As two `systemctl restart`, each of which returns `SEEN_SECONDS` after its process answers."""
    answers: list[int] = []

    async def asking() -> None:
        while True:
            answers.append((await http.get("/api/rooms")).status_code)
            await asyncio.sleep(0.02)

    async with meanwhile(asking()), httpx.AsyncClient() as direct:
        for number, address in zip("12", CONTROLS, strict=True):
            await asyncio.to_thread(host.stop, f"control{number}")
            host.control(number)

            async def answering(address: str = address) -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await direct.get(f"http://{address}/healthz")).is_success
                return False

            await eventually("it is back", answering, START_SECONDS)
            await asyncio.sleep(SEEN_SECONDS)
    print(f"{len(answers)} requests through two restarts: {sorted(set(answers))}")
    assert set(answers) == {200}
    assert len(answers) > 100


@pytest.mark.soak
@pytest.mark.parametrize("kind", PROXIES)
def test_three_hosts_serve_with_their_addresses_put_in(
    kind: str, three: Mapping[str, Namespace], tmp_path: Path
) -> None:
    """Redis and the proxy on the first one; control and workers on the others, as the units' comments say."""
    front, *others = (Host(name, namespace, tmp_path) for name, namespace in three.items())
    addresses = ("10.77.0.2", "10.77.0.3")

    def edited(text: str) -> str:
        return text.replace(CONTROLS[0], f"{addresses[0]}:8181").replace(CONTROLS[1], f"{addresses[1]}:8181")

    async def scenario() -> None:
        async with hosts.running(front, *others), client() as http:
            front.redis("10.77.0.1")
            front.proxy(kind, edited)
            for host, address in zip(others, addresses, strict=True):
                settings = {
                    "REDIS_URL": f"redis://:{hosts.PASSWORD}@10.77.0.1:6379",
                    "TRUSTED_PROXIES": "10.77.0.1",
                    "MEDIA_PUBLIC_IPS": "",
                }
                here = {"HTTP_ADDR": f"{address}:818%i", "METRICS_ADDR": f"{address}:828%i"}
                host.control("1", **settings, **here)
                # the hosts of this test have one name
                host.worker("01", **settings, WORKER_HTTP_ADDR=f"{address}:91%i", WORKER_ID=host.name)
            await stream_passes(http)

    inside(three["front"], scenario())
