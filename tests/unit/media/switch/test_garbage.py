"""Python's garbage collector, which stops all media while it runs, ignores the packets that a room keeps."""

import gc

from tests.support.published import VIDEO, sound, video
from tests.support.world import World

PACKETS = 1000
KEYFRAME = b"\x10\x10\x00\x00"  # VP8


def test_a_thousand_packets_leave_the_collector_nothing_to_do() -> None:
    world = World([video(), sound()], join_burst="on")  # which holds its pictures, too
    viewer = world.join()
    datagrams = [world.publisher.packet(VIDEO, KEYFRAME + bytes(100), timestamp=0) for _ in range(PACKETS)]
    before = len(gc.get_objects())
    world.receive(*datagrams)
    viewer.inbox.clear()
    gc.collect()  # plain tuples are tracked until it has seen them once
    assert sum(map(len, world.feed.sent[VIDEO].group())) == PACKETS
    assert len(gc.get_objects()) - before < PACKETS / 10
