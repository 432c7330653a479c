"""RTCP between a room and a viewer: what it lost, what it asks for, what it is told, and the limits."""

import struct
from types import SimpleNamespace

import pytest
from aiortc.rtp import RtcpPacket, RtcpSdesPacket, RtcpSrPacket

from media.feedback.publisher_feedback import REPORT_SECONDS
from media.feedback.retransmit_budget import ASKS_PER_SECOND, BURST_ASKS
from media.feedback.viewer_feedback import (
    KEYFRAMES_AT_ONCE,
    KEYFRAMES_PER_SECOND,
    RTCP_BYTES_AT_ONCE,
    RTCP_BYTES_PER_SECOND,
)
from media.rtp.rtcp import ReportBlock, fir, nack, pli, receiver_report, remb
from media.rtp.rtx import unwrap
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from tests.support.far_end import BOTH_PROFILES
from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.published import AUDIO, VIDEO
from tests.support.world import RTX_SSRCS, SSRCS, World

WITH_NACK = (Wire(96, {}, nack=True), Wire(111, {}, nack=True))
WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))
PICTURE = SSRCS[VIDEO]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def viewer(world: World) -> FarViewer:
    return world.join(WITH_NACK)


# --- lost packets


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_without_rtx_a_lost_packet_is_sent_again_byte_for_byte(world: World, profile: Profile) -> None:
    viewer = world.join(WITH_NACK, profile)
    world.media(VIDEO, count=10)
    world.media(AUDIO, count=2)
    first = viewer.datagrams()
    assert viewer.loses(PICTURE, 3, 7) == [first[2], first[6]]
    assert viewer.loses(SSRCS[AUDIO], 2) == [first[11]]
    assert viewer.playback.feedback.resent == 3
    stats = viewer.stats
    assert (stats.nacks, stats.retransmissions, stats.retransmissions_refused) == (3, 3, 0)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_with_rtx_a_lost_packet_is_sent_again_in_a_stream_of_its_own(world: World, profile: Profile) -> None:
    viewer = world.join(WITH_RTX, profile)
    world.media(VIDEO, count=10)
    first = viewer.packets()
    again = viewer.packets(viewer.loses(PICTURE, 3, 7))
    assert [(p.payload_type, p.ssrc, p.sequence) for p in again] == [
        (97, RTX_SSRCS[VIDEO], 1),
        (97, RTX_SSRCS[VIDEO], 2),
    ]
    assert [unwrap(packet, 96, PICTURE) for packet in again] == [first[2], first[6]]


def test_a_viewer_of_the_sound_alone_gets_it_again_and_a_report_of_it(world: World) -> None:
    viewer = world.join((None, WITH_NACK[AUDIO]))
    world.media(AUDIO, count=3)
    first = viewer.datagrams()
    assert viewer.loses(SSRCS[AUDIO], 2) == [first[1]]
    world.feedback.tick(world.now)
    assert [report.ssrc for report in reports(world, viewer)] == [SSRCS[AUDIO]]


def test_a_viewer_without_nack_gets_no_retransmissions(world: World) -> None:
    viewer = world.join(PLAIN)
    world.media(VIDEO, count=10)
    viewer.datagrams()
    assert not viewer.loses(PICTURE, 3, 7)
    assert viewer.stats.nacks == 0


@pytest.mark.parametrize("index", [1, 0x7000, 0xFFFF - 200])
def test_a_packet_that_was_not_sent_to_a_viewer_is_not_sent_again(index: int) -> None:
    """Above all no packet from before it joined: its count has no index for that."""
    world = World(index=index)
    world.media(VIDEO, count=100)
    viewer = world.join(WITH_NACK)
    world.media(VIDEO, count=100)
    first = viewer.datagrams()
    start = index + 100
    assert viewer.loses(PICTURE, start - 1, start + 100, start + 5000) == []
    assert viewer.loses(PICTURE, start - 1, start, start + 99) == [first[0], first[99]]
    assert viewer.loses(0xDEAD, start) == []


