"""RTCP with a publisher of several layers: each is a stream of its own."""

from collections.abc import Sequence

from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, unpack_remb_fci

from media.feedback.publisher_feedback import REPORT_SECONDS
from media.rtp.rtcp import sender_report
from media.tracks.keyframe_requests import REQUEST_SECONDS
from media.tracks.nack_generator import REORDER_SECONDS
from media.tracks.track import LIVE_SECONDS
from tests.support.layered import AUDIO, DELTA, KEYFRAME, RIDS, LayeredWorld, layers
from tests.support.published import sound
from tests.support.world import UNIX

SSRCS = (10, 20, 30)
NTP = round((UNIX + 2_208_988_800 + 10.0) * 0x100000000)
PLI = 1


def begun(*feedback: str) -> LayeredWorld:
    """Each layer has sent a packet."""
    world = LayeredWorld([*layers(feedback=feedback), sound()])
    for ssrc, rid in zip(SSRCS, RIDS, strict=True):
        world.send(ssrc, rid=rid)
    world.publisher.told.clear()
    return world


def told(world: LayeredWorld) -> Sequence[object]:
    """What the publisher was told since the last call."""
    packets = [packet for compound in world.publisher.told for packet in RtcpPacket.parse(compound)]
    world.publisher.told.clear()
    return packets


def asked(world: LayeredWorld) -> list[int]:
    """The SSRCs of which keyframes were requested since the last call."""
    return [p.media_ssrc for p in told(world) if isinstance(p, RtcpPsfbPacket) and p.fmt == PLI]


def test_a_keyframe_is_requested_of_every_layer_or_of_one() -> None:
    world = begun("nack pli")
    world.want_keyframes(world.now)
    assert asked(world) == list(SSRCS)
    world.now += REQUEST_SECONDS
    world.feedback.want_keyframe(1, world.now)
    assert asked(world) == [20]
    world.feedback.want_keyframe(AUDIO, world.now)
    assert asked(world) == []


def test_each_layer_is_asked_at_most_twice_a_second() -> None:
    world = begun("nack pli")
    for step in range(100):
        now = world.now + step / 100
        world.feedback.want_keyframe(0, now)
        world.feedback.want_keyframe(2, now)
        world.feedback.tick(now)
    requests = asked(world)
    assert (requests.count(10), requests.count(20), requests.count(30)) == (2, 0, 2)


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


def test_a_picture_that_stands_still_as_a_whole_is_asked() -> None:
    world = begun("nack pli")
    world.now += 10 * LIVE_SECONDS
    world.want_keyframes(world.now)
    assert asked(world) == list(SSRCS)


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


def test_lost_packets_are_requested_of_their_layer() -> None:
    world = begun("nack")
    world.send(20, sequence=4)
    world.now += REORDER_SECONDS
    world.send_due_rtcp()
    (request,) = [packet for packet in told(world) if isinstance(packet, RtcpRtpfbPacket)]
    assert (request.media_ssrc, request.lost) == (20, [2, 3])


def test_reports_and_the_estimate_cover_all_layers() -> None:
    world = begun("goog-remb")
    world.now += REPORT_SECONDS
    world.feedback.tick(world.now)
    packets = told(world)
    (report,) = [packet for packet in packets if isinstance(packet, RtcpRrPacket)]
    assert [block.ssrc for block in report.reports] == list(SSRCS)
    (estimate,) = [packet for packet in packets if isinstance(packet, RtcpPsfbPacket)]
    assert unpack_remb_fci(estimate.fci)[1] == list(SSRCS)


def test_the_publishers_reports_reach_the_clock_of_each_layer() -> None:
    world = begun("nack")
    for number, ssrc in enumerate(SSRCS):
        source = world.tracks[number].source
        world.feedback.receive(sender_report(ssrc, NTP, 3000 + 90 * number, 1, 1), world.now)
        assert world.feedback.play_time(number, world.now) == (
            NTP,
            source.translator.translate_timestamp(3000 + 90 * number),
        )
