"""What one viewer gets of the picture, over time: by what its line and receiver say, and by its choice."""

import math

import pytest

from media.rtp.rtcp import ReportBlock, nack, receiver_report
from media.switch.changeover import Changeover
from media.tracks.track import LIVE_SECONDS
from shared.messages.status import LayerReason
from tests.support.far_viewer import REPORTER
from tests.support.layers_world import PICTURE, PICTURE_RTX
from tests.support.one_stream import assert_one_stream
from tests.support.set_backlog import SetBacklog
from tests.support.shown_world import SINGLE, THREE, ShownWorld, limited

# --- down and up


def test_a_fall_of_what_the_line_carries_leads_to_the_layer_that_fits() -> None:
    world = ShownWorld()
    viewer, beside = world.watch(), world.watch()
    world.run(3.0)
    assert viewer.layers() == {0}
    viewer.line = 480_000
    began = world.now
    world.run(2.0)
    assert viewer.rendition == 1
    assert viewer.layers(began + 1.5) == {1}
    assert viewer.picture.reason == LayerReason.LINE
    assert world.feed.limited == 1
    assert_one_stream(viewer.pictures())
    assert beside.layers() == {0}
    assert beside.picture.reason == LayerReason.FULL


def test_a_picture_that_is_far_too_much_pauses_until_the_other_begins() -> None:
    world = ShownWorld(answers=False)
    viewer = world.watch()
    world.run(3.0)
    viewer.line = 480_000
    world.run(3.0)
    paused_since = viewer.got[-1][0] - 1.0
    assert viewer.rendition is None
    assert not viewer.pictures(paused_since)
    assert [packet for at, packet in viewer.got if at > paused_since]  # the sound goes on
    assert viewer.far.stats.pauses == 1
    world.answers = True
    world.run(0.5)
    assert viewer.layers(paused_since) == {1}
    assert_one_stream(viewer.pictures())


@pytest.mark.parametrize("by", ["its line", "choice"])
def test_who_leaves_what_its_line_does_not_carry_waits_for_no_keyframe_that_comes_anyway(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick, told = Changeover.tick, set()

    def noted(change: Changeover, now: float, *, fits: bool) -> None:
        told.add(fits)
        tick(change, now, fits=fits)

    monkeypatch.setattr(Changeover, "tick", noted)
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    told.clear()
    if by == "choice":
        viewer.picture.choose("h", picture=True)
    else:  # which carries so nearly enough that the picture goes on
        assert world.feed.ladder is not None
        viewer.picture.line.held_back(world.feed.ladder.needs[0], world.now)
    world.until(lambda: viewer.rendition == 1)
    assert viewer.far.stats.pauses == 0
    assert told == {by == "choice"}


def test_a_line_that_opens_is_noticed_and_the_best_layer_comes_back() -> None:
    world, viewer = limited(THREE, 480_000)
    viewer.line = 4e6
    world.run(5.0)
    assert viewer.rendition == 0
    assert viewer.layers(world.now - 0.5) == {0}
    assert viewer.picture.reason == LayerReason.FULL
    assert world.feed.limited == 0
    assert viewer.far.stats.probes >= 1
    assert_one_stream(viewer.pictures())


def test_the_best_picture_costs_nothing() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(2.0)
    stepped = viewer.stepped
    world.run(10.0)
    assert viewer.stepped == stepped  # only until its first picture
    assert viewer.picture.rests
    assert viewer.picture.measure_seconds == math.inf
    assert not viewer.far.playback.steps
    assert not viewer.padding()
    viewer.picture.moved(world.now)
    assert not viewer.picture.rests


def test_at_another_address_nothing_counts_that_was_known_of_the_line_to_the_former_one() -> None:
    world, viewer = limited(THREE, 480_000)
    viewer.line = 4e6
    viewer.far.playback.move(world.arrives(viewer.far), world.now)
    assert not viewer.picture.rests
    world.run(1.0)
    assert viewer.rendition == 0
    assert viewer.picture.reason == LayerReason.FULL


def test_what_was_lost_on_the_way_to_the_former_address_is_no_sign_and_is_sent_again() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    before = len(viewer.got)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.playback.move(world.arrives(viewer.far), world.now)
    viewer.far.says(nack(REPORTER, PICTURE, lost := [one for n, one in enumerate(came) if n % 3]))
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 128, 0, 0, 0, 0, 0)]))
    world.run(1.0)
    again = [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]
    assert len(again) == len(lost)
    assert viewer.picture.line.signs == 0
    assert viewer.rendition == 0


def test_a_picture_that_shrinks_to_what_fits_ends_the_probe() -> None:
    world, viewer = limited(THREE, 500_000, seconds=0.5)
    world.until(lambda: viewer.is_probed)
    world.rates[0] = 320_000
    world.run(10.0)
    assert viewer.rendition == 0
    assert not viewer.far.playback.steps
    since = world.now
    world.run(2.0)
    assert not viewer.padding(since)


# --- what it wants


