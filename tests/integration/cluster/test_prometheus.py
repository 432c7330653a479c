"""A real Prometheus finds the workers by asking control, and a second one federates from it.

Both run with the files of deploy/prometheus, only addresses and intervals changed; and what they sum up over
the workers is what the clients counted.
"""

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.deploy.dashboards import expressions_of, panels
from tests.integration.deploy.files import PROMETHEUS, read_yaml
from tests.support.offers import post_offer
from tests.support.peer import Peer
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.system import System, running_system
from tests.support.waiting import eventually

INTERVAL = "1s"
IN_TIME = 15.0
EXPIRY_SECONDS = 8.0  # of a dead worker in the directory, 5 s, and a scrape
WORKER_MAX_VIEWERS = 3
VIEWERS = {"east": 4, "west": 2}  # one viewer of east does not fit on its worker: west's worker is its edge
OF_WORKERS = '{job="roomcast-worker"}'


def hurried(name: str) -> dict[str, Any]:
    config: dict[str, Any] = read_yaml(PROMETHEUS / name)
    for interval in ("scrape_interval", "evaluation_interval"):
        config["global"][interval] = INTERVAL
    config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
    return config


def cluster_config(system: System) -> dict[str, Any]:
    """deploy/prometheus/prometheus.yml for this system."""
    config = hurried("prometheus.yml")
    workers, control = config["scrape_configs"]
    discovery = workers["http_sd_configs"][0]
    discovery["url"] = discovery["url"].replace("http://control:8081", system.controls[0].metrics_url)
    discovery["refresh_interval"] = INTERVAL
    del control["dns_sd_configs"]  # there is no DNS here
    control["static_configs"] = [
        {"targets": [urlsplit(member.metrics_url).netloc for member in system.controls]}
    ]
    return config


def federation_config(first: str) -> dict[str, Any]:
    """deploy/prometheus/federation.yml, over the Prometheus at `first`."""
    config = hurried("federation.yml")
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [first]
    return config


@dataclass
class Clients:
    """Connects clients, and closes them at the end."""

    system: System
    stack: contextlib.ExitStack

    async def connect(self, url: str, *, publishes: bool) -> Peer | None:
        """A client that is connected; None when it was refused."""
        peer = Peer(publishes=publishes)
        answer = await post_offer(self.system.http, url, peer.offer().encode())
        if answer.status_code != 201:
            return None
        self.stack.callback(peer.close)
        return await peer.connect(answer.text)

    async def publish(self, room: str, control: int = 0) -> Peer | None:
        return await self.connect(self.system.whip(room, control), publishes=True)

    async def watch(self, room: str, publisher: Peer, control: int = 0) -> Peer:
        viewer = await self.connect(self.system.whep(room, control), publishes=False)
        assert viewer is not None
        await viewer.gets_media_of(publisher)
        return viewer


