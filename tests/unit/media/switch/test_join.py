"""A viewer's first picture, over the real switch: of publishers that listen and of those that do not."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from media.counts import ViewerStats
from media.feedback.viewer_feedback import ViewerFeedback
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import nack
from media.rtp.sequence import WRAP_GUARD
from media.rtp.srtp import Profile, SrtpKeys
from media.switch.join import Join
from media.switch.join_burst import MOST_SECONDS
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.keyframe_requests import ANSWER_SECONDS, PROOF, KeyframeRequests
from media.tracks.sent_track import FRESH_SECONDS, JoinBurstMode
from media.transport.address import Address
from tests.support.far_end import BOTH_PROFILES, far_receiver, far_sender, new_keys, rtp
from tests.support.relay import AUDIO, RTX_SSRCS, SSRCS, TYPES, VIDEO, new_feed

FRAME_SECONDS = 1 / 30
FRAME_PACKETS = 6
SOURCES = (0x51, 0x52)
WIRES = (Wire(96, {}, nack=True), Wire(111, {}))
WIRES_WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))
KEY, DELTA, MORE = b"\x10\x00", b"\x10\x01", b"\x00\x00"  # VP8: how a keyframe begins, another, and goes on


class Publisher:
    """Sends frames of some packets, and sound. `asked` are the times at which it was asked for a keyframe."""

    cname = b"room"

    def __init__(self, room: "Room", gop: float, answers: bool) -> None:
        self._room = room
        self._gop = gop
        self._answers = answers
        self.asked: list[float] = []
        self._wanted = True
        self._keyframe_at = -gop

    def want_keyframes(self, now: float) -> None:
        requests = self._room.requests
        if requests.want(now):
            self.ask(now)

    def ask(self, now: float) -> None:
        self.asked.append(now)
        self._wanted |= self._answers

    def play_time(self, _number: int, _now: float) -> None:
        return None

    def frame(self, now: float) -> None:
        key = self._wanted or now >= self._keyframe_at + self._gop - 1e-6
        if key:
            self._wanted = False
            self._keyframe_at = now
        self._room.publish(KEY if key else DELTA, now)


class Room:
    """A room whose time a test lets pass; far ends check that what arrives can be read."""

    def __init__(
        self, *, gop: float = 4.0, answers: bool = False, mode: JoinBurstMode = "auto", index: int = 1
    ) -> None:
        self.now = 100.0
        self.switch = PacketSwitch(self._transmit)
        self.feed = new_feed(index)
        self.sent = self.feed.sent[VIDEO]
        self.sent.codec, self.sent.join_burst = "VP8", mode
        self.requests = self.sent.requests = KeyframeRequests()
        keys = new_keys()
        self.switch.open_source(self.feed, keys)
        self._source = far_sender(keys)
        self._sequences = [0, 0]
        self._frames = 0
        self.inbox: defaultdict[Address, list[tuple[float, bytes]]] = defaultdict(list)
        self.viewers: list[Far] = []
        self.publisher = Publisher(self, gop, answers)

    def _transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        self.inbox[address] += [(self.now, run[at : at + size]) for at in range(0, len(run), size)]

    def publish(self, head: bytes, now: float) -> None:
        self._frames += 1
        batch = [
            self._datagram(VIDEO, (head if n == 0 else MORE) + self._frames.to_bytes(4) + bytes(900))
            for n in range(FRAME_PACKETS)
        ]
        self.switch.receive([(self.feed, d) for d in [*batch, self._datagram(AUDIO, b"sound")]], now)

    def _datagram(self, track: int, payload: bytes) -> bytes:
        self._sequences[track] += 1
        return self._source.protect(
            rtp(
                self._sequences[track],
                payload,
                payload_type=TYPES[track],
                ssrc=SOURCES[track],
                timestamp=3000 * self._frames,
            )
        )

    def run(self, seconds: float) -> None:
        """A frame every thirtieth of a second, and joining viewers' steps at 10 ms."""
        end = self.now + seconds - 1e-9
        frame_at = self.now
        while self.now < end:
            if self.now >= frame_at - 1e-9:
                self.publisher.frame(self.now)
                frame_at += FRAME_SECONDS
            if self.requests.due(self.now):
                self.publisher.ask(self.now)
            for viewer in self.viewers:
                viewer.step()
            self.now += 0.005

    def join(
        self, wires: Sequence[Wire | None] = WIRES, profile: Profile = Profile.AEAD_AES_128_GCM
    ) -> "Far":
        viewer = Far(self, wires, new_keys(profile), ("192.0.2.1", len(self.viewers)))
        self.viewers.append(viewer)
        return viewer


