"""The form in which a viewer gets the sound, over time: by what it reports, and by what it asks for again."""

from typing import Any

import pytest

from media.feedback.redundancy import CLEAN_SECONDS
from media.feedback.viewer_feedback import SOUND_SECONDS
from media.rtp.packet import RtpPacket
from media.rtp.red import parse
from media.rtp.rtcp import ReportBlock, parse_compound, receiver_report
from media.rtp.rtcp import SenderReport as Report
from media.switch.wire import Wire
from tests.support.far_viewer import REPORTER, FarViewer
from tests.support.published import AUDIO, VIDEO
from tests.support.world import SSRCS, World

OPUS, RED = 111, 63
WIRES = (
    Wire(96, {}, nack=True),
    Wire(OPUS, {}, nack=True),
    *(Wire(RED, {}, nack=True, earlier=count) for count in (1, 2)),
)
RATE = 50  # packets a second
SSRC = SSRCS[AUDIO]


class Listener:
    """A viewer that reports each second that it lost so many packets."""

    def __init__(self, world: World, wires: tuple[Wire, ...] = WIRES) -> None:
        self.world = world
        self.far: FarViewer = world.join(wires)
        self.heard: list[RtpPacket] = []
        self.lost = 0

    def second(self, lost: int = 0, gap: int = 0) -> set[int]:
        """The payload types in which its sound came. Of `gap` packets the publisher's line loses one."""
        for number in range(RATE):
            self.world.publisher.sequences[AUDIO] += bool(gap) and number % gap == 0
            self.world.receive(self.world.publisher.packet(AUDIO, b"sound"))
            self.world.now += 1 / RATE
        came = [packet for packet in self.far.packets() if packet.ssrc == SSRC]
        self.heard += came
        self.lost += lost
        block = ReportBlock(SSRC, 0, self.lost, self.heard[-1].sequence, 0, 0, 0)
        self.far.says(receiver_report(REPORTER, [block]))
        return {packet.payload_type for packet in came}

    def seconds(self, count: int, lost: int = 0, gap: int = 0) -> list[set[int]]:
        return [self.second(lost, gap) for _ in range(count)]


@pytest.fixture
def world() -> World:
    return World(redundant=True)


def test_who_loses_sound_gets_each_packet_with_earlier_ones_until_the_line_is_clean(world: World) -> None:
    viewer = Listener(world)
    assert viewer.seconds(5) == [{OPUS}] * 5
    assert viewer.seconds(10, lost=3)[-1] == {RED}
    assert viewer.far.playback.sound is not None
    assert viewer.seconds(int(CLEAN_SECONDS) + 3)[-1] == {OPUS}
    numbers = [packet.sequence for packet in viewer.heard]
    assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]


def test_who_did_not_agree_on_it_never_gets_it(world: World) -> None:
    assert Listener(world, WIRES[:2]).seconds(10, lost=10)[-1] == {OPUS}


def test_on_a_line_without_room_it_gives_way(world: World) -> None:
    viewer = Listener(world)
    viewer.seconds(10, lost=3)
    sound: Any = viewer.far.playback.sound
    sound._picture = Narrow()
    assert viewer.seconds(2, lost=3)[-1] == {OPUS}


class Narrow:
    is_paced = is_limited = False

    def has_room(self, now: float) -> bool:
        return False

    def has_room_for_sound(self, more: float) -> bool:
        return False


