"""RTCP between a room and a viewer: reports, losses made good, wishes, and the limits of all of them."""

from collections.abc import Sequence

import pytest
from aiortc.rtp import RtcpPacket, RtcpSdesPacket, RtcpSrPacket

from media.counts import ViewerStats
from media.feedback.retransmit_budget import ASKS_PER_SECOND, BURST_ASKS
from media.feedback.viewer_feedback import (
    COMPOUNDS_AT_ONCE,
    COMPOUNDS_PER_SECOND,
    KEYFRAMES_AT_ONCE,
    KEYFRAMES_PER_SECOND,
    MUCH_LOSS,
    ViewerFeedback,
)
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import ReportBlock, fir, nack, pli, receiver_report
from media.rtp.rtx import unwrap
from media.rtp.srtp import Profile, SrtpKeys
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from media.transport.address import Address
from tests.support.far_end import BOTH_PROFILES, far_receiver, far_sender, new_keys, one_byte, rtp
from tests.support.relay import AUDIO, RTX_SSRCS, SSRCS, VIDEO, new_feed

SOURCES = (0x51, 0x52)  # the publisher's SSRCs
TYPES = (96, 111)
PLAIN = (Wire(96, {}, nack=True), Wire(111, {}, nack=True))
WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))
WITHOUT_NACK = (Wire(96, {}), Wire(111, {}))


class Publisher:
    """What a room knows of its publisher."""

    cname = b"room"

    def __init__(self) -> None:
        self.wishes: list[float] = []
        self.times: tuple[int, int] | None = (5 << 32, 7)

    def want_keyframes(self, now: float) -> None:
        self.wishes.append(now)

    def play_time(self, _number: int, _now: float) -> tuple[int, int] | None:
        return self.times


