"""A viewer that joins near a wrap of the sequence number gets its keyframe, and reads all that it gets."""

from functools import lru_cache
from typing import Any

import pytest

from media.rtp.sequence import WRAP_GUARD
from media.rtp.srtp import Profile
from media.tracks.keyframe_requests import PROOF
from tests.support.far_end import BOTH_PROFILES
from tests.support.far_viewer import FarViewer
from tests.support.picture_world import (
    FRAME_PACKETS,
    FRAME_SECONDS,
    KEY,
    PictureWorld,
    assert_contiguous,
    first_keyframe,
    picture_of,
)

pytestmark = pytest.mark.usefixtures("each_sender")

BEFORE_WRAP = [1, 2, 5, 6, 7, 30, WRAP_GUARD - 1, WRAP_GUARD, WRAP_GUARD + 1, 100]


def world_before_a_wrap(packets: int, seconds: float, **how: Any) -> PictureWorld:
    """After `seconds`, in which viewers joined, its picture is `packets` before a wrap."""
    sent = round(seconds * 30) * FRAME_PACKETS
    world = PictureWorld(index=(8 << 16) - packets - sent, **how)
    world.run(1.2)  # not when a keyframe comes anyway
    for _ in range(PROOF):
        world.join()
        world.run(2.0)
    world.run(seconds - 1.2 - 2.0 * PROOF)
    assert world.picture.history.next_index == (8 << 16) - packets
    return world


def join_one_each(world: PictureWorld) -> dict[Profile, FarViewer]:
    """A viewer of each profile, two seconds after both joined; their inboxes are to be read only."""
    viewers = {profile: world.join(profile=profile) for profile in BOTH_PROFILES}
    world.run(2.0)
    return viewers


@lru_cache(maxsize=1)  # tests that differ in profile and in what was lost follow each other
def joined_before_a_wrap(packets: int) -> dict[Profile, FarViewer]:
    """Viewers of a publisher that answers."""
    world = world_before_a_wrap(packets, 8.0, answers=True, gop=60.0)
    assert world.requests.trusted
    return join_one_each(world)


@lru_cache(maxsize=1)
def joined_behind_a_keyframe(packets: int, frames: int) -> dict[Profile, FarViewer]:
    """The same for a publisher that does not answer, as many frames after its keyframe."""
    world = world_before_a_wrap(packets, 8.0, answers=False, gop=1.0)
    world.run(frames * FRAME_SECONDS)  # the first of them is a keyframe
    return join_one_each(world)


@pytest.mark.parametrize("lost", [0, WRAP_GUARD])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("packets", BEFORE_WRAP)
def test_a_viewer_that_joins_right_before_a_wrap_gets_the_keyframe(
    packets: int, lost: int, profile: Profile
) -> None:
    """And reads all that it gets, even when the first packets are lost."""
    arrived = picture_of(joined_before_a_wrap(packets)[profile], lost=lost)
    assert_contiguous(arrived)
    if not lost:
        assert first_keyframe(arrived) <= 2 * FRAME_SECONDS


@pytest.mark.parametrize("lost", [0, WRAP_GUARD])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("frames", [1, 3, 15])
@pytest.mark.parametrize("packets", BEFORE_WRAP)
def test_a_viewer_whose_keyframe_is_right_before_a_wrap_gets_it(
    packets: int, frames: int, lost: int, profile: Profile
) -> None:
    viewer = joined_behind_a_keyframe(packets, frames)[profile]
    arrived = picture_of(viewer, lost=lost)
    assert_contiguous(arrived)
    assert viewer.stats.join_bursts == 1
    if not lost:
        keyframe = next(packet for _, packet in arrived if packet.payload.startswith(KEY))
        assert keyframe.sequence == -packets & 0xFFFF
        assert first_keyframe(arrived) <= 0.065  # three steps: 64 packets of padding come before it


@pytest.mark.parametrize("lost", [0, WRAP_GUARD])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("packets", [30, WRAP_GUARD, WRAP_GUARD + 1])
def test_a_viewer_whose_keyframe_has_no_run_up_begins_behind_the_wrap(
    packets: int, lost: int, profile: Profile
) -> None:
    """The room has just begun: nothing was sent before the keyframe."""
    world = PictureWorld(index=(8 << 16) - packets, mode="on", gop=60.0)
    world.run(FRAME_SECONDS)
    viewer = world.join(profile=profile)
    world.run(2.0)
    arrived = picture_of(viewer, lost=lost)
    assert_contiguous(arrived)
    assert arrived[0][1].sequence - lost & 0xFFFF == (0 if packets <= WRAP_GUARD else -packets & 0xFFFF)
