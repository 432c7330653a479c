"""A viewer that joins near a wrap of the sequence number gets its keyframe, and reads all that it gets."""

from functools import lru_cache

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


@lru_cache(maxsize=1)  # tests that differ in profile and in what was lost follow each other
def joined_behind_a_keyframe(packets: int, frames: int) -> dict[Profile, FarViewer]:
    """A viewer of each profile, two seconds after both joined a publisher that does not answer.

    They joined so many frames after its keyframe, which begins `packets` before a wrap. Their inboxes are to
    be read only.
    """
    seconds = 8.0  # in which others joined
    begins = (8 << 16) - packets
    index = begins - round(seconds * 30) * FRAME_PACKETS
    world = PictureWorld(index=index, answers=False, gop=1.0)
    world.run(1.2)  # not when a keyframe comes anyway
    for _ in range(PROOF):
        world.join()
        world.run(2.0)
    world.run(seconds - 1.2 - 2.0 * PROOF)
    assert world.picture.history.next_index == begins
    world.run(frames * FRAME_SECONDS)  # the first of them is a keyframe
    viewers = {profile: world.join(profile=profile) for profile in BOTH_PROFILES}
    world.run(2.0)
    return viewers


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
