"""RTCP between a publisher and its room, read by aiortc."""

from itertools import pairwise
from typing import Any

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    unpack_remb_fci,
)

from media.feedback.publisher_feedback import PAUSED_SECONDS, REPORT_SECONDS, PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import TRANSPORT_CC_EXTENSION
from media.rtp.rtcp import sender_report
from media.switch.wire import Wire
from media.tracks.clocks import STAMP_SECONDS
from media.tracks.keyframe_gate import MAX_HOLD_SECONDS
from media.tracks.keyframe_requests import AT_ONCE, REQUEST_SECONDS
from media.tracks.nack_generator import REORDER_SECONDS
from media.tracks.reception import OUR_SSRC
from media.tracks.track import MAX_EXTENSION_ID
from tests.support.far_end import one_byte
from tests.support.far_publisher import SOURCES
from tests.support.published import AUDIO, VIDEO, sound, video
from tests.support.world import UNIX, World

NTP = UNIX + 2_208_988_800
FIR, PLI = 4, 1
KEYFRAME, DELTA = b"\x10\x00 key", b"\x10\x01 delta"  # VP8


def world_with(*feedback: str) -> World:
    """A room whose publisher takes this feedback on its video."""
    return World([video(feedback=feedback), sound()])


def told(world: World) -> list[Any]:
    """What the publisher was told since the last call."""
    packets = [packet for compound in world.publisher.told for packet in RtcpPacket.parse(compound)]
    world.publisher.told.clear()
    return packets


def keyframe_requests(world: World) -> list[RtcpPsfbPacket]:
    return [packet for packet in told(world) if isinstance(packet, RtcpPsfbPacket)]


def at(world: World, now: float, *tracks: int, **how: Any) -> World:
    """A packet of each of these tracks, or of all, arrives at that time."""
    world.now = now
    world.media(*tracks, **how)
    return world


# --- lost packets


def test_a_missing_packet_is_requested_once_reordering_cannot_explain_it() -> None:
    world = at(world_with("nack"), 1.0, sequence=1)
    assert world.rtcp_due_at is None
    at(world, 2.0, sequence=4)
    assert not world.publisher.told
    assert world.rtcp_due_at == pytest.approx(2.0 + REORDER_SECONDS)
    world.now = world.rtcp_due_at
    world.send_due_rtcp()
    (asked,) = told(world)
    assert isinstance(asked, RtcpRtpfbPacket)
    assert (asked.fmt, asked.ssrc, asked.media_ssrc, asked.lost) == (1, OUR_SSRC, SOURCES[VIDEO], [2, 3])
    assert world.rtcp_due_at > 2.0 + REORDER_SECONDS
    again = world.rtcp_due_at
    at(world, 2.020, sequence=2)
    at(world, 2.021, sequence=3)
    world.now = again
    world.send_due_rtcp()
    assert not world.publisher.told
    assert world.rtcp_due_at is None
    assert (world.stats.nacks, world.feed.rx_recovered) == (2, 2)


@pytest.mark.parametrize("sound_comes", [True, False])
def test_a_track_before_it_hides_no_loss_of_a_track(sound_comes: bool) -> None:
    world = World([sound(), video(feedback=["nack"])])
    tracks = (0, 1) if sound_comes else (1,)
    at(world, 1.0, *tracks, sequence=1)
    at(world, 2.0, *tracks, sequence=4)
    world.now += REORDER_SECONDS
    world.send_due_rtcp()
    (asked,) = told(world)
    assert (asked.media_ssrc, asked.lost) == (SOURCES[1], [2, 3])


def test_only_a_track_with_nack_is_asked_for_packets() -> None:
    world = at(world_with(), 1.0, sequence=1)
    at(world, 2.0, sequence=4)
    world.now = 3.0
    world.send_due_rtcp()
    assert not world.publisher.told
    assert world.rtcp_due_at is None


# --- bandwidth


def world_with_numbers() -> World:
    """A room whose publisher numbers the packets of all tracks."""
    numbers = {TRANSPORT_CC_EXTENSION: 5}
    of_all = ["transport-cc"]
    return World([video(feedback=of_all, extensions=numbers), sound(feedback=of_all, extensions=numbers)])


def numbered(number: int) -> tuple[int, bytes]:
    return one_byte((1, b"0"), (5, number.to_bytes(2)))


def arrivals_told(world: World) -> list[tuple[int, int]]:
    """Of each transport-wide report: its first number, and how many numbers it covers."""
    reports = [compound for compound in world.publisher.told if compound[:2] == bytes((0x80 | 15, 205))]
    world.publisher.told.clear()
    assert all(report[4:12] == OUR_SSRC.to_bytes(4) + SOURCES[VIDEO].to_bytes(4) for report in reports)
    return [(int.from_bytes(report[12:14]), int.from_bytes(report[14:16])) for report in reports]