def test_a_viewer_gets_no_better_layer_than_it_chose_and_its_picture_does_not_pause() -> None:
    world, viewer = limited(THREE, 480_000)
    viewer.line = 4e6
    world.run(6.0)
    assert viewer.rendition == 0
    assert viewer.picture.carries is not None  # it is known what the line carries: that is no reason to pause
    world.answers = False
    chosen = world.now
    viewer.picture.choose("h", picture=True)
    world.run(1.0)
    assert viewer.layers(chosen + 0.5) == {0}
    world.answers = True
    world.run(1.0)
    assert viewer.layers(chosen + 1.5) == {1}
    assert viewer.picture.reason == LayerReason.CHOICE
    assert viewer.far.stats.pauses == 1  # by the line, before
    assert_one_stream(viewer.pictures())
    world.run(18.0)
    stepped = viewer.stepped
    world.run(5.0)
    assert viewer.stepped == stepped  # it has the best that it wants: nothing is looked for
    assert viewer.picture.rests
    assert viewer.picture.measure_seconds == math.inf
    assert world.feed.limited == 0


def test_a_rid_that_there_is_not_is_any() -> None:
    world = ShownWorld()
    viewer = world.watch()
    viewer.picture.choose("x", picture=True)
    world.run(2.0)
    assert viewer.rendition == 0
    viewer.picture.choose("q", picture=True)
    world.run(1.0)
    assert viewer.rendition == 2
    viewer.picture.choose(None, picture=True)
    world.run(2.0)
    assert viewer.rendition == 0
    assert viewer.picture.reason == LayerReason.FULL


def test_for_a_chosen_layer_that_stops_there_is_the_next_one_below_it() -> None:
    world = ShownWorld()
    viewer = world.watch()
    viewer.picture.choose("h", picture=True)
    world.run(2.0)
    assert viewer.rendition == 1
    world.rates[1] = 0
    world.run(5.0)
    assert viewer.layers(world.now - 1.0) == {2}
    world.rates[1] = 300_000
    world.run(4.0)
    assert viewer.layers(world.now - 1.0) == {1}
    assert_one_stream(viewer.pictures())


def test_the_line_keeps_a_viewer_from_what_it_chose() -> None:
    world, viewer = limited(THREE, 180_000)
    assert viewer.rendition == 2
    viewer.picture.choose("h", picture=True)
    world.run(1.0)
    assert world.feed.limited == 1
    viewer.picture.choose("q", picture=True)
    world.run(1.0)
    assert viewer.picture.reason == LayerReason.CHOICE
    assert world.feed.limited == 0


def test_sound_only_by_choice_costs_nothing_and_the_picture_comes_back() -> None:
    world, viewer = limited(THREE, 480_000)
    viewer.picture.choose(None, picture=False)
    world.run(1.0)
    assert viewer.rendition is None
    assert viewer.picture.reason == LayerReason.CHOICE
    assert world.feed.limited == 0
    stepped, since = viewer.stepped, world.now
    world.run(5.0)
    assert viewer.stepped == stepped
    assert not viewer.pictures(since)
    assert not viewer.padding(since)
    viewer.picture.choose(None, picture=True)
    world.run(2.0)
    assert viewer.rendition is not None
    assert viewer.pictures(world.now - 0.5)
    assert_one_stream(viewer.pictures())


# --- when things stop


def test_a_pause_of_the_publisher_leads_nobody_to_what_the_line_does_not_carry() -> None:
    world, viewer = limited(THREE, 180_000)
    assert viewer.rendition == 2
    world.rates[:] = (0, 0, 0)
    world.run(4.3)
    world.rates[:] = THREE
    resumed = world.now
    world.run(3.0)
    assert viewer.layers(resumed) == {2}


def test_nobody_waits_for_a_layer_that_has_stopped() -> None:
    world = ShownWorld()
    viewer = world.watch()
    viewer.picture.choose("h", picture=True)
    world.run(2.0)
    world.answers = False
    viewer.picture.choose(None, picture=True)
    world.run(1.0)
    assert (viewer.rendition, world.feed.sent[0].awaiting_count) == (1, 1)
    world.rates[0] = 0
    world.run(LIVE_SECONDS + 1.5)
    assert (viewer.rendition, world.feed.sent[0].awaiting_count) == (1, 0)


def test_who_comes_when_its_layer_has_just_stopped_waits_for_the_next_one_once() -> None:
    world = ShownWorld()
    world.rates[0] = 0
    world.run(0.5)
    viewer = world.watch()
    world.run(LIVE_SECONDS + 1.5)
    assert viewer.rendition == 1
    world.rates[0] = THREE[0]
    world.run(3.0)
    assert viewer.rendition == 0
    assert len(viewer.far.waited) == 1


def test_forms_of_a_layer_that_has_stopped_are_left() -> None:
    world, viewer = limited(THREE, 60_000, keyframe_seconds=1.0)
    assert viewer.rendition == world.keyframes
    world.rates[2] = 0
    world.run(6.0)
    assert viewer.rendition in (world.keyframes, None)
    assert world.thinning.base == 1
    viewer.line = 100_000
    since = world.now
    world.run(8.0)
    assert viewer.layers(since) == {1}
    assert_one_stream(viewer.pictures())


