"""An edge's copies from first viewer to last, over real sockets; RPC and time are in this test's hands."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any, cast

import pytest

from media.relay.edge import LINGER_SECONDS, RETRY_SECONDS, Edge
from media.relay.edge_end import ORIGIN_SILENT_SECONDS
from media.relay.origin_end import EXPIRY_SECONDS
from media.rooms.room import Room
from media.rtp.packet import parse
from media.sessions.end_reason import EndReason
from media.transport.udp import UdpPort
from media.worker.media_plane import MediaPlane
from shared.bus.directory import Directory
from shared.bus.rpc_client import RpcClient
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, WorkerId
from shared.sdp.offer import parse_offer
from tests.support.peer import IN_TIME, Peer
from tests.support.sdp import VP8
from tests.support.waiting import eventually

ROOM = RoomName("wide")
ONE, TWO, THREE = WorkerId("w1"), WorkerId("w2"), WorkerId("w3")
GRACE = 15.0
PICTURE = (*VP8, "a=rtcp-fb:96 nack pli")
OTHER_PICTURE = [line.replace("VP8", "VP9") for line in PICTURE]


class Net:
    """Workers in this process; `call` is their RPC and `room_owner` their directory."""

    def __init__(self) -> None:
        self.workers: dict[WorkerId, Worker] = {}
        self.owner: WorkerId | None = None
        self.answer = asyncio.Event()
        self.answer.set()
        self.behind_answer: Callable[[], None] = lambda: None
        self.calls = 0
        self.later = 0.0

    def now(self) -> float:
        return monotonic() + self.later

    async def call(self, worker: WorkerId, message: Any, *_: object, **__: object) -> Any:
        self.calls += 1
        await self.answer.wait()
        if worker not in self.workers:
            raise ServiceError(ErrorCode.NO_WORKER)
        plane = self.workers[worker].plane
        opened = plane.origin.open(plane.rooms.find(RoomName(message.room)), message, self.now())
        self.behind_answer()
        return opened

    def close_room(self, worker: WorkerId) -> None:
        self.workers[worker].rooms.close(ROOM, EndReason.ROOM_CLOSED)
        self.owner = None

    async def room_owner(self, _room: RoomName) -> WorkerId | None:
        return self.owner

    def pass_time(self, seconds: float) -> None:
        """Let it be later, for everybody at once."""
        self.later += seconds
        for worker in self.workers.values():
            worker.tick()


class Worker:
    def __init__(self, name: WorkerId, net: Net) -> None:
        self.name = name
        self._net = net
        self.port = UdpPort("127.0.0.1", 0)
        address = "127.0.0.1", self.port.address[1]
        self.plane = MediaPlane(name, self.port, (address,), lambda _: None, grace=GRACE, clock=net.now)
        self.rooms = self.plane.rooms
        self.edge = Edge(
            name,
            self.rooms,
            self.plane.switch,
            self.plane.demux,
            self.port.send,
            cast(Directory, net),
            cast(RpcClient, net),
            GRACE,
            net.now,
        )
        self.port.start(self.plane.pump.turn)
        self.peers: list[Peer] = []

    def tick(self) -> None:
        self.plane.tick(self._net.now())
        self.edge.tick(self._net.now())

    async def publish(self, identity: str = "open", picture: Sequence[str] = PICTURE) -> Peer:
        peer = Peer(publishes=True, picture=picture)
        self.peers.append(peer)
        offer = parse_offer(peer.offer())
        local, tracks, answer = self.plane.admission.negotiate_publish(offer)
        self.plane.admission.publish(ROOM, offer, local, tracks, self._net.now(), None, identity)
        self._net.owner = self.name
        return await peer.connect(answer)

    async def play(self, origin: WorkerId) -> Peer:
        await self.edge.take(ROOM, origin)
        peer = Peer(publishes=False)
        self.peers.append(peer)
        session, answer = self.plane.admission.join(ROOM, parse_offer(peer.offer()), self._net.now(), None)
        await peer.connect(answer)
        await eventually("the server is connected, too", lambda: session.connected, IN_TIME)
        return peer

    def viewers(self) -> int | None:
        room = self.rooms.find(ROOM)
        return None if room is None else len(room.viewers)

    def die(self) -> None:
        """Without a word."""
        del self._net.workers[self.name]
        self.port.close()

    async def stop(self) -> None:
        for peer in self.peers:
            peer.close()
        if self.name in self._net.workers:
            await self.edge.close()
            self.rooms.close_all(EndReason.WORKER_STOPS)
            self.die()


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    net = Net()
    workers = [Worker(name, net) for name in (ONE, TWO, THREE)]
    net.workers = {worker.name: worker for worker in workers}
    ticking = asyncio.create_task(keep_ticking(net))
    yield net
    ticking.cancel()
    for worker in workers:
        await worker.stop()


async def keep_ticking(net: Net) -> None:
    while True:
        net.pass_time(0.0)
        await asyncio.sleep(0.05)


async def test_media_passes_over_an_edge(net: Net) -> None:
    publisher = await net.workers[ONE].publish()
    viewers = [await net.workers[two].play(ONE) for two in (ONE, TWO, TWO, THREE)]
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    assert len(net.workers[ONE].plane.origin) == 2
    assert net.calls == 2


async def test_first_viewers_that_come_at_once_share_one_opening(net: Net) -> None:
    await net.workers[ONE].publish()
    net.answer.clear()
    playing = [asyncio.create_task(net.workers[TWO].play(ONE)) for _ in range(5)]
    await eventually("the origin is asked", lambda: net.calls == 1, IN_TIME)
    playing.pop(0).cancel()  # the one that began it gives up
    net.answer.set()
    await asyncio.gather(*playing)
    assert net.calls == 1
    assert net.workers[TWO].viewers() == 4


async def test_an_opening_that_fails_is_told_to_all_and_leaves_nothing(net: Net) -> None:
    edge = net.workers[TWO]
    refused = await asyncio.gather(*(edge.play(ONE) for _ in range(3)), return_exceptions=True)
    assert [error.code for error in refused if isinstance(error, ServiceError)] == [
        ErrorCode.NO_PUBLISHER
    ] * 3
    assert (net.calls, edge.viewers()) == (1, None)
    await net.workers[ONE].publish()
    await edge.play(ONE)


async def test_the_relay_outlives_its_last_viewer_for_a_moment(net: Net) -> None:
    await net.workers[ONE].publish()
    edge = net.workers[TWO]
    for _ in range(2):  # the second finds it still open
        viewer = await edge.play(ONE)
        viewer.close()
        await eventually("the viewer has left", lambda: edge.viewers() == 0, IN_TIME)
        net.pass_time(LINGER_SECONDS / 2)
    assert net.calls == 1
    net.pass_time(LINGER_SECONDS)
    assert edge.viewers() is None
    await eventually("closed at the origin", lambda: len(net.workers[ONE].plane.origin) == 0, IN_TIME)
    assert edge.plane.demux.relay_count == 0


async def test_the_end_of_the_room_ends_its_copies(net: Net) -> None:
    await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    net.workers[ONE].rooms.close(ROOM, EndReason.DELETED)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert net.workers[TWO].viewers() is None


async def test_a_room_that_ends_while_it_is_opened_ends_here_too(net: Net) -> None:
    await net.workers[ONE].publish()
    net.behind_answer = lambda: net.close_room(ONE)
    viewer = await net.workers[TWO].play(ONE)
    net.pass_time(ORIGIN_SILENT_SECONDS)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)


async def test_a_killed_edge_costs_its_origin_nothing_for_long(net: Net) -> None:
    await net.workers[ONE].publish()
    await net.workers[TWO].play(ONE)
    await eventually("it runs", lambda: net.workers[ONE].rooms.find(ROOM).feed.profiles, IN_TIME)
    net.workers[TWO].die()
    net.pass_time(EXPIRY_SECONDS)
    assert len(net.workers[ONE].plane.origin) == 0
    assert net.workers[ONE].plane.demux.relay_count == 0


@pytest.mark.parametrize("says", ["nothing", "that it stops"])
async def test_viewers_wait_at_the_edge_for_their_publisher_to_come_back_elsewhere(
    net: Net, says: str
) -> None:
    publisher = await net.workers[ONE].publish()
    edge = net.workers[TWO]
    viewers = [await edge.play(ONE) for _ in range(2)]
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    if says == "nothing":
        net.workers[ONE].die()
        net.pass_time(ORIGIN_SILENT_SECONDS)
    else:
        await net.workers[ONE].stop()
    net.pass_time(GRACE / 2)  # the directory still names the dead one: it is asked in vain
    publisher = await net.workers[THREE].publish()
    net.pass_time(RETRY_SECONDS)
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
        for payload_type in (96, 111):
            packets = [p for p in map(parse, viewer.rtp) if p.payload_type == payload_type]
            numbers = [p.sequence for p in packets]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len({p.ssrc for p in packets}) == 1
    assert len(net.workers[THREE].plane.origin) == 1


async def test_they_do_not_wait_for_ever(net: Net) -> None:
    await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    net.workers[ONE].die()
    net.pass_time(ORIGIN_SILENT_SECONDS)
    net.pass_time(GRACE - 1)
    assert net.workers[TWO].viewers() == 1
    net.pass_time(1.5)
    assert net.workers[TWO].viewers() is None
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)


async def test_a_publisher_that_comes_back_to_an_edge_finds_its_viewers_there(net: Net) -> None:
    publisher = await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    await viewer.gets_media_of(publisher)
    net.workers[ONE].die()
    publisher = await net.workers[TWO].publish()
    again = await net.workers[TWO].play(TWO)
    for one in (viewer, again):
        await one.gets_media_of(publisher)
    assert found(net, TWO).origin is None
    assert net.workers[TWO].plane.demux.relay_count == 0
    net.pass_time(LINGER_SECONDS + ORIGIN_SILENT_SECONDS)
    await viewer.gets_media_of(publisher)


async def test_somebody_else_at_an_edge_whose_origin_is_gone_begins_anew(net: Net) -> None:
    await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    net.workers[ONE].die()
    publisher = await net.workers[TWO].publish("somebody else")
    await eventually("the copy has ended", lambda: viewer.closed, IN_TIME)
    await (await net.workers[TWO].play(TWO)).gets_media_of(publisher)


async def lose_the_origin(net: Net) -> Peer:
    """A viewer at an edge whose origin has died."""
    publisher = await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    await viewer.gets_media_of(publisher)
    net.workers[ONE].die()
    net.pass_time(ORIGIN_SILENT_SECONDS)
    return viewer


async def test_somebody_else_elsewhere_does_not_get_the_viewers(net: Net) -> None:
    viewer = await lose_the_origin(net)
    await net.workers[THREE].publish(identity="somebody else")
    net.pass_time(RETRY_SECONDS)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    await eventually("the copy has ended", lambda: net.workers[TWO].viewers() is None, IN_TIME)
    assert net.workers[TWO].plane.demux.relay_count == 0
    net.pass_time(EXPIRY_SECONDS)
    assert len(net.workers[THREE].plane.origin) == 0


async def test_viewers_that_cannot_read_the_publishers_next_codec_are_closed(net: Net) -> None:
    viewer = await lose_the_origin(net)
    await net.workers[THREE].publish(picture=OTHER_PICTURE)
    net.pass_time(RETRY_SECONDS)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert [track.published.codec.name for track in found(net, TWO).tracks] == ["opus", "VP9"]


async def test_a_copy_learns_of_other_codecs_at_its_origin(net: Net) -> None:
    publisher = await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    await viewer.gets_media_of(publisher)
    publisher.close()
    await eventually("it is away", lambda: not found(net, ONE).status().has_publisher, IN_TIME)
    await net.workers[ONE].publish(picture=OTHER_PICTURE)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert [track.published.codec.name for track in found(net, TWO).tracks] == ["opus", "VP9"]


async def test_a_copy_goes_on_when_its_origins_publisher_comes_back(net: Net) -> None:
    publisher = await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    await viewer.gets_media_of(publisher)
    publisher.close()
    await eventually("it is away", lambda: not found(net, ONE).status().has_publisher, IN_TIME)
    await viewer.gets_media_of(await net.workers[ONE].publish())
    assert net.calls == 1


def found(net: Net, worker: WorkerId) -> Room:
    room = net.workers[worker].rooms.find(ROOM)
    assert room is not None
    return room
