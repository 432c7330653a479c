"""Any history of changes, losses and other publishers: a viewer gets one stream."""

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
    ChangingViewer,
    LayersWorld,
)
from tests.support.nonce_watch import NonceWatch
from tests.support.one_stream import assert_each_number_is_one_packet, assert_one_stream

pytestmark = pytest.mark.usefixtures("each_sender")

FRAME = 1 / 30

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
    world.keyframes()
    viewers = [ChangingViewer(world, layer, profile, watch=watch) for layer in (0, 2)]
    got: list[list[RtpPacket]] = [[], []]
    for action in history:
        play_publisher(world, action)
        play_viewers(world, viewers, got, action)
        world.feedback.tick(world.now)
        for stream, viewer in zip(got, viewers, strict=True):
            stream += viewer.pictures()
    for stream in got:
        if ("late",) in history:
            assert_each_number_is_one_packet(stream)
        else:
            assert_one_stream(stream, gaps=True)
    assert watch.twice == []
    assert all(viewer.far.stats.srtp_refused == 0 for viewer in viewers)
    assert world.feed.fault is None


def play_publisher(world: LayersWorld, action: tuple[Any, ...]) -> None:
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
            world.lost.clear()
        case ("take over",):
            world.take_over()
            world.lost.clear()
        case ("wait", seconds):
            world.now += seconds


def play_viewers(
    world: LayersWorld,
    viewers: Sequence[ChangingViewer],
    got: Sequence[list[RtpPacket]],
    action: tuple[Any, ...],
) -> None:
    match action:
        case ("aim", number, rendition, pause):
            viewers[number].aim(rendition, pause=pause)
        case ("lose", number, backs):
            newest = got[number][-1].sequence if got[number] else 0
            viewers[number].far.says(nack(1, PICTURE, [newest - back & 0xFFFF for back in backs]))
        case ("pace", bitrate, steps):
            for viewer in viewers:
                viewer.change.set_pace(bitrate, bitrate)
            for _ in range(steps):
                world.now += 0.010
                for viewer in viewers:
                    viewer.step()


@pytest.mark.parametrize("start_rate", [0.0, 20_000.0], ids=["at once", "paced"])
def test_no_gap_in_any_history_without_losses(start_rate: float) -> None:
    """From rendition to rendition at each moment of a second: numbers are contiguous, time goes on."""
    for moment, (former, latter) in enumerate(itertools.permutations((*LAYERS, LOWEST, KEYFRAMES), 2)):
        world = LayersWorld(thinned=True)
        world.keyframes()
        viewer = ChangingViewer(world, former if former in LAYERS else 2)
        viewer.change.set_pace(1e6, start_rate)
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