def test_arrivals_of_all_tracks_are_reported_every_50_ms_while_there_are_any() -> None:
    world = world_with_numbers()
    reports: list[tuple[float, int, int]] = []
    for n in range(100):
        at(world, 1.0 + n / 100, n % 2, extension=numbered(n + 7))
        reports += [(world.now, first, count) for first, count in arrivals_told(world)]
    pauses = [b[0] - a[0] for a, b in pairwise(reports)]
    assert pauses == [pytest.approx(0.05, abs=0.011)] * (len(reports) - 1)
    assert reports[0][1] == 7
    assert [first for _, first, _ in reports[1:]] == [first + count for _, first, count in reports[:-1]]
    world.feedback.tick(3.0)
    arrivals_told(world)
    for n in range(10):
        world.feedback.tick(3.1 + n / 10)
    assert not arrivals_told(world)


def test_numbers_of_packets_of_no_track_are_reported_with_the_next_tick() -> None:
    world = world_with_numbers()
    transport = world.tracks[VIDEO].source.transport
    assert transport is not None
    transport.received(7, 1.0)
    world.feedback.tick(1.0)
    (report,) = world.publisher.told
    assert (report[4:12], report[12:16]) == (OUR_SSRC.to_bytes(4) + bytes(4), b"\0\7\0\1")


def test_packets_without_a_valid_number_are_not_reported() -> None:
    world = world_with_numbers()
    for n, extension in enumerate((None, one_byte((5, b"1")), one_byte((5, b"123")), one_byte((1, b"12")))):
        at(world, 1.0 + n, VIDEO, extension=extension)
    assert not world.publisher.told


def test_the_next_publisher_gets_reports_of_its_own_packets() -> None:
    world = at(world_with_numbers(), 1.0, VIDEO, extension=numbered(1000))
    assert arrivals_told(world) == [(1000, 1)]
    world.succeed()
    at(world, 1.3, VIDEO, extension=numbered(5))
    assert arrivals_told(world) == [(5, 1)]


def test_with_remb_an_estimate_goes_with_each_report() -> None:
    world = world_with("goog-remb")
    estimates = []
    for n in range(1, 6):
        for sequence in range(n * 1000, n * 1000 + 500):
            at(world, n, sequence=sequence)
        world.feedback.tick(float(n))
        bitrate, ssrcs = unpack_remb_fci(keyframe_requests(world)[0].fci)
        assert ssrcs == list(SOURCES)
        estimates.append(bitrate)
    assert estimates[0] == pytest.approx(1_000_000, rel=0.001)
    assert len(estimates) == 5


# --- keyframes


def test_a_keyframe_is_requested_of_the_video_source() -> None:
    world = at(world_with("nack pli"), 1.0)
    world.want_keyframes(1.0)
    (request,) = keyframe_requests(world)
    assert (request.fmt, request.ssrc, request.media_ssrc) == (PLI, OUR_SSRC, SOURCES[VIDEO])
    assert (world.stats.plis, world.stats.firs) == (1, 0)


def test_a_publisher_that_takes_only_fir_is_asked_by_fir() -> None:
    world = at(world_with("ccm fir"), 1.0)
    for number in range(1, 258):
        command = number & 0xFF
        world.want_keyframes(1.0 + number)
        (request,) = keyframe_requests(world)
        assert (request.fmt, request.ssrc, request.media_ssrc) == (FIR, OUR_SSRC, 0)
        assert request.fci == SOURCES[VIDEO].to_bytes(4) + bytes((command, 0, 0, 0))
    assert (world.stats.plis, world.stats.firs) == (0, 257)


def test_a_publisher_that_takes_neither_is_not_asked() -> None:
    world = at(world_with(), 1.0)
    world.want_keyframes(1.0)
    assert not world.publisher.told


def test_before_any_media_no_keyframe_is_requested() -> None:
    world = world_with("nack pli")
    world.want_keyframes(1.0)
    assert not world.publisher.told