class Room:
    """A feed with video and audio in a switch, and one viewer of it."""

    def __init__(
        self,
        wires: Sequence[Wire | None] = PLAIN,
        profile: Profile = Profile.AEAD_AES_128_GCM,
        index: int = 1,
    ) -> None:
        self.publisher = Publisher()
        self.stats = ViewerStats()
        self.inbox: dict[Address, list[bytes]] = {}
        self.switch = PacketSwitch(self._transmit)
        self.feed = new_feed(index)
        keys = new_keys()
        self.switch.open_source(self.feed, keys)
        self._source = far_sender(keys)
        self._sequences = [0, 0]
        self.keys = new_keys(profile)
        self.viewer = self.join(self.keys, wires)
        self.feedback = ViewerFeedback(
            self.viewer, self.feed.sent, self.publisher, self.switch.resend, self.stats, 0.0
        )

    def _transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        self.inbox.setdefault(address, []).extend(run[at : at + size] for at in range(0, len(run), size))

    def join(self, keys: SrtpKeys, wires: Sequence[Wire | None]) -> Viewer:
        return self.switch.add_viewer(self.feed, keys, wires, ("192.0.2.1", len(self.inbox)))

    def media(
        self,
        now: float,
        count: int = 1,
        track: int = VIDEO,
        size: int = 100,
        extension: tuple[int, bytes] | None = None,
    ) -> None:
        for _ in range(count):
            self._sequences[track] += 1
            number = self._sequences[track]
            plain = rtp(
                number,
                number.to_bytes(4) * (size // 4),
                payload_type=TYPES[track],
                ssrc=SOURCES[track],
                timestamp=3000 * number,
                extension=extension,
            )
            self.switch.receive([(self.feed, self._source.protect(plain))], now)

    def got(self) -> list[bytes]:
        """The datagrams that the viewer got since the last call."""
        return self.inbox.pop(self.viewer.address, [])

    def lose(self, *sequences: int, now: float = 1.0, ssrc: int = SSRCS[VIDEO]) -> list[bytes]:
        """What comes when the viewer asks for these."""
        self.feedback.receive(receiver_report(9, []) + nack(9, ssrc, [n & 0xFFFF for n in sequences]), now)
        return self.got()


# --- losses


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_without_a_stream_for_it_what_was_lost_comes_again_byte_for_byte(profile: Profile) -> None:
    room = Room(PLAIN, profile)
    room.media(1.0, 10)
    room.media(1.0, 2, AUDIO)
    first = room.got()
    assert room.lose(3, 7) == [first[2], first[6]]
    assert room.lose(2, ssrc=SSRCS[AUDIO]) == [first[11]]
    assert (room.stats.nacks, room.stats.retransmissions, room.stats.retransmissions_refused) == (3, 3, 0)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_over_rtx_it_comes_in_a_stream_of_its_own(profile: Profile) -> None:
    room = Room(WITH_RTX, profile)
    room.media(1.0, 10)
    end = far_receiver(room.keys)
    first = [parse(end.unprotect(datagram)) for datagram in room.got()]
    again = [parse(end.unprotect(datagram)) for datagram in room.lose(3, 7)]
    assert [(p.payload_type, p.ssrc, p.sequence) for p in again] == [
        (97, RTX_SSRCS[VIDEO], 1),
        (97, RTX_SSRCS[VIDEO], 2),
    ]
    originals: list[RtpPacket] = [unwrap(packet, 96, SSRCS[VIDEO]) for packet in again]
    assert originals == [first[2], first[6]]


def test_who_did_not_agree_on_it_gets_nothing_again() -> None:
    room = Room(WITHOUT_NACK)
    room.media(1.0, 10)
    room.got()
    assert not room.lose(3, 7)
    assert room.stats.nacks == 0


@pytest.mark.parametrize("index", [1, 0x7000, 0xFFFF - 200])
def test_what_a_viewer_never_got_it_cannot_lose(index: int) -> None:
    """Above all nothing from before it joined: that has no index in its count."""
    room = Room(index=index)
    room.media(1.0, 100)
    room.viewer = room.join(room.keys, PLAIN)
    room.feedback = ViewerFeedback(
        room.viewer, room.feed.sent, room.publisher, room.switch.resend, room.stats, 0.0
    )
    room.media(1.0, 100)
    first = room.got()
    start = index + 100
    assert room.lose(start - 1, start + 100, start + 5000) == []
    assert room.lose(start - 1, start, start + 99) == [first[0], first[99]]
    assert room.lose(start, ssrc=0xDEAD) == []


def test_what_is_too_old_does_not_come() -> None:
    room = Room()
    room.media(1.0, 10)
    room.got()
    assert room.lose(3, now=3.1) == []
    assert room.stats.nacks == 1


def test_one_that_asks_again_at_once_waits_for_what_is_under_way() -> None:
    room = Room()
    room.media(1.0, 10)
    room.got()
    assert len(room.lose(3, now=1.0)) == 1
    assert len(room.lose(3, now=1.01)) == 0
    assert len(room.lose(3, now=1.03)) == 1
    assert room.stats.retransmissions_refused == 1


def test_a_flood_of_asks_is_mostly_not_looked_at() -> None:
    room = Room()
    room.media(1.0, 1000, size=1000)
    room.got()
    sent = []
    for step in range(100):
        sent += room.lose(*range(1, 1000, 3), now=1.0 + step / 1000)
    asks = BURST_ASKS + ASKS_PER_SECOND / 10
    assert len(sent) <= asks
    assert sum(map(len, sent)) < 1000 * 1000 * 0.25 + 128 * 1024
    assert room.stats.retransmissions == len(sent)
    assert room.stats.retransmissions + room.stats.retransmissions_refused <= room.stats.nacks == 100 * 333


def test_a_flood_of_compounds_is_mostly_not_even_decrypted() -> None:
    room = Room()
    heard = sum(room.feedback.listens(1.0 + step / 10_000) for step in range(20_000))
    assert heard <= COMPOUNDS_AT_ONCE + 2 * COMPOUNDS_PER_SECOND
    assert room.stats.rtcp_dropped == 20_000 - heard


# --- a viewer that loses much

PATIENT = (Wire(96, {4: 5}, nack=True, rtx=97, playout_delay=5), Wire(111, {}))


def delays(room: Room, *lost: int, now: float) -> list[bytes]:
    """Of the packets that come again, the value of the playout-delay extension; b"" where there is none."""
    end = far_receiver(room.keys)
    again = [parse(end.unprotect(datagram)) for datagram in room.lose(*lost, now=now)]
    return [dict(packet.extensions).get(5, b"") for packet in again]


def test_a_viewer_that_loses_much_is_told_to_wait_for_what_it_lost() -> None:
    room = Room(PATIENT)
    room.media(1.0, 100)
    room.got()
    room.feedback.rtt = 0.1
    told = delays(room, *range(1, 4 * MUCH_LOSS + 2), now=1.0)
    assert [int.from_bytes(value) >> 12 for value in told[::MUCH_LOSS]] == [0, 15, 27, 39, 50]
    assert {int.from_bytes(value) & 0xFFF for value in told[MUCH_LOSS:]} == {100}
    assert not any(told[:MUCH_LOSS])


def test_a_long_way_makes_it_wait_longer_but_not_for_ever() -> None:
    room = Room(PATIENT)
    room.media(1.0, 100)
    room.got()
    room.feedback.rtt = 3.0
    assert delays(room, *range(1, 10), now=1.0)[-1] == (50 << 12 | 100).to_bytes(3)


def test_one_that_loses_little_again_is_told_to_wait_no_longer() -> None:
    room = Room(PATIENT)
    room.media(1.0, 100)
    room.got()
    delays(room, *range(1, 20), now=1.0)
    told = []
    for number, now in enumerate((12.0, 23.0, 24.0), 1):
        room.media(now, 100)
        room.got()
        told += delays(room, 100 * number + 50, now=now)
    assert [int.from_bytes(value) >> 12 > 0 for value in told] == [True, True, False]


def test_the_publishers_own_wish_gives_way() -> None:
    """Two elements of one id would be one too many."""
    room = Room(PATIENT)
    for _ in range(20):
        room.media(1.0, extension=one_byte((4, b"\0\0\0")))
    room.got()
    again = room.lose(*range(1, 10))
    end = far_receiver(room.keys)
    last = parse(end.unprotect(again[-1]))
    assert last.extensions == ((5, room.viewer.playout_delay.value()),)


@pytest.mark.parametrize("wires", [PLAIN, WITH_RTX])
def test_one_that_does_not_know_the_extension_is_not_told(wires: Sequence[Wire]) -> None:
    room = Room(wires)
    room.media(1.0, 100)
    end = far_receiver(room.keys)
    first = [end.unprotect(datagram) for datagram in room.got()]
    again = room.lose(*range(1, 20))
    assert len(again) == 19
    if wires is WITH_RTX:
        assert all(parse(end.unprotect(datagram)).extensions == () for datagram in again)
    assert first


# --- round trip


def report(last: int, delay: int) -> bytes:
    return receiver_report(9, [ReportBlock(SSRCS[VIDEO], 0, 0, 0, 0, last, delay)])


def test_the_round_trip_is_what_has_passed_without_the_viewers_delay() -> None:
    room = Room()
    room.media(1.0)
    ntp = 0x0123_4567_89AB_CDEF
    room.publisher.times = (ntp, 0)
    assert room.feedback.reports(2.0)
    room.feedback.receive(report(0x4567_89AB, round(0.25 * 0x10000)), 2.35)
    assert room.feedback.rtt == pytest.approx(0.1)
    room.feedback.receive(report(0x4567_89AB, round(0.25 * 0x10000)), 2.43)
    assert room.feedback.rtt == pytest.approx(0.11)


@pytest.mark.parametrize(
    ("last", "delay", "at"), [(0, 0, 2.1), (1, 0, 2.1), (5 << 16, 0, 9.0), (5 << 16, 0xFFFFFFFF, 2.1)]
)
def test_a_report_that_cannot_be_true_tells_nothing(last: int, delay: int, at: float) -> None:
    room = Room()
    room.media(1.0)
    room.feedback.reports(2.0)
    room.feedback.receive(report(last, delay), at)
    assert room.feedback.rtt == 0


# --- wishes


@pytest.mark.parametrize("wish", [pli(9, SSRCS[VIDEO]), fir(9, SSRCS[VIDEO], 1)])
def test_a_viewers_wish_for_a_keyframe_reaches_the_publisher(wish: bytes) -> None:
    room = Room()
    room.feedback.receive(receiver_report(9, []) + wish, 1.0)
    assert room.publisher.wishes == [1.0]


def test_a_viewer_that_repeats_itself_wishes_once() -> None:
    room = Room()
    for step in range(40):
        room.feedback.receive(pli(9, SSRCS[VIDEO]) * 20, 1.0 + step / 100)
    assert room.publisher.wishes == [1.0]
    assert room.stats.keyframe_requests == 800


def test_a_viewer_that_wishes_without_end_is_granted_few() -> None:
    room = Room()
    for step in range(6000):
        room.feedback.receive(pli(9, SSRCS[VIDEO]), 1.0 + step / 100)
    assert len(room.publisher.wishes) <= KEYFRAMES_AT_ONCE + 60 * KEYFRAMES_PER_SECOND


@pytest.mark.parametrize(
    "compound", [receiver_report(9, []), nack(9, SSRCS[VIDEO], [1]), b"", b"garbage", bytes(8), b"\x80" * 400]
)
def test_other_rtcp_of_a_viewer_asks_nothing(compound: bytes) -> None:
    room = Room()
    room.feedback.receive(compound, 1.0)
    assert not room.publisher.wishes


# --- reports


def reports(room: Room, now: float) -> list[RtcpSrPacket]:
    packets = RtcpPacket.parse(room.feedback.reports(now))
    names = [packet for packet in packets if isinstance(packet, RtcpSdesPacket)]
    found = [packet for packet in packets if isinstance(packet, RtcpSrPacket)]
    # one CNAME for all: what lets a viewer play them in sync
    assert [(name.chunks[0].ssrc, name.chunks[0].items) for name in names] == [
        (report.ssrc, [(1, b"room")]) for report in found
    ]
    return found


def test_a_viewer_is_told_of_each_track_that_it_gets() -> None:
    room = Room()
    room.media(1.0, 2)
    assert [(r.ssrc, r.sender_info.packet_count, r.sender_info.octet_count) for r in reports(room, 1.0)] == [
        (SSRCS[VIDEO], 2, 200)
    ]
    room.media(1.0, 3, AUDIO)
    told = reports(room, 1.0)
    assert [(r.ssrc, r.sender_info.packet_count) for r in told] == [(SSRCS[VIDEO], 2), (SSRCS[AUDIO], 3)]
    assert [(r.sender_info.ntp_timestamp, r.sender_info.rtp_timestamp) for r in told] == [(5 << 32, 7)] * 2


def test_a_viewer_is_told_nothing_before_there_is_anything() -> None:
    room = Room()
    assert room.feedback.reports(1.0) == b""
    room.media(1.0)
    room.publisher.times = None
    assert room.feedback.reports(1.0) == b""


def test_packets_are_kept_once_for_all_viewers() -> None:
    room = Room()
    room.media(1.0, 5)
    held = [room.feed.sent[VIDEO].find(n, 1.0) for n in range(1, 6)]
    assert all(isinstance(packet, Outgoing) for packet in held)
