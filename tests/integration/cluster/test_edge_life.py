"""An edge's copies from first viewer to last, over real sockets; the test controls RPC and time."""

from collections.abc import AsyncIterator

import pytest

from media.relay.edge import LINGER_SECONDS, RETRY_SECONDS
from media.relay.link import SILENT_SECONDS
from media.rooms.room import Room
from media.rtp.packet import parse
from shared.names import WorkerId
from tests.integration.cluster.net import (
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


@pytest.fixture
async def net(request: pytest.FixtureRequest) -> AsyncIterator[Net]:
    """Its parameter is the address at which workers reach each other."""
    async with running_net(ONE, TWO, THREE, relay_host=getattr(request, "param", "127.0.0.1")) as net:
        yield net


@pytest.mark.parametrize("net", LOOPBACKS, indirect=True)
async def test_media_passes_over_an_edge(net: Net) -> None:
    publisher = await net.workers[ONE].publish()
    viewers = [await net.workers[two].play(ONE) for two in (ONE, TWO, TWO, THREE)]
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    assert len(net.workers[ONE].plane.origin) == 2
    assert net.calls == 2


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
        net.pass_time(SILENT_SECONDS)
    else:
        await net.workers[ONE].stop()
    net.pass_time(GRACE / 2)  # the directory still names the dead worker, which does not answer
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
    net.pass_time(LINGER_SECONDS + SILENT_SECONDS)
    await viewer.gets_media_of(publisher)


async def lose_the_origin(net: Net) -> Peer:
    """A viewer at an edge whose origin has died."""
    publisher = await net.workers[ONE].publish()
    viewer = await net.workers[TWO].play(ONE)
    await viewer.gets_media_of(publisher)
    net.workers[ONE].die()
    net.pass_time(SILENT_SECONDS)
    return viewer


async def test_viewers_that_cannot_read_the_publishers_next_codec_are_closed(net: Net) -> None:
    viewer = await lose_the_origin(net)
    await net.workers[THREE].publish(picture=OTHER_PICTURE)
    net.pass_time(RETRY_SECONDS)
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert [track.published.codec.name for track in found(net, TWO).tracks] == ["opus", "VP9"]


def found(net: Net, worker: WorkerId) -> Room:
    room = net.workers[worker].rooms.find(ROOM)
    assert room is not None
    return room