def test_a_packet_that_is_too_old_is_not_sent_again(world: World, viewer: FarViewer) -> None:
    world.media(VIDEO, count=10)
    viewer.datagrams()
    world.now += 2.1
    assert viewer.loses(PICTURE, 3) == []
    assert viewer.stats.nacks == 1


@pytest.mark.parametrize("reports", [True, False])
def test_a_viewer_that_repeats_its_request_at_once_has_to_wait(
    world: World, viewer: FarViewer, reports: bool
) -> None:
    """For half of a round trip: of its report's, or of the session's own measure."""
    world.media(VIDEO, count=10)
    if reports:
        last = world.report_to(viewer)
        world.now += 0.1
        viewer.reports(PICTURE, last)
    else:
        viewer.playback.measured(0.1, world.now)
    viewer.datagrams()
    served = []
    for wait in (0.0, 0.04, 0.02):
        world.now += wait
        served.append(len(viewer.loses(PICTURE, 3)))
    assert served == [1, 0, 1]
    assert viewer.stats.retransmissions_refused == 1


def test_a_flood_of_requests_for_packets_is_mostly_ignored(world: World, viewer: FarViewer) -> None:
    world.media(VIDEO, count=1000, payload=bytes(1000))
    viewer.datagrams()
    sent = []
    for _ in range(100):
        sent += viewer.loses(PICTURE, *range(1, 1000, 3))
        world.now += 0.001
    asks = BURST_ASKS + ASKS_PER_SECOND / 10
    assert len(sent) <= asks
    assert sum(map(len, sent)) < 1000 * 1000 * 0.25 + 128 * 1024
    stats = viewer.stats
    assert stats.retransmissions == len(sent)
    assert stats.retransmissions + stats.retransmissions_refused == stats.nacks == 100 * 333
    world.media(VIDEO, count=200, payload=bytes(1000))
    viewer.datagrams()
    world.now += 0.5
    assert 50 <= len(viewer.loses(PICTURE, *range(1, 1000, 3))) <= 51  # a quarter of what it was sent since


def test_a_flood_of_rtcp_is_mostly_not_even_decrypted(viewer: FarViewer) -> None:
    heard = 0
    for step in range(20_000):
        if viewer.playback.feedback.listens(10.0 + step / 10_000):
            viewer.playback.feedback.charge(100)
            heard += 1
    assert heard * 100 <= RTCP_BYTES_AT_ONCE + 2 * RTCP_BYTES_PER_SECOND + 100
    assert viewer.stats.rtcp_dropped == 20_000 - heard


def test_a_viewer_is_heard_until_it_has_sent_all_that_it_may(viewer: FarViewer) -> None:
    viewer.playback.feedback.charge(RTCP_BYTES_AT_ONCE - 1)
    assert viewer.playback.feedback.listens(viewer.room.now)
    viewer.playback.feedback.charge(1)
    assert not viewer.playback.feedback.listens(viewer.room.now)
    assert viewer.stats.rtcp_dropped == 1


# --- round trip


def test_the_round_trip_is_the_time_since_our_report_without_the_viewers_delay(
    world: World, viewer: FarViewer
) -> None:
    last = world.report_to(viewer)
    world.now += 0.35
    viewer.reports(PICTURE, last, delay=0.25)
    assert (viewer.playback.feedback.rtt, viewer.playback.feedback.loss) == (pytest.approx(0.1), 0)
    last = world.report_to(viewer)
    world.now += 0.43
    viewer.reports(PICTURE, last, delay=0.25)
    assert viewer.playback.feedback.rtt == pytest.approx(0.11)


def test_each_of_our_reports_counts_once(world: World, viewer: FarViewer) -> None:
    last = world.report_to(viewer)
    world.now += 0.1
    viewer.reports(PICTURE, last)
    for _ in range(20):  # beside NACKs
        world.now += 0.02
        viewer.reports(PICTURE, last)
    assert viewer.playback.feedback.rtt == pytest.approx(0.1)


