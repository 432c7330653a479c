"""A publisher may send more layers than the room takes: what comes of the others is expected, and ignored.

How packets find the layers that are taken: `tests/unit/media/switch/test_layers.py`.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from media.negotiation.agreed_tracks import LeftOut
from media.rtp.rtcp import ReceiverReport, parse_compound
from tests.support.layered import RTX_TYPE, LayeredWorld, declared, got, layers
from tests.support.published import sound

SSRCS = (10, 20, 30)


def named() -> LayeredWorld:
    """The layers f, h and q are taken, x is left out."""
    left_out = LeftOut(rids=frozenset({"x"}))
    return LayeredWorld([*(replace(track, left_out=left_out) for track in layers()), sound()])


def known_by_ssrc() -> LayeredWorld:
    """The SSRC 15, whose RTX is 115, is left out."""
    left_out = LeftOut(ssrcs=frozenset({15, 115}))
    return LayeredWorld([*(replace(track, left_out=left_out) for track in declared(*SSRCS)), sound()])


@pytest.mark.parametrize(("begin", "rid"), [(named, "x"), (known_by_ssrc, "")], ids=["rid", "ssrc"])
def test_packets_of_a_layer_that_is_left_out_go_nowhere_and_are_no_alarm(
    begin: Callable[[], LayeredWorld], rid: str
) -> None:
    world = begin()
    viewer = world.watch()
    for sequence in (1, 2, 9):
        world.send(15, rid=rid, sequence=sequence)
    world.send(115, b"\0\1again", repairs=rid, payload_type=RTX_TYPE)
    assert not viewer.packets()
    assert (world.feed.rx_packets, world.feed.rx_dropped) == (0, 0)


def test_a_layer_that_is_left_out_is_asked_for_nothing_and_not_reported() -> None:
    world = named()
    world.send(10, rid="f")
    for sequence in (1, 2, 9):
        world.send(15, rid="x", sequence=sequence)
    world.publisher.told.clear()
    for _ in range(20):
        world.now += 0.1
        for number in range(3):
            world.feedback.want_keyframe(number, world.now)
        world.feedback.send_due_rtcp(world.now)
        world.feedback.tick(world.now)
    said = [packet for told in world.publisher.told for packet in parse_compound(told)]
    assert {
        block.ssrc for report in said if isinstance(report, ReceiverReport) for block in report.blocks
    } == {10}
    assert not any(getattr(packet, "media_ssrc", 10) == 15 for packet in said)


def test_nothing_is_learnt_of_a_layer_that_is_left_out() -> None:
    world = named()
    world.send(15, rid="x")
    assert world.feed.layers is not None
    assert len(world.feed.layers) == 0
    world.send(15, b"says nothing")
    assert world.feed.rx_dropped == 1
    viewer = world.watch()
    world.send(15, b"of the room", rid="q")
    assert got(viewer) == [(2, b"of the room")]
