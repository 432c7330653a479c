"""Edges that feed viewers and edges, over real sockets; the test controls RPC and time.

`MAX_EDGES` is 1: the first edge is fed by the origin, the second one by the first.
"""

from collections.abc import AsyncIterator

import pytest

from media.relay.edge import LINGER_SECONDS, RETRY_SECONDS
from media.relay.link import SILENT_SECONDS
from media.rooms.room import Room
from media.rtp.packet import parse
from shared.names import WorkerId
from tests.integration.cluster.net import (
    FOUR,
    GRACE,
    ONE,
    OTHER_PICTURE,
    ROOM,
    THREE,
    TWO,
    Net,
    running_net,
)
from tests.support.loopback import LOOPBACKS
from tests.support.peer import IN_TIME, Peer
from tests.support.waiting import eventually

MAX_EDGES = 1


@pytest.fixture
async def net(request: pytest.FixtureRequest) -> AsyncIterator[Net]:
    """Its parameter is the address at which workers reach each other."""
    relay_host = getattr(request, "param", "127.0.0.1")
    async with running_net(ONE, TWO, THREE, FOUR, max_edges=MAX_EDGES, relay_host=relay_host) as net:
        yield net


async def chain(net: Net) -> tuple[Peer, list[Peer]]:
    """A publisher, and a viewer at each worker of a chain."""
    publisher = await net.workers[ONE].publish()
    viewers = [await net.workers[name].play(ONE) for name in (ONE, TWO, THREE)]
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    return publisher, viewers


def room(net: Net, worker: WorkerId) -> Room:
    found = net.workers[worker].rooms.find(ROOM)
    assert found is not None
    return found


def parents(net: Net) -> dict[WorkerId, tuple[str, int]]:
    """By whom each edge is fed, and its tier."""
    rooms = {name: worker.rooms.find(ROOM) for name, worker in net.workers.items()}
    return {name: (room.origin, room.tier) for name, room in rooms.items() if room and room.origin}


async def becomes(net: Net, expected: dict[WorkerId, tuple[str, int]]) -> None:
    await eventually("the tree is so", lambda: parents(net) == expected, IN_TIME)


def lost(viewer: Peer) -> list[int]:
    """How many packets each of its streams lacks; each has one SSRC."""
    found = []
    for payload_type in (96, 111):
        packets = [packet for packet in map(parse, viewer.rtp) if packet.payload_type == payload_type]
        assert len({packet.ssrc for packet in packets}) == 1
        numbers = {packet.sequence for packet in packets}
        found.append(max(numbers) - min(numbers) + 1 - len(numbers))
    return found


@pytest.mark.parametrize("net", LOOPBACKS, indirect=True)
async def test_media_passes_two_tiers(net: Net) -> None:
    await chain(net)
    assert parents(net) == {TWO: (ONE, 1), THREE: (TWO, 2)}
    assert [len(net.workers[name].plane.origin) for name in (ONE, TWO, THREE)] == [1, 1, 0]
    status = room(net, THREE).status()
    assert (status.origin, status.tier, status.has_publisher) == (TWO, 2, False)


async def test_an_edge_that_leaves_is_left_without_a_gap(net: Net) -> None:
    publisher, (_, middle, viewer) = await chain(net)
    leaving = net.workers[TWO].plane
    leaving.origin.leave(True)
    assert leaving.depending == 2  # its own viewer, and the edge that it feeds
    await becomes(net, {TWO: (ONE, 1), THREE: (ONE, 1)})
    for each in (middle, viewer):
        await each.gets_media_of(publisher)
    assert lost(viewer) == [0, 0]
    await eventually("nobody depends on it", lambda: leaving.depending == 1, IN_TIME)
    net.pass_time(SILENT_SECONDS / 2)
    await (await net.workers[FOUR].play(ONE)).gets_media_of(publisher)
    assert parents(net)[FOUR] == (THREE, 2)  # not the one that leaves


