"""The sound with earlier packets in each one: another form of the same packets."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.red import Earlier, parse
from media.rtp.rtcp import nack
from media.rtp.run import Run
from media.switch.join_burst import JoinBurst
from media.switch.redundant_sound import RedundantSound
from media.switch.viewer import Place
from media.switch.wire import Wire
from media.tracks.sent_track import SentTrack
from tests.support.far_end import BOTH_PROFILES
from tests.support.far_viewer import FarViewer
from tests.support.once_world import OnceWorld
from tests.support.published import AUDIO, TICKS, VIDEO
from tests.support.world import SSRCS, World

pytestmark = pytest.mark.usefixtures("each_sender")

OPUS, RED = 111, 63
PLAIN, ONE, TWO = Wire(OPUS, {}, nack=True), Wire(RED, {}, nack=True, earlier=1), Wire(RED, {}, earlier=2)
WIRES = (Wire(96, {}), PLAIN, ONE, TWO)
TICK = TICKS[AUDIO]


def joined(count: int = 0) -> tuple[OnceWorld, FarViewer]:
    """A world, and a viewer that gets so many earlier packets of the sound."""
    world = OnceWorld()
    viewer = world.join(WIRES)
    world.burst(AUDIO)
    if count:
        world.reform(viewer, count)
    return world, viewer


def sounds(viewer: FarViewer) -> list[RtpPacket]:
    return [packet for packet in viewer.packets() if packet.ssrc == SSRCS[AUDIO]]


def contents(packets: Sequence[RtpPacket]) -> dict[int, set[bytes]]:
    """What is in them, by timestamp: their own payloads, and the earlier ones."""
    found: dict[int, set[bytes]] = {}
    for packet in packets:
        if packet.payload_type == OPUS:
            found.setdefault(packet.timestamp, set()).add(packet.payload)
            continue
        assert packet.payload_type == RED
        red = parse(packet.payload, OPUS)
        for offset, payload in (Earlier(0, red.primary), *red.earlier):
            found.setdefault(packet.timestamp - offset & 0xFFFFFFFF, set()).add(payload)
    return found


@pytest.mark.parametrize("count", [1, 2])
def test_each_packet_has_those_before_it(count: int) -> None:
    world, viewer = joined(count)
    for _ in range(6):
        world.burst(AUDIO)
    first, *packets = sounds(viewer)
    assert first.payload_type == OPUS
    reds = [parse(packet.payload, OPUS) for packet in packets]
    originals = [first.payload, *(red.primary for red in reds)]
    for place, red in enumerate(reds[1:], 2):
        assert red.earlier == [Earlier(TICK * back, originals[place - back]) for back in range(count, 0, -1)]


def test_who_gets_it_and_who_does_not_get_the_same_numbers_and_times() -> None:
    world, viewer = joined()
    other = world.join(WIRES)
    viewer.packets()
    for count in (1, 2, 0, 1):
        world.reform(viewer, count)
        for _ in range(3):
            world.burst(VIDEO, AUDIO)
    plain, red = other.packets(), viewer.packets()
    assert [(each.ssrc, each.sequence, each.timestamp) for each in plain] == [
        (each.ssrc, each.sequence, each.timestamp) for each in red
    ]
    assert {packet.payload_type for packet in red if packet.ssrc == SSRCS[VIDEO]} == {96}


def test_a_packet_that_is_missing_leaves_a_gap_among_the_earlier_ones() -> None:
    world, viewer = joined(2)
    world.burst(AUDIO)
    world.publisher.sequences[AUDIO] += 1
    world.burst(AUDIO)
    before, after = sounds(viewer)[1:]
    assert parse(after.payload, OPUS).earlier == [Earlier(2 * TICK, parse(before.payload, OPUS).primary)]


def test_a_packet_from_long_before_is_left_out() -> None:
    """Discontinuous sound: the offset of a block has 14 bits."""
    world, viewer = joined(1)
    ticks = [20 * TICK, 37 * TICK + 1, 38 * TICK]
    for timestamp in ticks:
        world.receive(world.publisher.packet(AUDIO, bytes(9), timestamp=1000 + timestamp))
    reds = [parse(packet.payload, OPUS) for packet in sounds(viewer)[2:]]
    assert [[one.offset for one in red.earlier] for red in reds] == [[17 * TICK + 1], [TICK - 1]]
    world.receive(world.publisher.packet(AUDIO, bytes(9), timestamp=1000 + 60 * TICK))
    assert parse(sounds(viewer)[0].payload, OPUS).earlier == []


def test_it_is_made_only_while_somebody_gets_it() -> None:
    world, viewer = joined(1)
    world.burst(AUDIO)
    assert world.feed.redundant is not None
    forms = world.feed.redundant.forms
    assert [form.sent.octets > 0 for form in forms] == [True, False, False, False]
    made = forms[0].sent.octets
    world.reform(viewer, 0)
    world.burst(AUDIO)
    assert forms[0].sent.octets == made
    assert not world.feed.redundant.active


def test_a_form_is_made_until_the_last_who_gets_it_has_left() -> None:
    sent = SentTrack(1)
    forms = RedundantSound([sent], 0, 4)
    assert [forms.has(number) for number in range(3, 9)] == [False, True, True, True, True, False]
    assert [forms.use(1, OPUS), forms.use(1, OPUS)] == [4, 4]
    for active, payload_type in ((True, OPUS), (False, None)):
        forms.release(4)
        assert (forms.active, forms.forms[0].payload_type) == (active, payload_type)


def odd(payload_type: int) -> tuple[Wire | None, ...]:
    """The wires of a viewer with that payload type of Opus, which no browser has."""
    red = payload_type + 1
    return (
        Wire(96, {}),
        Wire(payload_type, {}),
        None,
        None,
        Wire(red, {}, earlier=1),
        Wire(red, {}, earlier=2),
    )


@pytest.mark.parametrize("count", [1, 2])
def test_no_payload_type_of_a_stranger_keeps_the_forms_from_browsers(count: int) -> None:
    world = OnceWorld()
    strangers = [world.join(odd(payload_type)) for payload_type in (97, 99, 101)]
    viewer = world.join(WIRES)
    world.burst(AUDIO)
    for each in (*strangers, viewer):
        world.reform(each, count)
    for _ in range(4):
        world.burst(AUDIO)
    assert len(parse(sounds(viewer)[-1].payload, OPUS).earlier) == count
    stranger = sounds(strangers[0])[-1]
    assert (stranger.payload_type, len(parse(stranger.payload, 97).earlier)) == (98, count)


def test_viewers_with_yet_another_payload_type_wait_until_a_form_is_free() -> None:
    world = OnceWorld()
    viewer, other = world.join(odd(97)), world.join(odd(99))
    world.burst(AUDIO)
    world.reform(viewer, 1)
    world.reform(other, 1)
    world.burst(AUDIO)
    assert sounds(other)[-1].payload_type == 99
    world.reform(viewer, 0)
    world.reform(other, 1)
    world.burst(AUDIO)
    (packet,) = sounds(other)
    assert packet.payload_type == 100
    assert len(parse(packet.payload, 99).earlier) == 1


def test_a_change_leaves_a_picture_that_waits_as_it_is() -> None:
    """The viewer is behind the live edge of its picture, and stays there."""
    world = World(redundant=True)
    viewer = world.join(WIRES).viewer
    (profile,) = world.feed.profiles[VIDEO].values()
    profile.remove(viewer)
    viewer.behind = behind = JoinBurst(VIDEO)
    profile.add(viewer)
    world.switch.reform(world.feed, viewer, AUDIO, AUDIO + 1)
    world.switch.change(world.feed, viewer, leaves=AUDIO + 1, takes=None, behind=None, now=world.now)
    begins = Place(AUDIO, world.feed.next_indexes[AUDIO], 0)
    world.switch.change(world.feed, viewer, leaves=None, takes=begins, behind=None, now=world.now)
    assert viewer.behind is behind


def test_what_is_asked_for_again_comes_in_the_form_in_which_it_came() -> None:
    world, viewer = joined(1)
    for count in (1, 0, 2, 0):
        world.reform(viewer, count)
        world.burst(AUDIO)
    came = viewer.datagrams()
    newest = world.feed.sent[AUDIO].history.next_index - 1
    viewer.says(nack(1, SSRCS[AUDIO], [newest - back & 0xFFFF for back in range(5)]))
    assert sorted(viewer.datagrams()) == sorted(came)
    assert not world.watch.twice


def test_over_rtx_it_comes_without_the_earlier_ones() -> None:
    world = OnceWorld()
    viewer = world.join((Wire(96, {}), Wire(OPUS, {}, nack=True, rtx=112), ONE, TWO))
    world.burst(AUDIO)
    world.reform(viewer, 2)
    world.burst(AUDIO)
    came = parse(sounds(viewer)[1].payload, OPUS).primary
    viewer.says(nack(1, SSRCS[AUDIO], [world.feed.sent[AUDIO].history.next_index - 1 & 0xFFFF]))
    (again,) = viewer.packets()
    assert again.payload_type == 112
    assert again.payload[2:] == came


class Originals:
    """What was published, by the room's timestamps."""

    def __init__(self) -> None:
        self.by_timestamp: dict[int, bytes] = {}

    def take(self, run: Run) -> None:
        self.by_timestamp.update(zip(run.timestamps(), run.contents(), strict=True))