class Far:
    """A viewer, from its answer on."""

    def __init__(self, room: Room, wires: Sequence[Wire | None], keys: SrtpKeys, address: Address) -> None:
        self.room = room
        self.stats = ViewerStats()
        self.waited: list[float] = []
        self.stats.first_picture = self.waited.append
        if room.sent.asks_early:
            room.publisher.want_keyframes(room.now)
        self.viewer: Viewer = room.switch.add_viewer(room.feed, keys, wires, address, joining=True)
        self.feedback = ViewerFeedback(
            self.viewer, room.feed.sent, room.publisher, room.switch.resend, self.stats, room.now
        )
        self.join = Join(
            room.switch,
            room.feed,
            self.viewer,
            room.publisher.want_keyframes,
            self.stats,
            since=room.now,
        )
        self.joined_at = room.now
        self._due: float | None = room.now
        self._end = far_receiver(keys)

    def step(self) -> None:
        if self._due is not None and self.room.now >= self._due - 1e-9:
            pause = self.join.step(self.room.now)
            self._due = None if pause is None else self.room.now + pause

    def got(self, *, lost: int = 0) -> list[tuple[float, RtpPacket]]:
        """What arrived since the last call, seconds after joining; without the first ones, that were lost."""
        arrived = self.room.inbox.pop(self.viewer.address, [])[lost:]
        return [(at - self.joined_at, parse(self._end.unprotect(datagram))) for at, datagram in arrived]

    def picture(self, *, lost: int = 0) -> list[tuple[float, RtpPacket]]:
        return [(at, packet) for at, packet in self.got(lost=lost) if packet.ssrc == SSRCS[VIDEO]]


def first_keyframe(packets: Sequence[tuple[float, RtpPacket]]) -> float:
    return next(at for at, packet in packets if packet.payload.startswith(KEY))


def assert_contiguous(packets: Sequence[tuple[float, RtpPacket]]) -> None:
    sequences = [packet.sequence for _, packet in packets]
    assert sequences == [sequences[0] + n & 0xFFFF for n in range(len(sequences))]


# --- a publisher that listens


def test_a_publisher_that_listens_is_asked_and_nothing_is_held() -> None:
    room = Room(answers=True)
    room.run(1.0)
    for _ in range(PROOF + 1):
        room.join()
        room.run(2.0)
    assert room.requests.trusted
    assert not room.sent.has_pictures
    viewer = room.join()
    room.run(1.0)
    packets = viewer.picture()
    assert first_keyframe(packets) <= 2 * FRAME_SECONDS
    assert_contiguous(packets)
    assert viewer.stats.join_bursts == 0
    assert viewer.waited == [pytest.approx(first_keyframe(packets), abs=0.01)]


def test_a_crowd_that_joins_a_publisher_that_listens_shares_its_keyframes() -> None:
    room = Room(answers=True, gop=60.0)
    for _ in range(PROOF):
        room.run(2.0)
        room.join()
    room.run(2.0)
    asked = len(room.publisher.asked)
    crowd = []
    for _ in range(100):
        crowd.append(room.join())
        room.run(0.02)
    room.run(0.5)
    for viewer in crowd:
        packets = viewer.picture()
        assert first_keyframe(packets) <= 2 * FRAME_SECONDS
        assert_contiguous(packets)
    assert len(room.publisher.asked) - asked <= 4


def test_a_viewer_that_comes_as_what_is_held_grows_stale_does_not_wait_for_ever() -> None:
    room = Room(answers=True, gop=60.0)
    for _ in range(PROOF + 1):
        room.run(2.0)
        room.join()
    room.run(0.4)
    room.now = room.sent.pictures.began_at + FRESH_SECONDS + 0.01
    viewer = room.join()
    viewer.step()
    assert room.sent.has_pictures  # until the next packet drops them
    assert viewer.viewer.behind is not None
    room.run(1.0)
    packets = viewer.picture()
    assert first_keyframe(packets) <= 3 * FRAME_SECONDS
    assert_contiguous(packets)


def test_the_first_viewer_of_a_publisher_that_listens_begins_with_its_answer() -> None:
    room = Room(answers=True)
    room.run(2.0)
    viewer = room.join()
    room.run(1.0)
    packets = viewer.picture()
    assert packets[0][1].payload.startswith(KEY)
    assert packets[0][0] <= 2 * FRAME_SECONDS
    assert_contiguous(packets)
    assert len(room.publisher.asked) == 1


