"""The poorest pictures that a viewer gets: keyframes alone, the lowest temporal layer, and none."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from media.feedback.viewer_picture import LEAST_SLOW_SECONDS, MOST_SLOW_SECONDS
from media.switch.rendition import PACKET_OVERHEAD
from tests.support.layers_world import PICTURE
from tests.support.one_stream import assert_one_stream
from tests.support.shown_world import LARGE, SINGLE, ShownWorld, limited


def test_keyframes_alone_are_whole_contiguous_and_paced() -> None:
    world, viewer = limited(SINGLE, 120_000, keyframe_seconds=0.4)
    world.until(lambda: viewer.rendition == world.keyframes)
    since = world.now
    world.run(8.0)
    pictures = viewer.pictures(since)
    assert_one_stream(pictures)
    sizes = Counter(packet.timestamp for packet in pictures)
    ended = {packet.timestamp for packet in pictures if packet.marker}
    assert 6 <= len(sizes) <= 15  # of 20: the line has no room for the others, which leave no gap
    whole = list(sizes)[1:-1]  # the first and the last one may be on their way
    assert {sizes[timestamp] for timestamp in whole} == {max(sizes.values())}
    assert ended.issuperset(whole)
    octets = sum(len(packet.payload) + PACKET_OVERHEAD for packet in pictures)
    assert octets * 8 / 8.0 <= 120_000
    at_once = Counter(at for at, packet in viewer.got if packet.ssrc == PICTURE and at > since)
    assert max(at_once.values()) <= 2  # a probe may be due besides


def test_what_is_lost_of_keyframes_alone_comes_again_as_their_pace_allows() -> None:
    world, viewer = limited(SINGLE, 120_000, keyframe_seconds=1.0)
    assert viewer.rendition == world.keyframes
    lost, before = viewer.pictures()[-1], viewer.pictures()[-3]
    again = viewer.far.packets(viewer.far.loses(PICTURE, lost.sequence))
    assert [packet.payload for packet in again] == [lost.sequence.to_bytes(2) + lost.payload]
    assert again[0].timestamp == lost.timestamp
    served = [len(viewer.far.loses(PICTURE, before.sequence)) for _ in range(20)]
    assert served == sorted(served, reverse=True)
    assert sum(served) <= 2  # more would be too much at once
    since = world.now
    world.run(1.0)
    assert viewer.far.loses(PICTURE, viewer.pictures(since)[-1].sequence)


@pytest.mark.parametrize(
    ("rates", "line", "least", "most"),
    [  # a keyframe of SINGLE has 72 kbit, one of LARGE 288, and the headers of its packets
        (SINGLE, 300_000, LEAST_SLOW_SECONDS, LEAST_SLOW_SECONDS + 0.2),
        (SINGLE, 80_000, LEAST_SLOW_SECONDS + 0.5, MOST_SLOW_SECONDS - 0.5),
        (LARGE, 110_000, MOST_SLOW_SECONDS - 0.5, MOST_SLOW_SECONDS),
    ],
)
def test_keyframes_are_requested_as_often_as_half_of_the_line_carries_them(
    rates: Sequence[int], line: int, least: float, most: float
) -> None:
    world = ShownWorld(rates)
    viewers = [world.watch() for _ in range(3)]  # three of them cost the publisher no more
    world.run(3.0)
    for viewer in viewers:
        viewer.line = line
    world.until(lambda: {viewer.rendition for viewer in viewers} == {world.keyframes})
    world.run(5.0)
    since = world.now
    world.run(20.0)
    asked = [at for at in world.asked_at[0] if at > since]
    apart = [later - one for one, later in pairwise(asked)]
    assert min(apart) >= LEAST_SLOW_SECONDS - 0.001
    assert max(apart) <= MOST_SLOW_SECONDS + 0.2
    assert least <= sum(apart) / len(apart) <= most
    for viewer in viewers:
        assert len({packet.timestamp for packet in viewer.pictures(since)}) >= len(asked) - 1


def test_keyframes_are_not_requested_of_a_publisher_that_sends_them() -> None:
    world, viewer = limited(SINGLE, 120_000, keyframe_seconds=LEAST_SLOW_SECONDS)
    assert viewer.rendition == world.keyframes
    since = world.now
    world.run(12.0)
    assert not [at for at in world.asked_at[0] if at > since]


def test_sound_alone_and_back() -> None:
    world, viewer = limited(LARGE, 2_000)
    assert viewer.rendition is None
    since = world.now
    world.run(2.0)
    assert not viewer.pictures(since)
    viewer.line = 4e6
    world.run(14.0)
    assert viewer.rendition == 0
    assert_one_stream(viewer.pictures())


def test_the_lowest_temporal_layer_is_a_rendition_of_its_own() -> None:
    world, viewer = limited(SINGLE, 450_000, temporal=True)
    assert viewer.rendition == world.lowest
    since = world.now
    world.run(2.0)
    pictures = viewer.pictures(since)
    assert {packet.payload[2] >> 6 for packet in pictures} == {0}
    assert len({packet.timestamp for packet in pictures}) == pytest.approx(25, abs=2)
    viewer.line = 4e6
    asked = len(world.asked_at[0])
    world.run(6.0)
    assert viewer.rendition == 0
    assert len(world.asked_at[0]) == asked  # it needs no keyframe
    assert_one_stream(viewer.pictures())
