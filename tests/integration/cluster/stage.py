"""A room over several workers, with peers that the test puts on a worker by name, without asking control."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prometheus_client.parser import text_string_to_metric_families

from media.rtp.packet import parse
from shared.bus.connection import connect
from shared.messages.signalling import Answer, Closed, Delete, Play, Publish, Role
from shared.names import WorkerId, new_request_id
from shared.rpc.client import RpcClient
from tests.support.meanwhile import meanwhile
from tests.support.offers import post_offer
from tests.support.peer import IN_TIME, Peer
from tests.support.sdp import sent_offer
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

ROOM = "wide"
ADMIN = {"Authorization": "Bearer chief"}
PACKET_SECONDS = 0.02
RPC_SECONDS = 3.0

T = TypeVar("T")


@dataclass
class Stage:
    system: System
    rpc: RpcClient
    peers: list[Peer] = field(default_factory=list)
    sending: dict[Peer, asyncio.Task[None]] = field(default_factory=dict)
    sessions: dict[Peer, str] = field(default_factory=dict)

    def worker(self, number: int) -> Member:
        return self.system.workers[number]

    async def publish(self, worker: int) -> Peer:
        """A publisher on that worker that sends from now on."""
        peer = self._peer(publishes=True)
        message = Publish(room=ROOM, offer=sent_offer(peer.offer()), identity="open")
        await peer.connect((await self._open(worker, message, peer)).sdp)
        self.sending[peer] = asyncio.create_task(_send(peer))
        return peer

    async def play(self, worker: int, origin: int | None = None, **fields: int) -> Peer:
        """A viewer on that worker, which relays the room from `origin`."""
        peer = self._peer(publishes=False)
        message = Play(
            room=ROOM,
            offer=sent_offer(peer.offer()),
            origin=None if origin is None else self.worker(origin).name,
            **fields,
        )
        return await peer.connect((await self._open(worker, message, peer)).sdp)

    async def join(self) -> Peer:
        """A viewer on the worker that control chooses."""
        peer = self._peer(publishes=False)
        answer = await post_offer(self.system.http, self.system.whep(ROOM), peer.offer().encode())
        assert answer.status_code == 201, answer.text
        self.sessions[peer] = answer.headers["Location"].rpartition("/")[2]
        return await peer.connect(answer.text)

    async def stop(self, peer: Peer) -> None:
        """End its session by DELETE."""
        role = Role.PUBLISH if peer in self.sending else Role.PLAY
        self.silence(peer)
        session = self.sessions.pop(peer)
        message = Delete(session=session, room=ROOM, role=role)
        await self._call(session.partition(".")[0], message, Closed)

    def silence(self, peer: Peer) -> None:
        if (task := self.sending.get(peer)) is not None:
            task.cancel()

    def _peer(self, *, publishes: bool) -> Peer:
        self.peers.append(Peer(publishes=publishes))
        return self.peers[-1]

    async def _open(self, worker: int, message: Publish | Play, peer: Peer) -> Answer:
        answer = await self._call(self.worker(worker).name, message, Answer)
        self.sessions[peer] = answer.session
        return answer

    async def _call(self, worker: str, message: Any, reply: type[T]) -> T:
        return await self.rpc.call(
            WorkerId(worker), message, reply, timeout=RPC_SECONDS, request_id=new_request_id()
        )

    async def all_receive(self, *viewers: Peer, within: float = IN_TIME) -> None:
        """Wait until each one receives new audio and new video."""
        before = [len(viewer.rtp) for viewer in viewers]

        def received() -> bool:
            kinds = [
                {parse(data).payload_type for data in viewer.rtp[seen:]}
                for viewer, seen in zip(viewers, before, strict=True)
            ]
            return all(len(kind) == 2 for kind in kinds)

        await eventually("all receive", received, within)

    async def metric(self, of: Member, name: str, **labels: str) -> float | None:
        """One sample of `/metrics`; None when it is not there."""
        text = (await self.system.http.get(f"{of.url}/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    async def metrics(self, name: str, **labels: str) -> list[float | None]:
        """That sample of each worker."""
        return [await self.metric(worker, name, **labels) for worker in self.system.workers]


async def _send(peer: Peer) -> None:
    while True:
        peer.send_media()
        await asyncio.sleep(PACKET_SECONDS)


@asynccontextmanager
async def running_stage(redis_url: str, *, workers: int, **settings: str) -> AsyncIterator[Stage]:
    async with (
        running_system(redis_url, workers=workers, ADMIN_TOKEN="chief", **settings) as system,
        connect(redis_url) as redis,
    ):
        rpc = RpcClient(redis, redis_url)
        stage = Stage(system, rpc)
        async with meanwhile(rpc.run()):
            try:
                yield stage
            finally:
                for peer in stage.peers:
                    stage.silence(peer)
                    peer.close()