# --- one that does not


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("wires", [WIRES, WIRES_WITH_RTX])
def test_a_publisher_that_does_not_answer_costs_the_first_viewer_half_a_second(
    profile: Profile, wires: Sequence[Wire]
) -> None:
    room = Room(answers=False)
    room.run(3.0)
    viewer = room.join(wires, profile)
    room.run(6.0)
    packets = viewer.picture()
    assert ANSWER_SECONDS <= packets[0][0] <= ANSWER_SECONDS + 0.02
    assert packets[0][1].payload.startswith(KEY)
    assert_contiguous(packets)
    assert viewer.viewer.behind is None
    assert viewer.waited == [pytest.approx(packets[0][0], abs=0.01)]


def test_and_the_next_ones_nothing() -> None:
    room = Room(answers=False)
    room.run(3.0)
    room.join()
    room.run(1.0 + 2.9)
    for _ in range(4):
        viewer = room.join()
        room.run(1.9)
        packets = viewer.picture()
        assert packets[0][0] <= 0.01
        assert packets[0][1].payload.startswith(KEY)
        assert_contiguous(packets)
        assert viewer.stats.join_bursts == 1


def test_a_publisher_that_cannot_be_asked_is_not_waited_for() -> None:
    room = Room()
    room.requests = room.sent.requests = KeyframeRequests(deaf=True)
    room.run(3.0)
    viewer = room.join()
    room.run(0.1)
    assert viewer.picture()[0][0] <= 0.01
    assert not room.publisher.asked


def test_sound_does_not_wait_for_the_picture() -> None:
    room = Room(answers=False)
    room.run(3.0)
    viewer = room.join()
    room.run(0.4)
    packets = [packet for _, packet in viewer.got()]
    assert {packet.ssrc for packet in packets} == {SSRCS[AUDIO]}
    assert len(packets) == 12
    assert viewer.feedback.reports(room.now) == b""


def test_a_burst_is_paced_and_ends_at_the_live_edge() -> None:
    room = Room(answers=False, gop=10.0)
    room.run(9.0)
    viewer = room.join()
    room.run(4.0)
    packets = viewer.picture()
    end = max(at for at, packet in packets if packet.payload.startswith(KEY) or at < MOST_SECONDS)
    assert end <= ANSWER_SECONDS + MOST_SECONDS
    spread = [sum(n / 50 <= at < (n + 1) / 50 for at, _ in packets) for n in range(200)]
    assert max(spread) < 80  # in 20 ms
    assert_contiguous(packets)
    assert packets[-1][1].sequence == room.sent.history.next_index - 1 & 0xFFFF


def test_a_keyframe_in_the_midst_of_a_burst_is_not_jumped_to() -> None:
    room = Room(answers=False)
    room.run(4.0 - ANSWER_SECONDS - 0.2)
    viewer = room.join()
    room.run(3.0)
    packets = viewer.picture()
    keyframes = [at for at, packet in packets if packet.payload.startswith(KEY)]
    assert len(keyframes) == 2
    assert_contiguous(packets)


def test_a_viewer_counts_what_it_was_sent_and_no_more() -> None:
    room = Room(answers=False)
    other = room.join()
    room.run(3.0)
    viewer = room.join()
    for _ in range(30):
        room.run(0.2)
        for each in (viewer, other):
            for track, ssrc in enumerate(SSRCS):
                arrived = [d for _, d in room.inbox[each.viewer.address] if d[8:12] == ssrc.to_bytes(4)]
                assert each.viewer.sent(track)[0] == len(arrived)


@pytest.mark.parametrize("rtx", [False, True])
def test_what_a_viewer_loses_of_its_burst_comes_again(rtx: bool) -> None:
    room = Room(answers=False)
    room.run(3.9 - ANSWER_SECONDS)
    viewer = room.join(WIRES_WITH_RTX if rtx else WIRES)
    room.run(ANSWER_SECONDS + 0.05)
    first = viewer.picture()
    lost = [first[n][1].sequence for n in (0, 3, len(first) - 1)]
    not_yet = first[-1][1].sequence + 1
    viewer.feedback.receive(nack(1, SSRCS[VIDEO], [*lost, not_yet]), room.now)
    again = room.inbox.pop(viewer.viewer.address)
    assert len(again) == len(lost)
    ssrc = (RTX_SSRCS if rtx else SSRCS)[VIDEO]
    assert all(datagram[8:12] == ssrc.to_bytes(4) for _, datagram in again)


