"""RTCP between a publisher and its room, read by aiortc."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from types import MappingProxyType
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

from media.counts import PublisherStats
from media.feedback.publisher_feedback import REPORT_SECONDS, PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import TRANSPORT_CC_EXTENSION
from media.rtp.rtcp import sender_report
from media.rtp.sequence import SequenceTranslator
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.clocks import PublisherClock, SenderClock
from media.tracks.keyframe_requests import INTERVAL_SECONDS
from media.tracks.nack_generator import REORDER_SECONDS, NackGenerator
from media.tracks.reception import OUR_SSRC, ReceptionStats
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import SourceTrack
from media.tracks.track import Track, succeed
from media.tracks.transport_feedback import TransportFeedback
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources
from tests.support.far_end import far_sender, new_keys, one_byte, rtp

VIDEO, AUDIO = 0, 1
SOURCES = (0x51, 0x52)  # the publisher's SSRCs
ROOMS = (0x61, 0x62)
UNIX = 1_700_000_000.0
NTP = UNIX + 2_208_988_800
FIR, PLI = 4, 1


def codec(name: str, payload_type: int, rate: int, feedback: Collection[str] = ()) -> Codec:
    return Codec(
        name=name,
        payload_type=payload_type,
        clock_rate=rate,
        channels=2 if name == "opus" else 1,
        fmtp="",
        feedback=frozenset(feedback),
        rtx=None,
    )


def track(kind: str, of: Codec, extensions: Mapping[str, int]) -> PublishedTrack:
    return PublishedTrack(kind=kind, mid="0", codec=of, extensions=extensions, sources=Sources())


class Room:
    """A feed with video and audio, and what is said to its publisher."""

    def __init__(
        self, feedback: Collection[str] = ("nack pli",), extensions: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        of_audio = [kind for kind in feedback if kind == "transport-cc"]
        self._published = published = [
            track("video", codec("VP8", 96, 90_000, feedback), extensions),
            track("audio", codec("opus", 111, 48_000, of_audio), extensions),
        ]
        transport = TransportFeedback(OUR_SSRC, extensions[TRANSPORT_CC_EXTENSION]) if of_audio else None
        publisher = PublisherClock(UNIX)
        self.tracks = [
            Track(
                t,
                SourceTrack(
                    t.codec.payload_type,
                    t.codec.clock_rate,
                    SequenceTranslator(1, 0),
                    nack=NackGenerator() if "nack" in t.codec.feedback else None,
                    transport=transport if "transport-cc" in t.codec.feedback else None,
                ),
                SentTrack(ssrc),
                SenderClock(publisher, t.codec.clock_rate),
            )
            for t, ssrc in zip(published, ROOMS, strict=True)
        ]
        self.feed = Feed([t.sent for t in self.tracks], [t.source for t in self.tracks])
        self.said: list[bytes] = []
        self.stats = PublisherStats()
        self.feedback = PublisherFeedback(self.feed, self.tracks, "room", self.said.append, self.stats)
        self.again: float | None = None
        self.switch = PacketSwitch(lambda *_: None)
        keys = new_keys()
        self.switch.open_source(self.feed, keys)
        self._publisher = far_sender(keys)

    def media(
        self,
        now: float,
        sequence: int = 1,
        timestamp: int = 0,
        tracks: Collection[int] = (0, 1),
        extension: tuple[int, bytes] | None = None,
    ) -> None:
        for number in tracks:
            plain = rtp(
                sequence,
                b"12345",
                payload_type=self.feed.sources[number].payload_type,
                ssrc=SOURCES[number],
                timestamp=timestamp,
                extension=extension,
            )
            received = self.switch.receive([(self.feed, self._publisher.protect(plain))], now)
            if received.due:
                self.speak(now)

    def speak(self, now: float) -> None:
        self.again = self.feedback.speak(now)

    def change_publisher(self) -> None:
        """Another one takes the room over, whose RTCP is heard like the first one's."""
        succeed(self.tracks, self._published)
        self.feed.take([t.source for t in self.tracks])
        self.said.clear()
        self.feedback.succeed(self.said.append)
        keys = new_keys()
        self.switch.open_source(self.feed, keys)
        self._publisher = far_sender(keys)

    def heard(self) -> list[Any]:
        """What the publisher was told since the last call."""
        packets = [packet for compound in self.said for packet in RtcpPacket.parse(compound)]
        self.said.clear()
        return packets

    def keyframe_requests(self) -> list[RtcpPsfbPacket]:
        return [packet for packet in self.heard() if isinstance(packet, RtcpPsfbPacket)]


