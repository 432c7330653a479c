"""The switch, if a bug of ours numbers packets anew: nothing leaves under an index that is spent."""

import pytest

from media.rtp.sequence import SequenceTranslator
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from tests.support.far_end import BOTH_PROFILES
from tests.support.nonce_watch import NonceWatch
from tests.support.published import AUDIO, VIDEO
from tests.support.world import SSRCS, World

COUNT = 5


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_a_room_that_numbers_anew_sends_nothing_under_old_indexes(profile: Profile) -> None:
    with NonceWatch().everything() as watch:
        world = World()
        viewer = world.join((Wire(96, {}, nack=True), Wire(111, {})), profile)
        world.media(count=COUNT)
        first = viewer.datagrams()
        number_anew(world)
        for _ in range(COUNT):
            world.burst(VIDEO, AUDIO)
        assert viewer.datagrams() == []
        # what viewers ask for is what was sent, and what is new goes on
        assert viewer.loses(SSRCS[VIDEO], 1) == [first[0]]
        world.media(count=1)
        assert [packet.sequence for packet in viewer.packets()] == [COUNT + 1, COUNT + 1]
        viewer.leave()
    assert watch.twice == []
    assert viewer.stats.srtp_refused == 2 * COUNT
    assert world.feed.fault is None


def number_anew(world: World) -> None:
    """As a translator with a bug would."""
    for track, source in enumerate(world.feed.sources):
        source.translator = SequenceTranslator(1, 0)
        source.translator.rebase(world.publisher.sequences[track] + 1, 0, 0)