def test_no_form_changes_while_a_packet_may_still_come_late(world: World) -> None:
    """It was not sent in the former form, and its index is one of that form."""
    viewer = Listener(world)
    assert viewer.far.playback.rests
    assert viewer.seconds(10, lost=3, gap=5) == [{OPUS}] * 10
    assert not viewer.far.playback.rests  # it changes with the first tick that may
    assert viewer.far.playback.quiet_until == 0.0
    for _ in range(RATE // 5):
        world.receive(world.publisher.packet(AUDIO, b"sound"))
    viewer.far.playback.tick(world.now)
    assert viewer.far.playback.rests
    assert viewer.seconds(2, lost=3)[-1] == {RED}
    assert viewer.far.playback.rests


def test_what_it_lost_and_what_mended_that_is_counted(world: World) -> None:
    viewer = Listener(world)
    viewer.seconds(10, lost=3)
    (again,) = viewer.far.loses(SSRC, viewer.heard[-1].sequence)
    assert again[1] & 0x7F == RED
    stats, sound = viewer.far.stats, viewer.far.playback.sound
    assert sound is not None
    viewer.far.playback.tick(world.now)
    assert stats.sound_redundant > 0
    world.media(VIDEO)
    viewer.far.loses(SSRCS[VIDEO], 1)
    viewer.far.leave()
    assert (stats.sound_lost, sound.lost) == (27, 27)  # the first report says what was before it
    assert (stats.sound_retransmissions, stats.retransmissions, sound.resent) == (1, 2, 1)
    reds = sum(packet.payload_type == RED for packet in viewer.heard)
    assert (stats.sound_redundant, sound.redundant) == (reds, reds)
    feed = world.feed
    assert (feed.sound_lost, feed.sound_resent, feed.sound_redundant) == (27, 1, reds)
    assert reds > 0


def test_who_loses_sound_counts_until_it_is_mended_or_the_viewer_leaves(world: World) -> None:
    copied, plain = Listener(world), Listener(world, WIRES[:2])
    for _ in range(10):
        copied.second(lost=3)
        plain.lost += 3
        newest = copied.heard[-1].sequence
        plain.far.says(receiver_report(REPORTER, [ReportBlock(SSRC, 0, plain.lost, newest, 0, 0, 0)]))
    assert copied.far.playback.sound is not None
    assert copied.far.playback.sound.redundant > 0
    assert world.feed.losing_sound == 1
    plain.far.leave()
    assert world.feed.losing_sound == 0


def test_losses_in_a_row_call_for_two_earlier_packets(world: World) -> None:
    viewer = Listener(world)
    for lost_in_a_row, earlier in ((False, 1), (True, 2)):
        viewer.seconds(10, lost=2)
        assert len(parse(viewer.heard[-1].payload, OPUS).earlier) == earlier - lost_in_a_row
        newest = viewer.heard[-1].sequence
        viewer.far.loses(SSRC, *range(newest - 11, newest + 1, 1 if lost_in_a_row else 2))
        viewer.second(lost=2)
        viewer.second(lost=2)
        assert len(parse(viewer.heard[-1].payload, OPUS).earlier) == earlier


def test_of_many_losses_copies_leave_some(world: World) -> None:
    """By chance each packet and its two copies are lost in one case of eight."""
    viewer = Listener(world)
    assert viewer.seconds(10, lost=25)[-1] == {RED}
    assert world.feed.losing_sound == 1


def test_sound_is_sent_again_only_while_it_helps(world: World) -> None:
    viewer = Listener(world)
    viewer.second()
    numbers = [packet.sequence for packet in viewer.heard]
    old = -int(SOUND_SECONDS * RATE) - 2
    assert len(viewer.far.loses(SSRC, numbers[-1])) == 1
    assert viewer.far.loses(SSRC, numbers[old]) == []


def test_sound_is_not_sent_again_into_a_line_without_room(world: World) -> None:
    viewer = Listener(world)
    viewer.second()
    feedback: Any = viewer.far.playback.feedback
    feedback._picture = Narrow()
    assert viewer.far.loses(SSRC, viewer.heard[-1].sequence) == []
    assert viewer.far.stats.retransmissions_refused == 1


def test_a_report_to_it_counts_the_packets_of_all_forms(world: World) -> None:
    viewer = Listener(world)
    viewer.seconds(10, lost=3)
    world.feedback.tick(world.now)
    world.now += 2.0
    reports = [
        each for each in parse_compound(viewer.far.playback.tick(world.now)) if isinstance(each, Report)
    ]
    assert [report.packets for report in reports if report.ssrc == SSRC] == [len(viewer.heard)]


def test_when_it_leaves_the_form_is_free_for_others(world: World) -> None:
    viewer = Listener(world)
    viewer.seconds(10, lost=3)
    assert world.feed.redundant is not None
    assert world.feed.redundant.active
    viewer.far.leave()
    assert not world.feed.redundant.active