bursts = st.tuples(
    st.just("burst"),
    st.lists(st.tuples(st.sampled_from((1, 1, 1, 2, 0, -1, -3)), st.booleans()), min_size=1, max_size=6),
)
actions = st.lists(
    st.one_of(
        bursts,
        bursts,
        st.tuples(st.just("reform"), st.integers(0, 2)),
        st.tuples(st.just("ask"), st.lists(st.integers(-1, 12), min_size=1, max_size=4)),
        st.tuples(st.just("successor"), st.sampled_from((0, 5, 0x7FFF))),
        st.tuples(st.just("silence"), st.sampled_from((0.1, 0.4, 2.0))),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from((1, 0x7FFF, 0xFFB0, 0xFFFD)), st.sampled_from(BOTH_PROFILES), actions)
def test_every_packet_that_is_recovered_is_the_original(
    index: int, profile: Any, actions: list[tuple[Any, ...]]
) -> None:
    """Over losses, changes of form, retransmissions, wraps and takeovers. No nonce serves twice."""
    world = OnceWorld(index)
    viewer, world.feed.tap = world.join(WIRES, profile), Originals()
    lost: list[int] = []  # by the order in which packets came
    for action in actions:
        match action:
            case ("burst", packets):
                for step, is_lost in packets:
                    world.receive(world.datagram(AUDIO, step))
                    if is_lost:
                        lost.append(len(viewer.inbox) - 1)
                    world.now += 0.02
            case ("reform", count):
                world.reform(viewer, count)
            case ("ask", backs):
                newest = world.feed.sent[AUDIO].history.next_index - 1
                viewer.says(nack(1, SSRCS[AUDIO], [newest - back & 0xFFFF for back in backs]))
            case ("successor", number):
                world.replace_publisher()
                world.new_source(AUDIO, number, 2.0)
            case ("silence", seconds):
                world.now += seconds
    first = dict.fromkeys(viewer.datagrams())  # what came again is the same, byte for byte
    for number, packet in enumerate(viewer.packets([*first])):
        if number not in lost:
            for timestamp, payloads in contents([packet]).items():
                assert payloads == {world.feed.tap.by_timestamp[timestamp]}
    assert not world.watch.twice
    assert not viewer.viewer.sender.take_refused()
