"""A media plane in the process of the test: real rooms, handlers, socket and heartbeat; time is passed in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any

from redis.asyncio import Redis
from structlog.testing import capture_logs

from media.negotiation.candidates import Candidates
from media.relay.edge import Edge
from media.rooms.chronicle import Chronicle
from media.rooms.room import Room
from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from media.transport.ports import Ports
from media.transport.tcp import TcpPort
from media.transport.udp import UdpPort
from media.worker.capacity import Capacity
from media.worker.drain import Drain
from media.worker.handlers import Handlers
from media.worker.heartbeat import Heartbeat
from media.worker.media_plane import MediaPlane
from media.worker.moderation import Moderation
from media.worker.session_traces import SessionTraces
from shared.bus import keys
from shared.bus.connection import connect
from shared.bus.redis_clock import RedisClock
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, Delete, Patch, Patched, Play, Publish, Role
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from shared.rpc.client import RpcClient
from shared.rulings.ruling_book import RulingBook
from tests.support.peer import IN_TIME, Peer
from tests.support.sdp import sent_fragment, sent_offer
from tests.support.tcp_peer import TcpPeer
from tests.support.waiting import eventually

WORKER = WorkerId("w1")
ROOM = RoomName("demo")


@dataclass
class Plane:
    """A media plane in this process, and the clients that came."""

    media: MediaPlane
    handlers: Handlers
    ports: Ports
    redis: Redis
    book: RulingBook
    moderation: Moderation
    peers: list[Peer] = field(default_factory=list)
    answers: dict[int, Answer] = field(default_factory=dict)

    def peer(self, *, publishes: bool, tcp: bool = False, **how: Any) -> Peer:
        peer = (TcpPeer if tcp else Peer)(publishes=publishes, **how)
        self.peers.append(peer)
        return peer

    async def ask(self, peer: Peer, *, publishes: bool, **terms: Any) -> Answer:
        """`terms` are further fields of the request."""
        offer = sent_offer(peer.offer())
        if publishes:
            terms = {"identity": "open"} | terms
            answer = await self.handlers.publish(Publish(room=ROOM, offer=offer, **terms))
        else:
            answer = await self.handlers.play(Play(room=ROOM, offer=offer, **terms))
        self.answers[id(peer)] = answer
        return answer

    async def connected(self, *, publishes: bool, expires_at: float | None = None, **how: Any) -> Peer:
        """`how` is for `peer`."""
        peer = self.peer(publishes=publishes, **how)
        return await self.connect(peer, await self.ask(peer, publishes=publishes, expires_at=expires_at))

    async def connect(self, peer: Peer, answer: Answer) -> Peer:
        await peer.connect(answer.sdp)
        await eventually("the server is connected, too", lambda: self.session(peer).connected, IN_TIME)
        return peer

    def session(self, peer: Peer) -> Session:
        """The server's end of a client that is there."""
        answer = self.answers[id(peer)]
        return next(session for session in self.media.roster if session.id == answer.session)

    async def pair(self) -> tuple[Peer, Peer]:
        """A publisher and a viewer between whom media flows."""
        publisher = await self.connected(publishes=True)
        viewer = await self.connected(publishes=False)
        await viewer.gets_media_of(publisher)
        return publisher, viewer

    def tick(self, seconds: float) -> None:
        """What happens when it is that much later."""
        self.media.tick(monotonic() + seconds)

    async def patch(self, peer: Peer, role: Role, fragment: str, if_match: str | None) -> Patched:
        session = self.answers[id(peer)].session
        return await self.handlers.patch(
            Patch(session=session, room=ROOM, role=role, fragment=sent_fragment(fragment), if_match=if_match)
        )

    async def delete(self, peer: Peer, role: Role, room: str = ROOM) -> ErrorCode | None:
        session = self.answers[id(peer)].session
        try:
            await self.handlers.delete(Delete(session=session, room=room, role=role))
        except ServiceError as error:
            return error.code
        return None

    @property
    def room(self) -> Room:
        room = self.media.rooms.find(ROOM)
        assert room is not None
        return room

    @property
    def subscribers(self) -> int | None:
        """None: there is no room."""
        return next((status.subscribers for status in self.media.rooms.statuses()), None)

    def holds_nothing(self) -> bool:
        media = self.media
        return not any(map(len, (media.rooms, media.admission._opening, media.roster, media.demux)))


@contextlib.asynccontextmanager
async def running_plane(
    redis_url: str, grace: float = 0.0, limits: RoomLimits | None = None
) -> AsyncIterator[Plane]:
    """Ends with nothing left behind, and without a word about a failure."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    redis, port = connect(redis_url), UdpPort("127.0.0.1", 0)
    ports = Ports(port, tcp=TcpPort(("127.0.0.1", 0)))
    media = MediaPlane(
        WORKER,
        ports,
        Candidates([("127.0.0.1", port.address[1])]),
        lambda name, was_heard, _: heartbeat.release(name, was_open=was_heard),
        Chronicle(WORKER, "process", lambda: None),
        grace=grace,
    )
    heartbeat = Heartbeat(
        Directory(redis, limits),
        WORKER,
        lambda: WorkerStatus(id=WORKER, state=WorkerState.READY, http_url="", sessions=0),
        media.rooms,
        lambda name: None,
    )
    book = RulingBook(redis, RedisClock(redis), lambda _: moderation.obey())
    moderation = Moderation(book, media.rooms, media.roster, heartbeat.flush)
    edge = Edge(
        WORKER,
        media.rooms,
        media.switch,
        media.demux,
        ports.send,
        Directory(redis),
        RpcClient(redis, redis_url),
        media.origin,
        grace,
    )
    drain = Drain(0.0, lambda: 0, lambda _: None)
    handlers = Handlers(
        media, heartbeat, Capacity(0.8, 0), edge, drain, time, moderation, SessionTraces(media.rooms)
    )
    plane = Plane(media, handlers, ports, redis, book, moderation)
    ports.start(media.pump.turn)
    beating = asyncio.create_task(heartbeat.run())
    try:
        with capture_logs() as logs:
            yield plane
            media.rooms.close_all(EndReason.WORKER_STOPS)
    finally:
        ports.close()
        for peer in plane.peers:
            peer.close(without_a_word=True)
        beating.cancel()
        await asyncio.wait([beating])
        # these end by themselves, and that is for all time
        passing = {keys.CHANGES.encode(), keys.EPOCH.encode()}, set(await redis.keys("*}:ended"))
        left = set(await redis.keys()).difference(*passing)
        await redis.aclose()
    assert plane.holds_nothing()
    assert not left
    await eventually("no task is left", lambda: len(asyncio.all_tasks()) == 1, IN_TIME)
    assert not failures
    assert not [entry for entry in logs if entry["log_level"] not in ("debug", "info")]