@pytest.mark.parametrize("says", ["nothing", "that it leaves"])
async def test_pictures_go_on_over_another_relay_each_once_and_in_time(net: Net, says: str) -> None:
    """The publisher answers no keyframe request: all pictures since its last keyframe are held."""
    publisher = await net.workers[ONE].publish()
    sent: list[bytes] = []

    def shoot(count: int) -> None:
        for _ in range(count):
            # a keyframe of VP8 comes first, and no other one (RFC 7741 4.3)
            sent.append((b"\x10\x01" if sent else b"\x10\x00") + len(sent).to_bytes(4))
            publisher.send_packet(96, sent[-1], timestamp=3000 * len(sent))

    def seen(viewer: Peer) -> list[tuple[bytes, int]]:
        packets = sorted(map(parse, viewer.rtp), key=lambda packet: packet.sequence)
        return [(bytes(packet.payload), packet.timestamp - packets[0].timestamp) for packet in packets]

    def all_sent() -> list[tuple[bytes, int]]:
        return [(payload, 3000 * number) for number, payload in enumerate(sent)]

    viewers = [await net.workers[name].play(ONE) for name in (ONE, TWO, THREE)]
    shoot(30)
    for viewer in viewers:
        await eventually("all comes", lambda viewer=viewer: seen(viewer) == all_sent(), IN_TIME)
    if says == "nothing":
        net.workers[TWO].die()
        shoot(10)
        net.pass_time(SILENT_SECONDS)
    else:
        net.workers[TWO].plane.origin.leave(True)
        shoot(10)
    await becomes(net, {THREE: (ONE, 1)} if says == "nothing" else {TWO: (ONE, 1), THREE: (ONE, 1)})
    shoot(10)
    await eventually("all comes", lambda: len(seen(viewers[2])) >= len(sent), IN_TIME)
    assert seen(viewers[2]) == all_sent()


@pytest.mark.parametrize("says", ["nothing", "that it stops"])
async def test_viewers_wait_at_their_edges_for_their_publisher_to_come_back_elsewhere(
    net: Net, says: str
) -> None:
    _, (_, *viewers) = await chain(net)
    if says == "nothing":
        net.workers[ONE].die()
        net.pass_time(SILENT_SECONDS)
    else:
        await net.workers[ONE].stop()
    net.pass_time(GRACE / 2)  # the directory still names the dead worker, which does not answer
    publisher = await net.workers[FOUR].publish()
    net.pass_time(RETRY_SECONDS)
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
        assert lost(viewer) == [0, 0]


@pytest.mark.parametrize("where", [TWO, THREE])
async def test_the_publisher_comes_back_to_an_edge_whose_viewers_stay(net: Net, where: WorkerId) -> None:
    _, (_, middle, viewer) = await chain(net)
    net.workers[ONE].die()
    publisher = await net.workers[where].publish()
    net.pass_time(SILENT_SECONDS)
    net.pass_time(RETRY_SECONDS)
    for each in (middle, viewer, await net.workers[where].play(where)):
        await each.gets_media_of(publisher)
    other = THREE if where == TWO else TWO
    assert parents(net).keys() == {other}
    assert room(net, other).origin == where
    assert net.workers[where].plane.demux.relay_count == 1  # to the other edge, and none to the dead origin
    net.pass_time(LINGER_SECONDS + SILENT_SECONDS)
    await (middle if where == TWO else viewer).gets_media_of(publisher)


async def test_viewers_that_cannot_read_the_publishers_next_codec_are_closed(net: Net) -> None:
    _, (_, viewer, _) = await chain(net)
    net.workers[ONE].die()
    net.pass_time(SILENT_SECONDS)
    await net.workers[FOUR].publish(picture=OTHER_PICTURE)
    net.pass_time(RETRY_SECONDS)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert [track.published.codec.name for track in room(net, TWO).tracks] == ["opus", "VP9"]