def test_nothing_is_left_of_viewers_that_leave_whatever_they_are_at() -> None:
    moments = ((480_000, 0.5), (480_000, 4.0), (60_000, 0.3), (60_000, 3.0), (60_000, 7.3), (10_000, 4.0))
    for line, seconds in moments:
        for temporal in (False, True):
            for answers in (False, True):
                world = ShownWorld(
                    (800_000, 100_000), temporal=temporal, answers=answers, keyframe_seconds=1.0
                )
                viewers = [world.watch() for _ in range(3)]
                world.run(3.0)
                for viewer in viewers:
                    viewer.line = line
                world.run(seconds)
                assert world.feed.limited == sum(viewer.picture.is_limited for viewer in viewers)
                for viewer in viewers:
                    viewer.leave()
                assert world.feed.limited == 0
                assert not any(world.feed.profiles)
                assert not world.thinning.active
                assert not world.feed.after_burst
                assert {sent.awaiting_count for sent in world.feed.sent} == {0}


# --- layers to which the publisher leaves few pictures


def test_who_has_no_wish_gets_the_next_layer_while_the_best_one_starves() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    world.paces[0], world.rates[0] = 6, 150_000
    world.run(4.0)
    assert viewer.layers(world.now - 1.0) == {1}
    assert viewer.picture.reason == LayerReason.FULL  # there is nothing better
    assert (viewer.far.stats.pauses, world.feed.limited) == (0, 0)
    world.paces[0], world.rates[0] = 1, THREE[0]
    world.run(5.0)
    assert viewer.layers(world.now - 1.0) == {0}
    assert_one_stream(viewer.pictures())


def test_who_chose_a_layer_gets_it_even_if_it_starves() -> None:
    world = ShownWorld()
    viewer = world.watch()
    viewer.picture.choose("f", picture=True)
    world.paces[0], world.rates[0] = 6, 150_000
    world.run(6.0)
    assert viewer.layers(world.now - 3.0) == {0}


def test_a_narrow_line_is_not_given_a_starved_layer_that_would_fit() -> None:
    world, viewer = limited(THREE, 250_000)
    world.paces[0], world.rates[0] = 6, 60_000
    began = world.now
    world.run(10.0)
    assert viewer.layers(began + 2.0) == {2}


# --- room for more sound


def test_a_line_with_little_to_spare_has_no_room_for_more_sound() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    assert viewer.picture.has_room_for_sound(2)
    world, viewer = limited(THREE, 150_000)
    assert not viewer.picture.has_room_for_sound(2)


@pytest.mark.parametrize("more", [1, 2])
def test_sound_gets_room_where_the_line_carries_twice_of_what_it_becomes(
    monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    world, viewer = limited(THREE, 500_000, seconds=4.0)
    assert world.feed.ladder is not None
    needed = 2 * (1 + more) * world.feed.ladder.sound
    for carries, has_room in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(viewer.picture.line, "carries", carries)
        assert viewer.picture.has_room_for_sound(more) is has_room


def test_a_picture_that_has_less_by_losses_leaves_room_for_more_sound() -> None:
    world, viewer = limited(THREE, 500_000, seconds=4.0)  # no probe fills it just now
    assert viewer.picture.is_limited
    assert viewer.picture.has_room_for_sound(2)
    for seconds in (0.05, 0.5, 0.5):
        viewer.picture.line.round_trip(seconds, world.now)
    assert not viewer.picture.has_room_for_sound(2)


def test_whom_nobody_hears_is_sent_sound_alone_until_it_is_heard() -> None:
    """Its receiver could lose count of what it does not get, and would never read the picture again."""
    world = ShownWorld(SINGLE)
    viewer = world.watch()
    world.run(3.0)
    assert viewer.picture.rests
    viewer.picture.hear(is_heard=False)
    assert viewer.far.playback.quiet_until == 0.0
    world.run(0.2)
    viewer.picture._decision = viewer.picture._decision._replace(probe=1e6)
    sound, padded, unheard_at = viewer.far.viewer.sent(world.sound), viewer.picture._padded, world.now
    world.run(12.0)
    assert viewer.rendition is None
    assert not viewer.pictures(unheard_at)
    assert viewer.picture._padded == padded
    assert viewer.far.viewer.sent(world.sound) > sound
    viewer.picture.hear(is_heard=True)
    world.run(1.0)
    assert viewer.rendition == 0
    assert viewer.pictures(unheard_at)
    assert_one_stream(viewer.pictures(unheard_at))


def test_over_tcp_nobody_needs_to_be_heard() -> None:
    """What is sent there, comes."""
    world = ShownWorld(SINGLE)
    viewer = world.watch()
    viewer.far.viewer.queue_in(SetBacklog())
    viewer.picture.hear(is_heard=False)
    world.run(1.0)
    assert viewer.rendition == 0
