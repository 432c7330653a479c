"""When each track plays, as reports to viewers say it: in sync, and across a change of publisher."""

import pytest

from media.rtp.rtcp import sender_report
from tests.support.far_publisher import SOURCES
from tests.support.published import AUDIO, RATES, VIDEO, sound, video
from tests.support.world import UNIX, World

NTP = UNIX + 2_208_988_800


def world_at(now: float, *tracks: int, timestamp: int = 1000) -> World:
    """A room in which one packet of each of these tracks, or of all, arrived at that time."""
    world = World([video(), sound()])
    arrive(world, now, *tracks, timestamp=timestamp)
    return world


def arrive(world: World, now: float, *tracks: int, timestamp: int) -> None:
    world.now = now
    world.media(*tracks, timestamp=timestamp)


def instant(world: World, number: int, now: float) -> tuple[float, int]:
    """NTP time in seconds and timestamp that a report would have."""
    reported = world.feedback.play_time(number, now)
    assert reported is not None
    return reported[0] / 2**32, reported[1]


def test_both_tracks_play_in_sync_whatever_the_publishers_clock_says() -> None:
    """The publisher's reports name one instant of its own clock for both; ours name the same one."""
    world = world_at(1.0)
    theirs = int((NTP + 12_345.0) * 2**32)  # hours off
    both = b"".join(sender_report(ssrc, theirs, 1000, 0, 0) for ssrc in SOURCES)
    world.feedback.receive(both, 1.0)
    video, audio = (world.feedback.play_time(number, 3.0) for number in (VIDEO, AUDIO))
    assert video
    assert audio
    assert video[0] == audio[0]
    assert abs(video[0] / 2**32 - (NTP + 3)) < 0.001
    # the room's timestamps of that instant are 0: two seconds have passed since
    assert (video[1], audio[1]) == (2 * RATES[VIDEO], 2 * RATES[AUDIO])


def test_clocks_run_on_while_nobody_publishes_and_under_the_next_publisher() -> None:
    world = world_at(1.0)
    world.feedback.tick(1.0)
    before = [instant(world, number, 3.0) for number in (VIDEO, AUDIO)]
    world.succeed()
    assert [instant(world, number, 3.0) for number in (VIDEO, AUDIO)] == before
    arrive(world, 5.0, AUDIO, timestamp=77)
    world.feedback.tick(5.0)
    assert instant(world, AUDIO, 5.0) == (NTP + 5, 4 * RATES[AUDIO])


def test_the_next_publisher_has_a_clock_of_its_own() -> None:
    world = World([video(), sound()])
    for number, hours_off in enumerate(
        (12_345.0, 12_347.0)
    ):  # little enough to be taken for drift, were it the same clock
        arrive(world, 1.0, AUDIO, timestamp=1000)
        theirs = int((NTP + 1 + hours_off) * 2**32)
        world.feedback.receive(sender_report(SOURCES[AUDIO], theirs, 1000, 0, 0), 1.0)
        # the next one's media is a millisecond later, at least
        assert instant(world, AUDIO, 1.0) == (pytest.approx(NTP + 1, abs=0.001), number * 48)
        world.succeed()


def test_reports_for_a_picture_that_is_held_back_are_ignored() -> None:
    world = world_at(1.0)
    world.feedback.tick(1.0)
    before = instant(world, VIDEO, 5.0)
    world.succeed()
    arrive(world, 4.0, timestamp=500_000)
    report = sender_report(SOURCES[VIDEO], int((NTP + 4) * 2**32), 500_000, 0, 0)
    world.feedback.receive(report, 4.0)
    assert instant(world, VIDEO, 5.0) == before


def test_recordings_get_what_the_publisher_reported_itself() -> None:
    world = World([video(), sound()])
    assert world.feedback.reported(VIDEO) is None
    arrive(world, 1.0, AUDIO, VIDEO, timestamp=1000)
    world.feedback.receive(sender_report(SOURCES[VIDEO], 0, 1000, 0, 0), 1.0)
    assert world.feedback.reported(VIDEO) is None  # a publisher without a clock
    world.feedback.receive(sender_report(SOURCES[VIDEO], 77 << 31, 4000, 0, 0), 1.0)
    found = world.feedback.reported(VIDEO)
    assert found is not None
    assert found.ntp == 38.5
    assert found.timestamp == 4000 + found.translation & 0xFFFFFFFF
    assert found.translation == 0xFFFFFFFF & -1000  # the room's timestamps begin at 0
    assert world.feedback.reported(VIDEO) is found
    assert world.feedback.reported(AUDIO) is None
    world.succeed()
    assert world.feedback.reported(VIDEO) is None
    arrive(world, 9.0, AUDIO, VIDEO, timestamp=7)
    world.feedback.receive(sender_report(SOURCES[AUDIO], 99 << 32, 7, 0, 0), 9.0)
    after = world.feedback.reported(AUDIO)
    assert after is not None
    assert after.publisher != found.publisher