def test_a_viewer_that_leaves_in_its_burst_leaves_nothing() -> None:
    room = Room(answers=False)
    room.run(3.0)
    for seconds in (0.1, ANSWER_SECONDS + 0.1):
        viewer = room.join()
        room.run(seconds)
        viewer.join.end()
        room.switch.remove_viewer(room.feed, viewer.viewer)
        room.viewers.clear()
        assert not room.feed.profiles
        assert room.sent.awaiting_count == 0


# --- settings


def test_off_means_that_nothing_is_held() -> None:
    room = Room(mode="off")
    room.run(3.0)
    assert not room.sent.has_pictures
    viewer = room.join()
    room.run(2.0)
    packets = viewer.picture()
    assert packets[0][0] == 0
    assert first_keyframe(packets) == pytest.approx(1.0, abs=0.05)
    assert_contiguous(packets)


def test_on_means_that_nobody_waits_whatever_the_publisher_does() -> None:
    room = Room(mode="on", answers=True)
    for _ in range(2 * PROOF):
        room.run(3.0)
        viewer = room.join()
        room.run(0.1)
        assert viewer.picture()[0][0] <= 0.01
        assert viewer.stats.join_bursts == 1


def test_a_room_without_a_keyframe_yet_goes_live_and_says_when_it_comes() -> None:
    room = Room(gop=3.0)
    room.publisher._wanted = False
    room.publisher._keyframe_at = room.now
    viewer = room.join()
    room.run(4.0)
    packets = viewer.picture()
    assert packets[0][0] == 0
    assert viewer.waited == [pytest.approx(3.0, abs=0.05)]


def test_pictures_that_are_dropped_while_a_viewer_waits_make_it_live() -> None:
    room = Room(gop=60.0)
    room.run(12.0 - ANSWER_SECONDS / 2)
    assert room.sent.has_pictures
    viewer = room.join()
    room.run(2.0)
    assert not room.sent.has_pictures
    assert_contiguous(viewer.picture())
    assert viewer.viewer.behind is None


# --- near a wrap of the sequence number

BEFORE_WRAP = [1, 2, 5, 6, 7, 30, WRAP_GUARD - 1, WRAP_GUARD, WRAP_GUARD + 1, 100]


def room_that_wraps(packets: int, seconds: float, **how: Any) -> Room:
    """In so many seconds, with joining viewers meanwhile, its picture is so many packets before a wrap."""
    sent = round(seconds * 30) * FRAME_PACKETS
    room = Room(index=(8 << 16) - packets - sent, **how)
    room.run(1.2)  # not when a keyframe comes anyway
    for _ in range(PROOF):
        room.join()
        room.run(2.0)
    room.run(seconds - 1.2 - 2.0 * PROOF)
    assert room.sent.history.next_index == (8 << 16) - packets
    return room


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("lost", [0, WRAP_GUARD])
@pytest.mark.parametrize("packets", BEFORE_WRAP)
def test_a_viewer_that_joins_right_before_a_wrap_gets_the_keyframe(
    packets: int, lost: int, profile: Profile
) -> None:
    """And reads all that it gets, even when the first packets are lost."""
    room = room_that_wraps(packets, 8.0, answers=True, gop=60.0)
    assert room.requests.trusted
    viewer = room.join(profile=profile)
    room.run(2.0)
    pictures = viewer.picture(lost=lost)
    assert_contiguous(pictures)
    if not lost:
        assert first_keyframe(pictures) <= 2 * FRAME_SECONDS


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("lost", [0, WRAP_GUARD])
@pytest.mark.parametrize("frames", [1, 3, 15])
@pytest.mark.parametrize("packets", BEFORE_WRAP)
def test_a_viewer_whose_keyframe_is_right_before_a_wrap_gets_it(
    packets: int, frames: int, lost: int, profile: Profile
) -> None:
    room = room_that_wraps(packets, 8.0, answers=False, gop=1.0)
    room.run(frames * FRAME_SECONDS)  # the first of them is a keyframe
    viewer = room.join(profile=profile)
    room.run(2.0)
    pictures = viewer.picture(lost=lost)
    assert_contiguous(pictures)
    assert viewer.stats.join_bursts == 1
    if not lost:
        keyframe = next(packet for _, packet in pictures if packet.payload.startswith(KEY))
        assert keyframe.sequence == -packets & 0xFFFF
        assert first_keyframe(pictures) <= 0.05