# --- lost packets


def test_what_is_missing_is_asked_for_as_soon_as_it_cannot_be_late_any_more() -> None:
    room = Room(feedback=("nack",))
    room.media(1.0, 1)
    assert room.again is None
    room.media(2.0, 4)
    assert not room.said
    assert room.again == pytest.approx(2.0 + REORDER_SECONDS)
    room.speak(room.again)
    (asked,) = room.heard()
    assert isinstance(asked, RtcpRtpfbPacket)
    assert (asked.fmt, asked.ssrc, asked.media_ssrc, asked.lost) == (1, OUR_SSRC, SOURCES[VIDEO], [2, 3])
    assert room.again > 2.0 + REORDER_SECONDS
    room.media(2.020, 2)
    room.media(2.021, 3)
    room.speak(room.again)
    assert not room.said
    assert room.again is None
    assert (room.stats.nacks, room.feed.rx_recovered) == (2, 2)


def test_only_a_track_that_may_be_asked_is_asked() -> None:
    room = Room(feedback=())
    room.media(1.0, 1)
    room.media(2.0, 4)
    room.speak(3.0)
    assert not room.said
    assert room.again is None


# --- bandwidth

NUMBERS = {TRANSPORT_CC_EXTENSION: 5}


def numbered(number: int) -> tuple[int, bytes]:
    return one_byte((1, b"0"), (5, number.to_bytes(2)))


