"""A viewer that changes from layer to layer: one stream, whatever happens."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.rtcp import nack
from media.rtp.srtp import Profile
from tests.support.far_end import BOTH_PROFILES
from tests.support.layers_world import (
    KEYFRAMES,
    LAYERS,
    LOWEST,
    PICTURE,
    SOUND,
    ChangingViewer,
    LayersWorld,
)
from tests.support.nonce_watch import NonceWatch
from tests.support.sequence_unwrapper import SequenceUnwrapper

FRAME = 1 / 30


def test_a_change_waits_for_a_keyframe_and_numbers_go_on() -> None:
    world = LayersWorld()
    for layer in LAYERS:
        world.picture(layer, keyframe=True)
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    viewer.aim(2)
    world.now += FRAME
    world.picture(2)  # refers to pictures that the viewer has not got
    sent += world.picture(0)
    world.now += FRAME
    sent += world.picture(2, keyframe=True)
    sent += world.picture(2)
    world.picture(0)
    got = viewer.pictures()
    assert [packet.payload for packet in got] == sent
    assert_one_stream(got)


def test_a_pause_ends_with_the_keyframe_and_the_sound_goes_on() -> None:
    world = LayersWorld()
    for layer in LAYERS:
        world.picture(layer, keyframe=True)
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    viewer.aim(1, pause=True)
    world.now += FRAME
    world.picture(0)
    world.media(SOUND, timestamp=960)
    world.now += FRAME
    sent += world.picture(1, keyframe=True)
    everything = viewer.far.packets()
    picture = [packet for packet in everything if packet.payload_type == 100]
    assert [packet.payload for packet in picture] == sent
    assert len(everything) == len(sent) + 1
    assert_one_stream(picture)
    assert viewer.far.stats.pauses == viewer.far.stats.layer_changes == 1


def test_no_picture_and_back() -> None:
    world = LayersWorld()
    world.picture(0, keyframe=True)
    viewer = ChangingViewer(world)
    sent = world.picture(0)
    viewer.aim(None)
    for _ in range(200):
        world.now += FRAME
        world.picture(0)
    viewer.aim(0)
    world.picture(0)
    world.now += FRAME
    sent += world.picture(0, keyframe=True)
    got = viewer.pictures()
    assert [packet.payload for packet in got] == sent
    assert_one_stream(got)
    elapsed = got[-1].timestamp - got[0].timestamp & 0xFFFFFFFF
    assert elapsed == pytest.approx(201 * 3000, abs=3001)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("rtx", [True, False])
def test_what_was_lost_comes_again_from_the_layer_that_it_was_sent_from(profile: Profile, rtx: bool) -> None:
    watch = NonceWatch()
    world = LayersWorld()
    for layer in LAYERS:
        world.picture(layer, keyframe=True)
    viewer = ChangingViewer(world, 0, profile, rtx=rtx, watch=watch)
    world.picture(0)
    viewer.aim(1)
    world.now += FRAME
    world.picture(1, keyframe=True)
    viewer.aim(0)
    world.now += FRAME
    world.picture(0, keyframe=True)
    datagrams = viewer.far.datagrams()
    got = viewer.far.packets(datagrams)
    for datagram, lost in zip(datagrams, got, strict=True):
        again = viewer.far.loses(PICTURE, lost.sequence)
        if rtx:
            (packet,) = viewer.far.packets(again)
            assert packet.payload == lost.sequence.to_bytes(2) + lost.payload
            assert packet.timestamp == lost.timestamp
        else:
            assert again == [datagram]
    assert watch.twice == []


def test_a_keyframe_whose_first_packet_was_late_is_whole() -> None:
    world = LayersWorld()
    for layer in LAYERS:
        world.picture(layer, keyframe=True)
    viewer = ChangingViewer(world)
    viewer.aim(1)
    world.now += FRAME
    payloads = world.picture(1, keyframe=True, packets=3, lost=[0])
    world.receive(*world.lost)
    got = viewer.pictures()
    assert sorted(packet.payload for packet in got) == sorted(payloads)
    assert_one_stream(sorted(got, key=lambda packet: packet.sequence))


def test_layers_are_in_step_by_their_clocks() -> None:
    """Their timestamps differ by any number; what the viewer gets counts the time."""
    world = LayersWorld(ahead=(0x7FFF_0000, 5, 0xFFFF_FFFF))
    world.picture(0, keyframe=True)
    world.now += 0.7
    world.picture(1, keyframe=True)  # begins later
    world.feedback.tick(world.now)
    viewer = ChangingViewer(world)
    began = world.now
    world.picture(0)
    viewer.aim(1)
    world.now += 10 * FRAME
    world.picture(1, keyframe=True)
    first, *_, last = viewer.pictures()
    assert last.timestamp - first.timestamp & 0xFFFFFFFF == round((world.now - began) * 90_000)


def test_no_change_costs_nothing() -> None:
    """Without a change a viewer shares the numbers of the room; with one it has its own."""
    world = LayersWorld()
    world.picture(0, keyframe=True)
    stays, goes = ChangingViewer(world), ChangingViewer(world)
    assert not stays.far.viewer.patched
    goes.aim(1)
    world.picture(1, keyframe=True)
    assert goes.far.viewer.patched
    assert not stays.far.viewer.patched
    stays.leave()
    goes.leave()
    assert world.feed.profiles == {}


def test_to_the_lowest_temporal_layer_no_picture_is_lost() -> None:
    """It needs no keyframe: so the picture does not stop, however urgent the change is."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    world.now += FRAME
    sent = world.picture(2)
    viewer.aim(LOWEST, pause=True)
    for frame in range(6):
        world.now += FRAME
        is_upper = frame % 2 == 0
        payloads = world.picture(2, upper=is_upper)
        sent += payloads if not is_upper or frame == 0 else []
    got = viewer.pictures()
    assert [packet.payload for packet in got] == sent
    assert_one_stream(got)
    assert viewer.far.stats.pauses == 0
    assert world.feed.sent[LOWEST].awaiting_count == 0


