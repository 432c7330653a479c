"""A real Prometheus finds the workers by asking control, and a second one federates from it.

Both run with the files of deploy/prometheus, only addresses and intervals changed; and what they sum up over
the workers is what the clients counted.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.deploy.dashboards import expressions_of, panels
from tests.integration.deploy.files import PROMETHEUS, read_yaml
from tests.support.http_peer import open_session
from tests.support.peer import Peer
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.system import System, running_system

INTERVAL = "1s"
IN_TIME = 15.0
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


async def client(system: System, url: str, stack: contextlib.ExitStack, *, publishes: bool) -> Peer:
    """One that is connected, and is closed at the end."""
    peer = Peer(publishes=publishes)
    stack.callback(peer.close)
    await open_session(system.http, url, peer)
    return peer


@pytest.mark.soak
async def test_the_sums_of_a_federated_prometheus_are_what_the_clients_counted(
    redis_url: str, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as stack:
        async with running_system(
            redis_url, controls=2, workers=2, metrics_apart=True, WORKER_MAX_VIEWERS=str(WORKER_MAX_VIEWERS)
        ) as system:
            sent: dict[tuple[str, ...], float] = {}
            everyone: list[Peer] = []
            for number, (room, count) in enumerate(VIEWERS.items()):
                publisher = await client(system, system.whip(room, number), stack, publishes=True)
                for _ in range(count):
                    viewer = await client(system, system.whep(room, number), stack, publishes=False)
                    await viewer.gets_media_of(publisher)
                    everyone.append(viewer)
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
