"""What a room has sent to its receivers: exact for all who came, stayed and left, without a count for it."""

from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.published import AUDIO, VIDEO
from tests.support.world import World


def got(viewer: FarViewer) -> int:
    return sum(len(packet.payload) for packet in viewer.packets())


def test_each_receiver_counts_from_when_it_came_until_it_leaves() -> None:
    world = World()
    early = world.join()
    world.media(AUDIO, VIDEO, count=3)
    late = world.join((PLAIN[0], None))  # other wires: it gets one track only
    world.media(AUDIO, VIDEO, count=2)
    octets = got(early) + got(late)
    early.viewer.resent_octets += 7
    octets += 7
    assert world.feed.tx_payload == octets > 7
    early.leave()
    assert world.feed.tx_payload == octets
    world.media(AUDIO, VIDEO)
    octets += got(late)
    late.leave()
    assert world.feed.tx_payload == octets
    world.media(AUDIO, VIDEO)
    assert world.feed.tx_payload == octets
