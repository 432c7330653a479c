"""One worker serves IPv4 and IPv6 at once, by default, and without IPv6 it serves IPv4."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.tether import tethered
from shared.messages.signalling import Answer, Publish
from tests.integration.worker.stage import IN_TIME, ROOM, Worker, environment, running
from tests.support.loopback import LOOPBACKS
from tests.support.peer import Peer
from tests.support.sdp import candidates_of, sent_offer
from tests.support.waiting import eventually

VIEWERS = 3  # of each family


@pytest.mark.parametrize("host", ["", "[::]"])
async def test_viewers_of_both_families_watch_one_room_at_once(
    redis_url: str, tmp_path: Path, host: str
) -> None:
    async with running(redis_url, tmp_path, MEDIA_ADDR=f"{host}:0") as worker:
        publisher = Peer(publishes=True)
        await publisher.connect((await worker.publish(publisher)).sdp)
        viewers = [await viewer_at(at, worker) for at in LOOPBACKS * VIEWERS]
        for viewer in viewers:
            await viewer.gets_media_of(publisher)

        # byte for byte, numbers and all: they share a wire profile
        last = viewers[-1].rtp[-1]
        await eventually("all have it", lambda: all(last in viewer.rtp for viewer in viewers), IN_TIME)
        for peer in (publisher, *viewers):
            peer.close()


async def viewer_at(host: str, worker: Worker) -> Peer:
    viewer = Peer(publishes=False, host=host)
    answer = (await worker.play(viewer)).sdp
    for protocol in ("udp", "tcp"):
        told = candidates_of(answer, protocol)
        assert len(told) == len(set(told))
        assert set(LOOPBACKS) <= {ip for ip, _ in told}
        assert len({port for _, port in told}) == 1
    return await viewer.connect(answer)


async def test_a_publisher_that_came_over_ipv6_is_told_of_ipv6_first(redis_url: str, tmp_path: Path) -> None:
    public = "192.0.2.7", "2001:db8::7"
    async with running(redis_url, tmp_path, MEDIA_PUBLIC_IPS=",".join(public)) as worker:
        for number, (network, first) in enumerate([("", 0), ("192.0.2.9", 0), ("2001:db8:1::/64", 1)]):
            offer = sent_offer(Peer(publishes=True).offer())
            answer = await worker.call(Publish(room=f"{ROOM}{number}", offer=offer, network=network), Answer)
            told = [ip for ip, _ in candidates_of(answer.sdp)]
            assert told[0] == public[first]
            assert sorted(told) == sorted(public)


def test_without_ipv6_it_starts_and_says_so_in_one_line() -> None:
    """In a network of its own, whose IPv6 is switched off."""
    off = "ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "
    program = f"{off}{sys.executable} -m deploy.cli worker"
    settings = environment("redis://127.0.0.1:1", MEDIA_ADDR=":7100", WORKER_HTTP_ADDR="127.0.0.1:0")
    command = tethered(["unshare", "--net", "sh", "-c", program])
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as worker:
        assert worker.stdout is not None
        lines: list[dict[str, Any]] = []
        try:
            while not lines or lines[-1]["event"] != "worker started":
                lines.append(json.loads(worker.stdout.readline()))
        finally:
            worker.kill()
    told = [line for line in lines if "IPv6" in line["event"]]
    assert [(line["level"], line["event"]) for line in told] == [
        ("info", "this host has no IPv6: media over IPv4 only")
    ]
    assert lines[-1]["media"] == ["127.0.0.1:7100"]