def test_keyframes_alone_do_not_begin_with_one_that_was_sent_already() -> None:
    """On a line that is full, a keyframe that comes twice takes twice its time."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer = ChangingViewer(world, 2)
    viewer.change.set_pace(1e6)
    world.now += FRAME
    sent = world.picture(2)
    viewer.aim(KEYFRAMES)
    for frame in range(4):
        world.now += FRAME
        payloads = world.picture(2, keyframe=frame == 2)
        sent += payloads if frame <= 2 else []
        viewer.step()
        viewer.step()
    got = viewer.pictures()
    assert [packet.payload for packet in got] == sent
    assert_one_stream(got)


def test_what_waits_for_the_end_of_a_picture_is_one_call_for_each_viewer() -> None:
    """In a room whose publisher is silent, a viewer that changes its mind must not leave anything behind."""
    world = LayersWorld(thinned=True)
    world.picture(2, keyframe=True)
    viewer, other = ChangingViewer(world, 2), ChangingViewer(world, 2)
    for _ in range(50):
        viewer.aim(LOWEST)
        viewer.aim(2)
        other.aim(LOWEST)
    assert len(world.feed.after_burst) <= 1
    viewer.leave()
    other.leave()
    assert len(world.feed.after_burst) == 0
    assert world.feed.thinning is not None
    assert not world.feed.thinning.active


indexes = st.sampled_from((1, 500, 0x7FFE, 0xFFF0, 0xFFFF, (7 << 16) - 3))
renditions = st.sampled_from((*LAYERS, LOWEST, KEYFRAMES, None))
pictures = st.tuples(st.sampled_from(LAYERS), st.sampled_from(((), (0,), (1,), (2,))), st.booleans())
actions = st.one_of(
    st.tuples(st.just("pictures"), st.lists(pictures, max_size=9)),
    st.tuples(st.just("aim"), st.integers(0, 1), renditions, st.booleans()),
    st.tuples(st.just("lose"), st.integers(0, 1), st.lists(st.integers(0, 60), max_size=5)),
    st.tuples(st.just("wait"), st.sampled_from((FRAME, 0.2, 3.0))),
    st.tuples(st.just("take over")),
    st.tuples(st.just("keyframe"), st.sampled_from(LAYERS), st.integers(1, 4)),
    st.tuples(st.just("late")),
    st.tuples(st.just("pace"), st.sampled_from((0.0, 20_000.0, 1e6)), st.integers(0, 20)),
)


@settings(max_examples=400, deadline=None)
@given(
    st.tuples(indexes, indexes, indexes),
    st.tuples(*(st.integers(0, 0xFFFFFFFF) for _ in LAYERS)),
    st.sampled_from(BOTH_PROFILES),
    st.lists(actions, max_size=40),
)
def test_any_history_is_one_stream(
    first: Sequence[int], ahead: Sequence[int], profile: Profile, history: Sequence[tuple[Any, ...]]
) -> None:
    watch = NonceWatch()
    world = LayersWorld(first, ahead, thinned=True)
    for layer in LAYERS:
        world.picture(layer, keyframe=True)
    viewers = [ChangingViewer(world, layer, profile, watch=watch) for layer in (0, 2)]
    got: list[list[RtpPacket]] = [[], []]
    late: list[bytes] = []
    for action in history:
        match action:
            case ("pictures", sent):
                for layer, lost, upper in sent:
                    world.picture(layer, packets=3, lost=lost, upper=upper)
                    world.now += FRAME
            case ("keyframe", layer, packets):
                world.picture(layer, keyframe=True, packets=packets)
                world.now += FRAME
            case ("late",):
                world.receive(*world.lost)
                late += world.lost
                world.lost.clear()
            case ("aim", number, rendition, pause):
                viewers[number].aim(rendition, pause=pause)
            case ("lose", number, backs):
                newest = got[number][-1].sequence if got[number] else 0
                got[number] += viewers[number].pictures()
                viewers[number].far.says(nack(1, PICTURE, [newest - back & 0xFFFF for back in backs]))
            case ("wait", seconds):
                world.now += seconds
            case ("take over",):
                world.take_over()
                world.lost.clear()
            case ("pace", bitrate, steps):
                for viewer in viewers:
                    viewer.change.set_pace(bitrate)
                for _ in range(steps):
                    world.now += 0.010
                    for viewer in viewers:
                        viewer.step()
        world.feedback.tick(world.now)
        for stream, viewer in zip(got, viewers, strict=True):
            stream += viewer.pictures()
    for stream in got:
        if late:
            assert_each_number_is_one_packet(stream)
        else:
            assert_one_stream(stream, gaps=True)
    assert watch.twice == []
    assert all(viewer.far.stats.srtp_refused == 0 for viewer in viewers)
    assert world.feed.fault is None


def test_no_gap_in_any_history_without_losses() -> None:
    """From rendition to rendition at each moment of a second: numbers are contiguous, time goes on."""
    for moment, (former, latter) in enumerate(itertools.permutations((*LAYERS, LOWEST, KEYFRAMES), 2)):
        world = LayersWorld(thinned=True)
        for layer in LAYERS:
            world.picture(layer, keyframe=True)
        viewer = ChangingViewer(world, former if former in LAYERS else 2)
        viewer.change.set_pace(1e6)
        viewer.aim(former)
        got: list[RtpPacket] = []
        for frame in range(90):
            world.now += FRAME
            for layer in LAYERS:
                world.picture(
                    layer, keyframe=frame % 30 == 10 + layer, packets=1 + frame % 3, upper=frame % 2 == 1
                )
            viewer.step()
            if frame == 30 + moment:
                assert viewer.far.viewer.rendition == former
                viewer.aim(latter)
            got += viewer.pictures()
        assert viewer.far.viewer.rendition == latter
        assert_one_stream(got)
        viewer.change.end()
        assert world.feed.thinning is not None
        assert not world.feed.thinning.active


def assert_each_number_is_one_packet(packets: Sequence[RtpPacket]) -> None:
    """What comes late has its place before what was sent already."""
    unwrap = SequenceUnwrapper(packets[0].sequence if packets else 0)
    numbers = [unwrap.unwrap(packet.sequence) for packet in packets]
    assert len(set(numbers)) == len(numbers)
    in_order = [packet for _, packet in sorted(zip(numbers, packets, strict=True), key=lambda pair: pair[0])]
    assert_one_stream(in_order, gaps=True)


def assert_one_stream(packets: Sequence[RtpPacket], *, gaps: bool = False) -> None:
    """Numbers that go on, and timestamps that never go back. Losses on the way in may leave gaps."""
    if not packets:
        return
    unwrap = SequenceUnwrapper(packets[0].sequence)
    numbers = [unwrap.unwrap(packet.sequence) for packet in packets]
    assert numbers == sorted(set(numbers))
    if not gaps:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    steps = [later.timestamp - packet.timestamp & 0xFFFFFFFF for packet, later in itertools.pairwise(packets)]
    assert all(step < 1 << 31 for step in steps)