def test_only_the_latest_of_our_reports_are_remembered(world: World, viewer: FarViewer) -> None:
    sent = [world.report_to(viewer) for _ in range(5)]
    viewer.reports(PICTURE, sent[0])
    assert viewer.playback.feedback.rtt == 0
    world.now += 0.1
    viewer.reports(PICTURE, sent[1], delay=world.now - 0.1 - viewer.joined_at - 2 * REPORT_SECONDS)
    assert viewer.playback.feedback.rtt == pytest.approx(0.1, abs=0.001)


def test_the_time_that_a_report_waited_is_no_part_of_the_round_trip(world: World, viewer: FarViewer) -> None:
    last = world.report_to(viewer)
    world.now += 0.35
    report = receiver_report(9, [ReportBlock(PICTURE, 64, 0, 0, 0, last, round(0.2 * 0x10000))])
    viewer.playback.receive(report, world.now, late=0.05)
    assert (viewer.playback.feedback.rtt, viewer.playback.feedback.loss) == (
        pytest.approx(0.1, abs=1e-4),
        0.25,
    )


@pytest.mark.parametrize(
    ("forged", "delay", "after"),
    [(0, 0.0, 0.1), (1, 0.0, 0.1), (None, 0.0, 7.0), (None, 1e9, 0.1), (None, 0.2, 0.1)],
)
def test_a_report_that_cannot_be_true_is_ignored(
    world: World, viewer: FarViewer, forged: int | None, delay: float, after: float
) -> None:
    last = world.report_to(viewer)
    world.now += after
    viewer.reports(PICTURE, last if forged is None else forged, delay)
    assert viewer.playback.feedback.rtt == 0


# --- keyframe requests

ARRIVALS = bytes.fromhex("8fcd0006 00000009 00000002 000a0004 00000100 d480 0004ffff0000")


@pytest.mark.parametrize("wish", [pli(9, PICTURE), fir(9, PICTURE, 1)])
def test_a_viewers_keyframe_request_reaches_the_publisher(
    world: World, viewer: FarViewer, wish: bytes
) -> None:
    viewer.says(receiver_report(9, []) + wish)
    assert world.feedback.wishes == [world.now]


def test_a_viewers_repeated_keyframe_requests_count_once(world: World, viewer: FarViewer) -> None:
    first = world.now
    for step in range(51):
        world.now = first + step / 100
        viewer.says(pli(9, PICTURE) * 20)
    assert world.feedback.wishes == [first, first + 0.5]
    assert viewer.stats.keyframe_requests == 1020


def test_a_request_that_came_just_before_hides_no_other_beside_it(world: World, viewer: FarViewer) -> None:
    viewer.says(pli(9, SSRCS[AUDIO]))
    before = len(world.feedback.wishes)
    sound, picture = fir(9, SSRCS[AUDIO], 1), fir(9, PICTURE, 1)
    viewer.says(sound[:3] + bytes((sound[3] + 2,)) + sound[4:] + picture[12:])
    assert len(world.feedback.wishes) == before + 1


def test_a_viewer_that_requests_keyframes_without_end_gets_few(world: World, viewer: FarViewer) -> None:
    for _ in range(6000):
        viewer.says(pli(9, PICTURE))
        world.now += 0.01
    assert len(world.feedback.wishes) <= KEYFRAMES_AT_ONCE + 60 * KEYFRAMES_PER_SECOND


@pytest.mark.parametrize(
    "compound",
    [
        *(receiver_report(9, []), nack(9, PICTURE, [1]), b"", b"garbage", bytes(8), b"\x80" * 400),
        *(remb(9, 50_000, [PICTURE]), ARRIVALS),  # it has no choice of pictures
    ],
)
def test_other_rtcp_of_a_viewer_requests_no_keyframe(
    world: World, viewer: FarViewer, compound: bytes
) -> None:
    viewer.says(compound)
    assert not world.feedback.wishes