def test_arrivals_of_all_tracks_are_told_every_50_ms_while_there_are_any() -> None:
    room = Room(feedback=("transport-cc",), extensions=NUMBERS)
    told: list[tuple[float, int, int]] = []
    for n in range(100):
        now = 1.0 + n / 100
        room.media(now, 1 + n // 2, tracks=[n % 2], extension=numbered(n + 7))
        told += [(now, first, count) for first, count in arrivals_told(room)]
    assert [b[0] - a[0] for a, b in pairwise(told)] == [pytest.approx(0.05, abs=0.011)] * (len(told) - 1)
    assert told[0][1] == 7
    assert [at for _, at, _ in told[1:]] == [at + count for _, at, count in told[:-1]]
    room.feedback.tick(3.0)
    arrivals_told(room)
    for n in range(10):
        room.feedback.tick(3.1 + n / 10)
    assert not arrivals_told(room)


def arrivals_told(room: Room) -> list[tuple[int, int]]:
    """Of each transport-wide report: the first number that it tells of, and of how many it does."""
    reports = [compound for compound in room.said if compound[:2] == bytes((0x80 | 15, 205))]
    room.said.clear()
    assert all(report[4:12] == OUR_SSRC.to_bytes(4) + SOURCES[VIDEO].to_bytes(4) for report in reports)
    return [(int.from_bytes(report[12:14]), int.from_bytes(report[14:16])) for report in reports]


def test_what_has_no_number_or_a_broken_one_is_not_told() -> None:
    room = Room(feedback=("transport-cc",), extensions=NUMBERS)
    for n, extension in enumerate((None, one_byte((5, b"1")), one_byte((5, b"123")), one_byte((1, b"12")))):
        room.media(1.0 + n, 1 + n, tracks=[VIDEO], extension=extension)
    assert not room.said


def test_another_publisher_is_told_of_its_own_arrivals() -> None:
    room = Room(feedback=("transport-cc",), extensions=NUMBERS)
    room.media(1.0, 1, tracks=[VIDEO], extension=numbered(1000))
    assert arrivals_told(room) == [(1000, 1)]
    room.change_publisher()
    room.media(1.3, 1, tracks=[VIDEO], extension=numbered(5))
    assert arrivals_told(room) == [(5, 1)]


def test_by_remb_an_estimate_is_told_with_each_report() -> None:
    room = Room(feedback=("goog-remb",))
    estimates = []
    for n in range(1, 6):
        for sequence in range(n * 1000, n * 1000 + 500):
            room.media(n, sequence, tracks=[VIDEO])
        room.feedback.tick(float(n))
        told = [packet for packet in room.heard() if isinstance(packet, RtcpPsfbPacket)]
        bitrate, ssrcs = unpack_remb_fci(told[0].fci)
        assert ssrcs == [SOURCES[VIDEO]]
        estimates.append(bitrate)
    assert estimates[0] == pytest.approx(1_000_000, rel=0.001)
    assert len(estimates) == 5


# --- keyframes


def test_a_keyframe_is_asked_of_the_video_source() -> None:
    room = Room()
    room.media(1.0)
    room.feedback.want_keyframes(1.0)
    (request,) = room.keyframe_requests()
    assert (request.fmt, request.ssrc, request.media_ssrc) == (PLI, OUR_SSRC, SOURCES[VIDEO])


def test_a_publisher_that_takes_only_fir_is_asked_by_fir() -> None:
    room = Room(feedback=("ccm fir",))
    room.media(1.0)
    for command in (1, 2):
        room.feedback.want_keyframes(1.0 + command)
        (request,) = room.keyframe_requests()
        assert (request.fmt, request.ssrc, request.media_ssrc) == (FIR, OUR_SSRC, 0)
        assert request.fci == SOURCES[VIDEO].to_bytes(4) + bytes((command, 0, 0, 0))


def test_a_publisher_that_takes_neither_is_not_asked() -> None:
    room = Room(feedback=())
    room.media(1.0)
    room.feedback.want_keyframes(1.0)
    assert not room.said


def test_before_any_media_there_is_nobody_to_ask() -> None:
    room = Room()
    room.feedback.want_keyframes(1.0)
    assert not room.said


def test_any_number_of_wishes_become_two_requests_a_second() -> None:
    room = Room()
    room.media(0.0)
    for step in range(1000):
        now = 10 + step / 1000
        room.feedback.want_keyframes(now)
        room.feedback.tick(now)
    assert len(room.keyframe_requests()) == round(1 / INTERVAL_SECONDS)


# --- reports to the publisher


def test_the_publisher_is_told_once_a_second_how_it_is_received() -> None:
    room = Room()
    for n in range(1, 11):
        if n != 5:
            room.media(1.0 + n / 100, sequence=n)
    room.feedback.tick(1.2)
    room.feedback.tick(1.3)
    report, name = room.heard()
    assert isinstance(report, RtcpRrPacket)
    assert report.ssrc == OUR_SSRC
    assert [(block.ssrc, block.packets_lost, block.highest_sequence) for block in report.reports] == [
        (SOURCES[VIDEO], 1, 10),
        (SOURCES[AUDIO], 1, 10),
    ]
    assert isinstance(name, RtcpSdesPacket)
    assert name.chunks[0].items == [(1, b"room")]
    room.feedback.tick(1.2 + REPORT_SECONDS)
    assert len(room.heard()) == 2


def test_nothing_is_reported_before_any_media() -> None:
    room = Room()
    room.feedback.tick(1.0)
    assert not room.said


def test_a_publishers_report_comes_back_as_lsr_and_dlsr() -> None:
    room = Room()
    room.media(1.0)
    ntp = int((NTP + 1) * 2**32)
    room.feedback.receive(sender_report(SOURCES[VIDEO], ntp, 0, 1, 5), 1.0)
    room.feedback.tick(1.5)
    (block, other) = room.heard()[0].reports
    assert (block.lsr, block.dlsr) == (ntp >> 16 & 0xFFFFFFFF, 0x8000)
    assert (other.lsr, other.dlsr) == (0, 0)


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
def test_hostile_reports_of_a_publisher_break_nothing(compound: bytes) -> None:
    room = Room()
    room.media(1.0)
    room.feedback.receive(compound, 1.0)
    room.feedback.tick(2.0)
    assert room.heard()
    for number in (VIDEO, AUDIO):
        assert room.feedback.play_time(number, 2.0)


# --- when each track plays


def test_both_tracks_play_in_sync_whatever_the_publishers_clock_says() -> None:
    """The publisher's reports name one instant of its own clock for both; ours name the same one."""
    room = Room()
    room.media(1.0, timestamp=1000)
    theirs = int((NTP + 12_345.0) * 2**32)  # hours off
    room.feedback.receive(
        sender_report(SOURCES[VIDEO], theirs, 1000, 0, 0) + sender_report(SOURCES[AUDIO], theirs, 1000, 0, 0),
        1.0,
    )
    video, audio = (room.feedback.play_time(number, 3.0) for number in (VIDEO, AUDIO))
    assert video
    assert audio
    assert video[0] == audio[0]
    assert abs(video[0] / 2**32 - (NTP + 3)) < 0.001
    # the room's timestamps of that instant are 0: two seconds have passed since
    assert (video[1], audio[1]) == (2 * 90_000, 2 * 48_000)


def test_a_report_for_another_ssrc_of_the_publisher_is_not_taken() -> None:
    room = Room()
    stats = ReceptionStats(7, 90_000)
    room.feed.sources[VIDEO].stats = stats
    room.feedback.receive(sender_report(8, 1 << 32, 0, 0, 0), 1.0)
    stats.received(1, 0, 1.0)
    block = stats.take_block(2.0)
    assert block is not None
    assert (block.last_report, block.delay) == (0, 0)


# --- another publisher


def instant(room: Room, number: int, now: float) -> tuple[float, int]:
    """NTP time in seconds and timestamp that a report would tell."""
    told = room.feedback.play_time(number, now)
    assert told is not None
    return told[0] / 2**32, told[1]


def test_a_successor_is_asked_for_a_keyframe_until_it_sends_one() -> None:
    room = Room()
    room.media(1.0)
    room.change_publisher()
    room.feedback.tick(4.0)
    assert not room.keyframe_requests()  # there is nobody yet
    for number in range(10):
        room.media(4.1 + number / 10, sequence=number)
        room.feedback.tick(4.1 + number / 10)
    assert [(r.fmt, r.media_ssrc) for r in room.keyframe_requests()] == [(PLI, SOURCES[VIDEO])] * 2
    room.feed.sources[VIDEO].gate.closed = False
    room.feedback.tick(9.0)
    assert not room.keyframe_requests()


def test_the_clocks_go_on_while_nobody_publishes_and_beyond() -> None:
    room = Room()
    room.media(1.0, timestamp=1000)
    room.feedback.tick(1.0)
    before = [instant(room, number, 3.0) for number in (VIDEO, AUDIO)]
    room.change_publisher()
    assert [instant(room, number, 3.0) for number in (VIDEO, AUDIO)] == before
    room.media(5.0, timestamp=77, tracks=[AUDIO])
    room.feedback.tick(5.0)
    assert instant(room, AUDIO, 5.0) == (NTP + 5, 4 * 48_000)


def test_a_successors_clock_is_its_own() -> None:
    room = Room()
    for hours_off in (12_345.0, 12_347.0):  # little enough to be taken for drift, were it the same clock
        room.media(1.0, timestamp=1000, tracks=[AUDIO])
        theirs = int((NTP + 1 + hours_off) * 2**32)
        room.feedback.receive(sender_report(SOURCES[AUDIO], theirs, 1000, 0, 0), 1.0)
        assert instant(room, AUDIO, 1.0) == (pytest.approx(NTP + 1, abs=0.001), 0)
        room.change_publisher()


def test_reports_for_a_picture_that_is_held_back_are_not_believed() -> None:
    room = Room()
    room.media(1.0, timestamp=1000)
    room.feedback.tick(1.0)
    before = instant(room, VIDEO, 5.0)
    room.change_publisher()
    room.media(4.0, timestamp=500_000)
    room.feedback.receive(sender_report(SOURCES[VIDEO], int((NTP + 4) * 2**32), 500_000, 0, 0), 4.0)
    assert instant(room, VIDEO, 5.0) == before
