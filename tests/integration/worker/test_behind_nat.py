"""A worker behind a NAT of the kernel finds its public address by itself, and viewers outside watch."""

import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.bus.connection import connect
from shared.rpc.client import RpcClient
from tests.integration.worker.stage import Worker, environment
from tests.support.logged_process import logged_process
from tests.support.meanwhile import meanwhile
from tests.support.nat_network import OUTSIDE, OUTSIDE_V6, PUBLIC, SERVER, SERVER_V6, NatNetwork, nat_network
from tests.support.peer import Peer
from tests.support.sdp import candidates_of
from tests.support.stun_server import stun_server
from tests.support.system import START_SECONDS
from tests.support.waiting import eventually

PORT, MAPPED = 7100, 40000
STUN_PORT = 3478
MAPS = f"ip saddr {SERVER} udp sport {PORT} snat to {PUBLIC}:{MAPPED}"
LETS_IN = f"udp dport {MAPPED} dnat to {SERVER}:{PORT}"


class Outsider(Peer):
    """A client on the other side of the NAT."""

    def __init__(self, network: NatNetwork, *, publishes: bool, host: str = OUTSIDE[0]) -> None:
        super().__init__(publishes=publishes, host=host)
        self._network = network

    def new_socket(self) -> socket.socket:
        made = self._network.outside.socket(socket.SOCK_DGRAM, (self.host, 0))
        made.setblocking(False)
        return made


@contextlib.asynccontextmanager
async def worker_inside(
    network: NatNetwork, redis_url: str, folder: Path
) -> AsyncIterator[tuple[Worker, list[dict[str, Any]]]]:
    """A worker with `auto` that has started, and what it has logged until then."""
    async with contextlib.AsyncExitStack() as stack:
        servers = []
        for host in (*OUTSIDE, OUTSIDE_V6):
            behind = network.outside.socket(socket.SOCK_DGRAM, (host, STUN_PORT))
            servers.append((await stack.enter_async_context(stun_server(sock=behind))).at)
        bus = urlsplit(redis_url)
        assert bus.hostname
        assert bus.port
        await stack.enter_async_context(network.inside.door(bus.hostname, bus.port))
        settings = environment(
            redis_url,
            MEDIA_ADDR=f":{PORT}",
            MEDIA_PUBLIC_IPS="auto",
            MEDIA_STUN_SERVERS=",".join(map(str, servers)),
            WORKER_HTTP_ADDR="127.0.0.1:9100",
        )
        log = folder / "worker.log"
        redis = await stack.enter_async_context(connect(redis_url))
        program = ["nsenter", f"--net={network.inside.path}", sys.executable, "-m", "deploy.cli", "worker"]
        process = stack.enter_context(logged_process(program, log, settings))
        rpc = RpcClient(redis, redis_url)
        await stack.enter_async_context(meanwhile(rpc.run()))
        worker = Worker(process, log, "", redis, rpc)
        await eventually("the worker is announced", worker.status, START_SECONDS)
        yield worker, lines_of(worker)
        assert process.poll() is None
        assert "Traceback" not in log.read_text()


def told_in(lines: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    return [line for line in lines if word in line["event"]]


def lines_of(worker: Worker) -> list[dict[str, Any]]:
    whole = worker.log.read_text().split("\n")[:-1]
    return [json.loads(line) for line in whole]


async def watches(network: NatNetwork, worker: Worker, *hosts: str) -> list[list[tuple[str, int]]]:
    """Let viewers at these addresses outside watch a publisher outside; what their answers told them."""
    publisher = Outsider(network, publishes=True)
    await publisher.connect((await worker.publish(publisher)).sdp)
    told = []
    peers = [publisher]
    for host in hosts:
        viewer = Outsider(network, publishes=False, host=host)
        peers.append(viewer)
        answer = (await worker.play(viewer)).sdp
        told.append(candidates_of(answer))
        await viewer.connect(answer)
        await viewer.gets_media_of(publisher)
    for peer in peers:
        peer.close()
    return told


async def test_a_viewer_outside_watches_through_the_port_that_the_nat_maps(
    redis_url: str, tmp_path: Path
) -> None:
    with nat_network() as network:
        network.maps(MAPS, LETS_IN)
        async with worker_inside(network, redis_url, tmp_path) as (worker, lines):
            found = [line["address"] for line in told_in(lines, "public address found")]
            assert found == [f"{PUBLIC}:{MAPPED}", f"[{SERVER_V6}]:{PORT}"]
            for told in await watches(network, worker, OUTSIDE[1], OUTSIDE_V6):
                assert told[:3] == [(PUBLIC, MAPPED), (SERVER_V6, PORT), (SERVER, PORT)]
                assert len(told) == len(set(told))
