"""Addresses that a worker can be started on, in both families, and those that stop the start."""

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.tether import tethered
from media.worker.addresses import own_addresses
from tests.integration.worker.stage import IN_TIME, Worker, environment, running
from tests.support.free_ports import free_port
from tests.support.loopback import LOOPBACKS
from tests.support.peer import Peer
from tests.support.sdp import candidates_of
from tests.support.system import START_SECONDS
from tests.support.waiting import eventually

VIEWERS = 3  # of each family


@pytest.mark.parametrize("setting", ["MEDIA_ADDR", "WORKER_HTTP_ADDR"])
@pytest.mark.parametrize("value", ["taken", "203.0.113.7:0"])
def test_an_address_that_cannot_be_had_stops_the_start_with_one_line(setting: str, value: str) -> None:
    kind = socket.SOCK_DGRAM if setting == "MEDIA_ADDR" else socket.SOCK_STREAM
    with socket.socket(type=kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        addresses = {"WORKER_HTTP_ADDR": "127.0.0.1:0", setting: taken if value == "taken" else value}
        result = subprocess.run(
            tethered([sys.executable, "-m", "deploy.cli", "worker"]),
            env=environment("redis://127.0.0.1:1", **addresses),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"roomcast: {setting}: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("host", "relay"), [("", ""), ("0.0.0.0", "127.0.0.9")])
async def test_a_worker_that_listens_everywhere_announces_an_address_that_others_can_reach(
    redis_url: str, tmp_path: Path, host: str, relay: str
) -> None:
    port = free_port()
    async with running(redis_url, tmp_path, http_addr=f"{host}:{port}", MEDIA_RELAY_IPS=relay) as worker:
        status = await worker.status()
        assert status is not None
        known = [relay] if relay else own_addresses()
        assert status.http_url in {f"http://{address}:{port}" for address in known}
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{status.http_url}/healthz")).text == "ok"


async def test_an_address_may_be_a_host_name(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path, MEDIA_ADDR="localhost:0") as worker:
        publisher, viewer = await worker.pair()
        publisher.close()
        viewer.close()


def test_a_host_name_may_have_ipv6_only(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("::1 six\n")
    program = (
        "from media.worker.media_ports import open_tcp, open_udp\n"
        "from shared.http.server import bind_tcp\n"
        "from shared.settings.host_port import HostPort\n"
        "from shared.settings.settings import load_settings\n"
        "address = HostPort('six', 0)\n"
        "udp, tcp = open_udp(address)[0], open_tcp(load_settings(media_tcp_addr='six:0'), [])\n"
        "for host, *_ in udp.address, *tcp.addresses, bind_tcp(address).getsockname(): print(host)"
    )
    inside = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
    done = subprocess.run(
        [*inside, sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    assert done.stdout.split() == ["::1", "::1", "::1"], done.stderr


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