@pytest.mark.parametrize(
    ("payload", "after"), [(KEYFRAME, 3.0), (DELTA, MAX_HOLD_SECONDS)], ids=["keyframe", "let through"]
)
def test_the_next_publisher_is_asked_for_a_keyframe_until_its_picture_is_not_held_back(
    payload: bytes, after: float
) -> None:
    world = at(world_with("nack pli"), 1.0)
    world.succeed()
    world.feedback.tick(4.0)
    assert not keyframe_requests(world)  # nobody sends yet
    for number in range(10):
        at(world, 4.1 + number / 10, payload=DELTA)
        world.feedback.tick(world.now)
    assert [(r.fmt, r.media_ssrc) for r in keyframe_requests(world)] == [(PLI, SOURCES[VIDEO])] * 2
    at(world, 5.0 + after, payload=payload)
    world.feedback.tick(world.now)
    assert not keyframe_requests(world)
    for wait in (0.0, 0.1):  # now a viewer asks, and another one
        world.want_keyframes(world.now + wait)
    world.feedback.tick(world.now + REQUEST_SECONDS)
    assert len(keyframe_requests(world)) == 2


def test_only_who_has_no_picture_gets_keyframes_faster_than_they_last() -> None:
    world = World([video("VP8", feedback=("nack pli",)), sound()])
    for number in range(AT_ONCE):
        at(world, 1.0 + number / 100, VIDEO, payload=KEYFRAME)
    now = world.now + REQUEST_SECONDS
    PublisherFeedback.want_keyframe(world.feedback, VIDEO, now)
    assert not keyframe_requests(world)
    world.feedback.want_keyframe(VIDEO, now, urgent=True)
    assert len(keyframe_requests(world)) == 1


# --- reports to the publisher


def test_the_publisher_gets_a_reception_report_once_a_second() -> None:
    world = world_with("nack pli")
    for n in range(1, 11):
        if n != 5:
            at(world, 1.0 + n / 100, sequence=n)
    world.feedback.tick(1.2)
    world.feedback.tick(1.3)
    report, name = told(world)
    assert isinstance(report, RtcpRrPacket)
    assert report.ssrc == OUR_SSRC
    assert [(block.ssrc, block.packets_lost, block.highest_sequence) for block in report.reports] == [
        (SOURCES[VIDEO], 1, 10),
        (SOURCES[AUDIO], 1, 10),
    ]
    assert isinstance(name, RtcpSdesPacket)
    assert name.chunks[0].items == [(1, b"room")]
    world.feedback.tick(1.2 + REPORT_SECONDS)
    assert len(told(world)) == 2


def test_nothing_is_reported_before_any_media() -> None:
    world = world_with("nack pli")
    world.feedback.tick(1.0)
    assert not world.publisher.told


def test_a_publishers_report_comes_back_as_lsr_and_dlsr() -> None:
    world = at(world_with("nack pli"), 1.0)
    ntp = int((NTP + 1) * 2**32)
    world.feedback.receive(sender_report(SOURCES[VIDEO], ntp, 0, 1, 5), 1.0)
    world.feedback.tick(1.5)
    report, _ = told(world)
    echoed = [(block.lsr, block.dlsr) for block in report.reports]
    assert echoed == [(ntp >> 16 & 0xFFFFFFFF, 0x8000), (0, 0)]


