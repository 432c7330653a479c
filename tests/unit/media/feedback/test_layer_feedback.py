"""Keyframe requests to a publisher of several layers: each is a stream of its own."""

from aiortc.rtp import RtcpPacket, RtcpPsfbPacket

from media.tracks.keyframe_requests import REQUEST_SECONDS
from media.tracks.track import LIVE_SECONDS
from tests.support.layered import AUDIO, DELTA, KEYFRAME, RIDS, LayeredWorld, layers
from tests.support.published import sound

SSRCS = (10, 20, 30)
PLI = 1


def begun() -> LayeredWorld:
    """Each layer has sent a packet."""
    world = LayeredWorld([*layers(feedback=["nack pli"]), sound()])
    for ssrc, rid in zip(SSRCS, RIDS, strict=True):
        world.send(ssrc, rid=rid)
    world.publisher.told.clear()
    return world


def asked(world: LayeredWorld) -> list[int]:
    """The SSRCs of which keyframes were requested since the last call."""
    packets = [packet for compound in world.publisher.told for packet in RtcpPacket.parse(compound)]
    world.publisher.told.clear()
    return [p.media_ssrc for p in packets if isinstance(p, RtcpPsfbPacket) and p.fmt == PLI]


def test_a_keyframe_is_requested_of_every_layer_or_of_one() -> None:
    world = begun()
    world.want_keyframes(world.now)
    assert asked(world) == list(SSRCS)
    world.now += REQUEST_SECONDS
    world.feedback.want_keyframe(1, world.now)
    assert asked(world) == [20]
    world.feedback.want_keyframe(AUDIO, world.now)
    assert asked(world) == []


def test_a_layer_that_has_stopped_or_never_came_is_not_asked() -> None:
    world = LayeredWorld([*layers(feedback=["nack pli"]), sound()])
    world.send(10, rid="f")
    world.send(20, rid="h")
    world.now += LIVE_SECONDS
    world.send(10)
    world.want_keyframes(world.now)
    assert asked(world) == [10]
    world.send(20)
    world.want_keyframes(world.now)
    assert asked(world) == [20]


def test_a_layer_that_the_next_publisher_stops_before_its_keyframe_is_not_asked_without_end() -> None:
    world = LayeredWorld([*layers(codec="VP8", feedback=["nack pli"]), sound()])
    for ssrc, rid in zip(SSRCS, RIDS, strict=True):
        world.send(ssrc, KEYFRAME, rid=rid)
    world.succeed()
    world.send(10, KEYFRAME, rid="f")
    world.send(20, DELTA, rid="h")
    world.feedback.tick(world.now)
    assert asked(world) == [20]
    world.now += LIVE_SECONDS
    world.send(10, DELTA)
    world.feedback.tick(world.now)
    assert asked(world) == []