# --- reports


def reports(world: World, viewer: FarViewer) -> list[RtcpSrPacket]:
    """The sender reports of the next second."""
    world.now += REPORT_SECONDS
    packets = RtcpPacket.parse(viewer.playback.tick(world.now))
    names = [packet for packet in packets if isinstance(packet, RtcpSdesPacket)]
    found = [packet for packet in packets if isinstance(packet, RtcpSrPacket)]
    # one CNAME for all: what lets a viewer play them in sync
    assert [(name.chunks[0].ssrc, name.chunks[0].items) for name in names] == [
        (report.ssrc, [(1, b"room")]) for report in found
    ]
    return found


def test_a_viewer_gets_a_report_of_each_track_that_was_sent_to_it(world: World) -> None:
    world.media()
    viewer = world.join(WITH_NACK)
    world.media(VIDEO, count=2, payload=bytes(100))
    world.feedback.tick(world.now)
    (told,) = reports(world, viewer)
    assert (told.ssrc, told.sender_info.packet_count, told.sender_info.octet_count) == (PICTURE, 2, 200)
    world.media(AUDIO, count=3)
    world.feedback.tick(world.now)
    viewer.viewer.shifts = (0x80000001, *viewer.viewer.shifts[1:])
    both = reports(world, viewer)
    assert [(r.ssrc, r.sender_info.packet_count) for r in both] == [(PICTURE, 2), (SSRCS[AUDIO], 3)]
    for report, number, shift in zip(both, (VIDEO, AUDIO), (0x80000001, 0), strict=True):
        plays = world.feedback.play_time(number, world.now)
        assert plays is not None
        info = report.sender_info
        assert (info.ntp_timestamp, info.rtp_timestamp) == (plays[0], plays[1] + shift & 0xFFFFFFFF)


def test_a_picture_that_is_not_live_is_not_reported_and_the_sound_is(world: World, viewer: FarViewer) -> None:
    """Keyframes alone have timestamps of their own."""
    world.media()
    world.feedback.tick(world.now)
    feedback = viewer.playback.feedback
    both = feedback.reports(world.now)
    viewer.viewer.behind = SimpleNamespace(track=VIDEO)  # type: ignore[assignment]
    sound = [each for each in RtcpPacket.parse(feedback.reports(world.now)) if isinstance(each, RtcpSrPacket)]
    assert [report.ssrc for report in sound] == [SSRCS[AUDIO]]
    viewer.viewer.behind = None
    assert feedback.reports(world.now) == both


def test_a_viewer_gets_no_report_before_there_is_something_to_report(world: World, viewer: FarViewer) -> None:
    assert viewer.playback.tick(world.now + REPORT_SECONDS) == b""
    world.media()
    assert world.feedback.play_time(VIDEO, world.now) is None
    assert viewer.playback.tick(world.now + 2 * REPORT_SECONDS) == b""


def test_a_viewer_that_tells_its_clock_learns_its_round_trip(world: World, viewer: FarViewer) -> None:
    """RFC 3611 4.5: its clock, and for how long that has waited here; once for each."""
    world.report_to(viewer)
    viewer.datagrams()
    told = bytes.fromhex("80cf0004 00000009 04000002 0102030405060708")
    viewer.playback.receive(told, world.now, late=0.25)
    world.now += REPORT_SECONDS
    answer = viewer.playback.tick(world.now)[-24:]
    assert (answer[:4].hex(), answer[8:12].hex()) == ("80cf0005", "05000003")
    assert struct.unpack("!3I", answer[12:]) == (9, 0x03040506, (REPORT_SECONDS + 0.25) * 0x10000)
    world.now += REPORT_SECONDS
    assert b"\x05\x00\x00\x03" not in viewer.playback.tick(world.now)