@pytest.mark.soak
async def test_the_sums_of_a_federated_prometheus_are_what_the_clients_counted(
    redis_url: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        async with running_system(
            redis_url, controls=2, workers=2, metrics_apart=True, WORKER_MAX_VIEWERS=str(WORKER_MAX_VIEWERS)
        ) as system:
            clients = Clients(system, stack)
            sent: dict[tuple[str, ...], float] = {}
            everyone: list[Peer] = []
            for number, (room, count) in enumerate(VIEWERS.items()):
                publisher = await clients.publish(room, number)
                assert publisher is not None
                everyone += [await clients.watch(room, publisher, number) for _ in range(count)]
                sent[room,] = publisher.sent
            homes = {room: await workers_of(system, room) for room in VIEWERS}
            assert [len(workers) for workers in homes.values()] == [2, 1], homes

            async with (
                running_prometheus(cluster_config(system), tmp_path / "first") as first,
                running_prometheus(federation_config(first.address), tmp_path / "second") as second,
            ):
                await all_are_scraped(first)
                for prometheus in (first, second):
                    await rooms_are_counted(prometheus, sent)
                await second.comes_to("count by (cluster) (live_rooms)", {("main",): 2}, IN_TIME)
                for title, expected in {"Live rooms": 2.0, "Viewers": 6.0, "Clusters seen": 1.0}.items():
                    await second.comes_to(shown(title), {(): expected}, IN_TIME)
                # only the first one has what went out, and the cluster as each control process sees it
                gained = sum(len(viewer.rtp) for viewer in everyone) - sum(sent.values())
                out, taken_in = "roomcast_egress_packets_total", "roomcast_ingress_packets_total"
                # packets of a relay count as egress and as ingress
                await first.comes_to(
                    f"sum({out}{OF_WORKERS}) - sum({taken_in}{OF_WORKERS})", {(): gained}, IN_TIME
                )
                await first.comes_to(
                    "max by (room) (live_subscribers{job='roomcast-control'})", watched(VIEWERS), IN_TIME
                )

                everyone[0].close()  # makes room for one more viewer on the worker of east
                (dead,) = homes["west"]
                await a_dead_workers_room_is_not_counted_twice(clients, dead)
                after = {"east": WORKER_MAX_VIEWERS - 1, "west": 1}
                await first.comes_to(f"sum by (room) (live_subscribers{OF_WORKERS})", watched(after), IN_TIME)
                expected = {(): float(sum(after.values()))}
                await second.comes_to("sum(cluster:live_subscribers:sum)", expected, IN_TIME)


def shown(title: str) -> str:
    """What a panel of the fleet's dashboard asks for, with all clusters chosen."""
    (panel,) = (panel for panel in panels("fleet") if panel["title"] == title and panel["type"] == "stat")
    (expression,) = expressions_of(panel)
    return expression.replace("$cluster", ".+")


async def workers_of(system: System, room: str) -> list[str]:
    detail = (await system.http.get(f"{system.controls[0].url}/api/rooms/{room}")).json()
    workers: list[str] = detail["workers"]
    return workers


def watched(viewers: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(room,): count for room, count in viewers.items()}


async def all_are_scraped(prometheus: Prometheus) -> None:
    expected = {("roomcast-worker",): 2.0, ("roomcast-control",): 2.0}
    await prometheus.comes_to("count by (job) (up{job=~'roomcast-.*'} == 1)", expected, IN_TIME)


async def rooms_are_counted(prometheus: Prometheus, sent: dict[tuple[str, ...], float]) -> None:
    for expression, expected in {
        f"sum by (room) (live_rtp_packets_total{OF_WORKERS})": sent,
        f"sum by (room) (live_rtp_bytes_total{OF_WORKERS})": {room: 20 * n for room, n in sent.items()},
        f"sum by (room) (live_subscribers{OF_WORKERS})": watched(VIEWERS),
        f"sum(live_rooms{OF_WORKERS})": {(): 2.0},
        "sum(cluster:live_subscribers:sum)": {(): float(sum(VIEWERS.values()))},
    }.items():
        await prometheus.comes_to(expression, expected, IN_TIME)


async def a_dead_workers_room_is_not_counted_twice(clients: Clients, dead: str) -> None:
    """Kill the worker of `west`, publish and watch there again, and watch control's counts meanwhile."""
    system = clients.system
    next(member for member in system.workers if member.name == dead).kill()
    most: Counter[str] = Counter()

    async def count() -> dict[str, float]:
        text = (await system.http.get(f"{system.controls[1].metrics_url}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("live_"))
        now = {name: float(value) for name, value in lines}
        for name, value in now.items():
            most[name] = max(most[name], round(value))
        return now

    async def publish_again() -> Peer | None:
        await count()
        return await clients.publish("west")

    publisher = await eventually("the room is free", publish_again, EXPIRY_SECONDS, every=0.1)
    await clients.watch("west", publisher)

    async def is_true() -> bool:
        return (await count()).get('live_subscribers{room="west"}') == 1

    await eventually("the count is true", is_true, EXPIRY_SECONDS)
    assert most["live_rooms"] == 2
    assert most['live_subscribers{room="west"}'] == VIEWERS["west"]