@pytest.mark.parametrize(
    "compound",
    [
        b"",
        bytes(40),
        b"\x80\xc8\x00\x06" + bytes(3),
        sender_report(0xDEAD, 1, 2, 3, 4),
        sender_report(SOURCES[VIDEO], 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        sender_report(SOURCES[VIDEO], 1, 0, 0, 0),
    ],
)
def test_a_publishers_hostile_reports_break_nothing(compound: bytes) -> None:
    world = at(world_with("nack pli"), 1.0)
    world.feedback.receive(compound, 1.0)
    world.feedback.tick(2.0)
    assert told(world)
    for number in (VIDEO, AUDIO):
        assert world.feedback.play_time(number, 2.0)


# --- when its media was captured


def reported_sound(world: World, timestamp: int) -> None:
    """The publisher reports that its sound has this timestamp now."""
    ntp = int((NTP + world.now) * 2**32)
    world.feedback.receive(sender_report(world.publisher.ssrcs[AUDIO], ntp, timestamp, 1, 5), world.now)


def sound_plays(world: World) -> float:
    """Seconds by which viewers are told that the latest sound, which has just come, was captured earlier."""
    playing = world.feedback.play_time(AUDIO, world.now)
    assert playing is not None
    return (playing[1] - world.tracks[AUDIO].source.last_timestamp) / 48_000


def world_that_hung(seconds: float) -> World:
    """Sound that was reported, and hung."""
    world = World()
    world.now = 100.0
    world.media(AUDIO, timestamp=0)
    reported_sound(world, 960)
    assert sound_plays(world) == pytest.approx(0.020, abs=1e-3)
    for _ in range(int(seconds / 0.5)):
        world.now += 0.5
        world.feedback.tick(world.now)
    return world


def test_sound_that_lost_the_time_of_its_pause_is_dated_by_its_arrival_until_it_is_reported_right() -> None:
    """As Chromium's sound does, whose first report after that goes on from before."""
    world = world_that_hung(3.5)
    world.media(AUDIO, timestamp=960)
    reported_sound(world, 960 + int(3.5 * 48_000))
    for number in range(2, 60):
        world.now += 0.020
        world.media(AUDIO, timestamp=960 * number)
        world.feedback.tick(world.now)
    assert sound_plays(world) == pytest.approx(0.0, abs=0.5)
    world.now += 3.0  # until its next one
    world.media(AUDIO, timestamp=960 * 210)
    world.feedback.tick(world.now)
    assert sound_plays(world) == pytest.approx(0.0, abs=1e-3)
    reported_sound(world, 960 * 211)
    assert sound_plays(world) == pytest.approx(0.020, abs=1e-3)


def test_sound_whose_time_went_on_in_its_pause_stays_as_it_was_reported() -> None:
    world = world_that_hung(3.5)
    passed = int(3.5 * 48_000)
    world.media(AUDIO, timestamp=passed)
    world.feedback.tick(world.now + REPORT_SECONDS)
    assert sound_plays(world) == pytest.approx(0.020, abs=1e-3)
    reported_sound(world, passed + 4800)
    assert sound_plays(world) == pytest.approx(0.100, abs=0.005)


def test_it_says_whether_a_report_of_a_track_can_be_believed() -> None:
    world = World([sound(), video("VP8")])
    world.now = 100.0
    world.feedback.tick(world.now)  # before the first packet nothing pauses
    world.media(payload=KEYFRAME, timestamp=0)

    def believed(*reports: tuple[int, int]) -> bool:
        compound = b"".join(sender_report(ssrc, 9 << 60, timestamp, 1, 5) for ssrc, timestamp in reports)
        return world.feedback.believe(compound, world.now)

    known, ahead = ((world.publisher.ssrcs[0], seconds * 48_000) for seconds in (0, 2))
    unknown = 0xDEAD, 0
    reports = ((ahead,), (unknown, known), (known, unknown), (unknown,), ())
    assert [believed(*each) for each in reports] == [True, True, True, False, False]
    world.now += PAUSED_SECONDS
    assert not believed(known)
    world.media(0, timestamp=48_000)
    assert [believed((known[0], seconds * 48_000)) for seconds in (1, 4)] == [True, False]
    world.succeed()
    world.media(1, payload=DELTA)
    assert believed((world.publisher.ssrcs[1], 0))  # though it is held back


def test_a_publisher_whose_reports_are_far_ahead_is_believed_but_for_some_seconds_after_a_pause() -> None:
    """Its encoder takes two seconds."""
    world = world_that_hung(3.5)
    for second in range(12):
        world.media(AUDIO, timestamp=int(3.5 + second) * 48_000)
        reported_sound(world, int(3.5 + second + 2) * 48_000)
        world.feedback.tick(world.now)
        world.now += 1.0
    world.now -= 1.0
    assert sound_plays(world) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("published", [[video()], [sound(), video()]])
def test_its_delay_is_that_from_the_capture_to_the_arrival_here(published: list[PublishedTrack]) -> None:
    world = World(published)
    world.media(timestamp=0)
    world.feedback.measured(0.1)  # round trip
    ssrc = world.publisher.ssrcs[len(published) - 1]
    # captured 120 ms before it came, and reported at once by a clock that is 30 years wrong
    world.feedback.receive(sender_report(ssrc, 9 << 60, 0, 1, 5), world.now - 0.120 + 0.050)
    assert world.feedback.delay is None
    world.feedback.tick(world.now)
    assert world.feedback.delay == pytest.approx(0.120, abs=1e-3)
    world.now += REPORT_SECONDS
    world.media(timestamp=round(90_000 * (REPORT_SECONDS - 0.1)))
    world.feedback.tick(world.now)
    assert world.feedback.delay == pytest.approx(0.145, abs=1e-3)  # a quarter of the way to 220 ms
    world.succeed()
    assert world.feedback.delay is None


def test_viewers_get_a_stamp_a_second_under_the_id_of_their_own() -> None:
    world = World()
    wires = (Wire(96, {MAX_EXTENSION_ID: 4}), Wire(111, {}))
    viewer = world.join(wires)
    world.media(VIDEO)
    world.feedback.receive(sender_report(world.publisher.ssrcs[VIDEO], 9 << 60, 0, 1, 5), world.now)
    viewer.datagrams()
    for _ in range(8):
        world.now += STAMP_SECONDS / 4
        world.media(VIDEO)
    elements = [[number for number, _ in packet.extensions] for packet in viewer.packets()]
    assert elements == [[], [], [], [4]] * 2
