"""Workers inside the test's process. The test controls RPC and time; the sockets are real."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, cast

from media.negotiation.candidates import Candidates
from media.relay.edge import Edge
from media.rooms.chronicle import Chronicle
from media.sessions.end_reason import EndReason
from media.transport.ports import Ports
from media.transport.udp import UdpPort
from media.worker.addresses import named
from media.worker.media_plane import MediaPlane
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, WorkerId
from shared.rpc.client import RpcClient
from shared.sdp.offer import parse_offer
from tests.support.loopback import LOOPBACKS
from tests.support.meanwhile import meanwhile
from tests.support.peer import IN_TIME, Peer
from tests.support.sdp import VP8
from tests.support.waiting import eventually

ROOM = RoomName("wide")
ONE, TWO, THREE, FOUR = WorkerId("w1"), WorkerId("w2"), WorkerId("w3"), WorkerId("w4")
GRACE = 15.0
PICTURE = (*VP8, "a=rtcp-fb:96 nack pli")
OTHER_PICTURE = [line.replace("VP8", "VP9") for line in PICTURE]


class Net:
    """Workers in this process; `call` is their RPC and `room_owner` their directory."""

    def __init__(self) -> None:
        self.workers: dict[WorkerId, Worker] = {}
        self.owner: WorkerId | None = None
        self.later = 0.0

    def now(self) -> float:
        return monotonic() + self.later

    async def call(self, worker: WorkerId, message: Any, *_: object, **__: object) -> Any:
        if worker not in self.workers:
            raise ServiceError(ErrorCode.NO_WORKER)
        plane = self.workers[worker].plane
        return plane.origin.open(plane.rooms.find(RoomName(message.room)), message, self.now())

    async def room_owner(self, _room: RoomName) -> WorkerId | None:
        return self.owner

    def pass_time(self, seconds: float) -> None:
        """Move the clock of all workers forward."""
        self.later += seconds
        for worker in self.workers.values():
            worker.tick()


class Worker:
    """Clients reach it over IPv4, and other workers at `relay_host`."""

    def __init__(self, name: WorkerId, net: Net, relay_host: str, max_edges: int) -> None:
        self.name = name
        self._net = net
        self.ports = Ports(*(UdpPort(host, 0) for host in LOOPBACKS))
        addresses = self.ports.addresses
        self.plane = MediaPlane(
            name,
            self.ports,
            Candidates(named(["127.0.0.1"], addresses)),
            lambda *_: None,
            Chronicle(name, "process", lambda: None),
            relay_addresses=named([relay_host], addresses),
            grace=GRACE,
            max_edges=max_edges,
            clock=net.now,
        )
        self.rooms = self.plane.rooms
        self.edge = Edge(
            name,
            self.rooms,
            self.plane.switch,
            self.plane.demux,
            self.ports.send,
            cast(Directory, net),
            cast(RpcClient, net),
            self.plane.origin,
            GRACE,
            net.now,
        )
        self.ports.start(self.plane.pump.turn)
        self.peers: list[Peer] = []

    def tick(self) -> None:
        self.plane.tick(self._net.now())
        self.edge.tick(self._net.now())

    async def publish(self, picture: Sequence[str] = PICTURE) -> Peer:
        peer = Peer(publishes=True, picture=picture)
        self.peers.append(peer)
        offer = parse_offer(peer.offer())
        local, tracks, answer = self.plane.admission.negotiate_publish(offer, over_ipv6=False)
        self.plane.admission.publish(ROOM, offer, local, tracks, self._net.now(), None, "open")
        self._net.owner = self.name
        return await peer.connect(answer)

    async def play(self, origin: WorkerId) -> Peer:
        await self.edge.take(ROOM, origin)
        peer = Peer(publishes=False)
        self.peers.append(peer)
        session, answer = self.plane.admission.join(ROOM, parse_offer(peer.offer()), self._net.now(), None, 0)
        await peer.connect(answer)
        await eventually("the server is connected, too", lambda: session.connected, IN_TIME)
        return peer

    def die(self) -> None:
        """Close the socket without telling anybody."""
        del self._net.workers[self.name]
        self.ports.close()

    async def stop(self) -> None:
        for peer in self.peers:
            peer.close()
        if self.name in self._net.workers:
            await self.edge.close()
            self.rooms.close_all(EndReason.WORKER_STOPS)
            self.die()


@asynccontextmanager
async def running_net(*names: WorkerId, max_edges: int, relay_host: str) -> AsyncIterator[Net]:
    net = Net()
    workers = [Worker(name, net, relay_host, max_edges) for name in names]
    net.workers = {worker.name: worker for worker in workers}
    try:
        async with meanwhile(keep_ticking(net)):
            yield net
    finally:
        for worker in workers:
            await worker.stop()


async def keep_ticking(net: Net) -> None:
    while True:
        net.pass_time(0.0)
        await asyncio.sleep(0.05)
