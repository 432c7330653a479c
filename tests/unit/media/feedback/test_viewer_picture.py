"""What one viewer gets of the picture, over time: by what its line and receiver say, and by its choice."""

import math

import pytest

from media.line.loss_run import Loss
from media.rtp.rtcp import ReportBlock, nack, receiver_report, remb
from media.tracks.track import LIVE_SECONDS
from shared.messages.status import LayerReason
from tests.support.far_viewer import REPORTER
from tests.support.layers_world import PICTURE, PICTURE_RTX
from tests.support.one_stream import assert_one_stream
from tests.support.shown_world import THREE, ShownWorld, Watcher, limited

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
    viewer.step()
    again = [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]
    assert len(again) == len(lost)
    world.run(1.0)
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


def test_a_viewer_that_leaves_while_it_probes_gets_nothing_more() -> None:
    world, viewer = limited(THREE, 480_000, seconds=0.5)
    world.until(lambda: viewer.is_probed)
    world.run(0.3)
    viewer.leave()
    world.run(0.5)
    assert viewer.far.datagrams() == []
    assert world.feed.limited == 0


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


@pytest.fixture
def viewer() -> Watcher:
    """It gets the best layer, which almost fits, and waits for a keyframe of the next one."""
    world = ShownWorld()
    world.answers = False
    viewer = world.watch(number=5)
    world.run(3.0)
    assert world.feed.ladder is not None
    line, viewer.answers = viewer.picture.line, False
    for seconds in (0.03, 0.3, 0.3):
        line.round_trip(seconds, world.now)
    line.train_came(0.97 * world.feed.ladder.needs[0], world.now)
    viewer.picture.tick(world.now)
    return viewer


@pytest.mark.parametrize(("room", "goes_on"), [(0.0, False), (math.inf, True)])
def test_it_stops_when_what_is_missing_does_not_come(
    viewer: Watcher, monkeypatch: pytest.MonkeyPatch, room: float, goes_on: bool
) -> None:
    world = viewer.world
    monkeypatch.setattr(viewer.picture.line, "room", lambda need, now: room)
    index = world.feed.sent[0].history.next_index - 1
    for _ in range(3):  # it requests a packet again and again
        assert viewer.picture.asked([index], world.now) == (4 if goes_on else 0)
        world.run(0.1)
    assert (viewer.rendition == 0) is goes_on
    world.answers = True
    world.until(lambda: viewer.rendition == 1, 1.0)


@pytest.mark.parametrize(("queues", "sent_again"), [(0.5, 6), (1.0, 6), (1.1, 4)])
def test_few_packets_are_sent_again_at_once_while_a_queue_drains(
    viewer: Watcher, monkeypatch: pytest.MonkeyPatch, queues: float, sent_again: int
) -> None:
    line = viewer.picture.line
    monkeypatch.setattr(type(line.trips), "queues", property(lambda _: queues))
    line.fits(math.inf)
    newest = viewer.world.feed.sent[0].history.next_index
    assert viewer.picture.asked(range(newest - 6, newest), viewer.world.now) == sent_again


def chokes(viewer: Watcher, bitrate: int) -> None:
    viewer.far.says(remb(REPORTER, bitrate, [PICTURE]))


def test_a_picture_that_is_far_too_much_stops_before_the_next_tick() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    assert viewer.rendition == 0
    chokes(viewer, 30_000)
    assert viewer.rendition is None


def test_a_viewer_that_waits_for_its_first_picture_goes_on_to_wait() -> None:
    world = ShownWorld(answers=False)
    viewer = world.watch()
    world.run(0.5)
    before = viewer.far.viewer.behind, viewer.rendition
    viewer.picture.line.lost(Loss(0.9, 0.9, world.now - 0.5, world.now), world.now)
    chokes(viewer, 30_000)
    assert viewer.picture.has_news
    assert (viewer.far.viewer.behind, viewer.rendition) == before
    world.answers = True
    world.run(1.0)
    assert viewer.pictures()


@pytest.fixture
def world() -> ShownWorld:
    return ShownWorld()


def test_what_a_receiver_reports_counts_once_a_second(
    world: ShownWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, told = world.watch(), []
    world.run(1.0)
    monkeypatch.setattr(viewer.picture, "report", lambda *report: told.append(report))
    highest = viewer.pictures()[-1].sequence
    for seconds in range(2):
        blocks = [ReportBlock(PICTURE, 0, 9 * seconds, highest + 100 * seconds, 0, 0, 0)]
        blocks += [ReportBlock(PICTURE_RTX, 0, 50 * seconds, 100 * seconds, 0, 0, 0)]  # tells nothing
        viewer.far.says(receiver_report(REPORTER, blocks))
        world.run(1.0)
    assert told == [(9, 100, first_after(viewer, highest), 0.0, pytest.approx(world.now - 1.0))]


def first_after(viewer: Watcher, sequence: int) -> float:
    """When the next packet of its picture was sent."""
    return next(at for at, each in viewer.got if each.ssrc == PICTURE and each.sequence == sequence + 1)


def test_what_was_lost_before_a_picture_stopped_says_nothing_of_the_next_one() -> None:
    """A receiver counts the last packets of a picture as lost when it has got some of the next one."""
    world = ShownWorld()
    viewer = world.watch()
    world.run(2.0)
    began = viewer.pictures()[-1].sequence
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, 0, began, 0, 0, 0)]))
    world.run(1.0)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.2)]
    viewer.picture.line.lost(Loss(0.6, 0.6, world.now - 0.4, world.now), world.now)
    viewer.picture.tick(world.now)
    assert viewer.rendition is None
    world.answers = False
    world.run(0.3)  # until a round trip shows that what was sent before has come
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, 0, came[0], 0, 0, 0)]))
    world.answers = True
    world.run(1.0)
    signs, last = viewer.picture.line.signs, viewer.pictures()[-1].sequence
    lost = came[-1] - came[0]
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, lost, last, 0, 0, 0)]))
    assert viewer.picture.line.signs == signs
    world.run(1.0)
    ended = viewer.pictures()[-1].sequence
    lost += round(0.7 * (ended - last))
    viewer.far.says(receiver_report(REPORTER, [ReportBlock(PICTURE, 0, lost, ended, 0, 0, 0)]))
    assert viewer.picture.line.signs == signs + 1  # what is lost of the next one does


def test_what_a_full_line_has_dropped_is_not_sent_into_it_again() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    before = len(viewer.got)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.says(nack(REPORTER, PICTURE, [sequence for n, sequence in enumerate(came) if n % 3]))
    viewer.step()
    assert not [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]


def test_what_is_lost_of_a_picture_that_goes_at_a_pace_is_sent_again_in_its_turn() -> None:
    """At once it would meet what left just before it, in a line that has room for one packet."""
    world = ShownWorld()
    viewer = world.watch()
    viewer.answers = False  # so nothing shows that its line has a queue
    world.run(3.0)
    viewer.line = 480_000
    world.run(6.0)
    assert viewer.picture.is_paced
    before = len(viewer.got)
    lost = [packet.sequence for packet in viewer.pictures(world.now - 0.4)][-6:]
    viewer.far.says(nack(REPORTER, PICTURE, lost))
    world.run(0.5)
    again = [
        (at, packet)
        for at, packet in viewer.got[before:]
        if packet.ssrc == PICTURE_RTX and not packet.padding
    ]
    assert len(again) == len(lost)
    assert len({at for at, _ in again}) == len(lost)


def test_what_a_good_line_loses_is_sent_again_at_once_and_is_no_sign(world: ShownWorld) -> None:
    viewer = world.watch(number=5)
    world.run(3.0)
    before, signs = len(viewer.got), viewer.picture.line.signs
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.says(nack(REPORTER, PICTURE, lost := came[::6]))
    viewer.step()
    assert viewer.picture.line.signs == signs
    again = [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX and not packet.padding]
    assert len(again) == len(lost)


# --- room for more sound


def test_a_line_with_little_to_spare_has_no_room_for_more_sound() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    assert viewer.picture.has_room_for_sound(2, world.now)
    world, viewer = limited(THREE, 150_000)
    assert not viewer.picture.has_room_for_sound(2, world.now)


def test_a_picture_that_has_less_by_losses_leaves_room_for_more_sound() -> None:
    world, viewer = limited(THREE, 500_000, seconds=4.0)  # no probe fills it just now
    assert viewer.picture.is_limited
    assert viewer.picture.has_room_for_sound(2, world.now)
    for seconds in (0.05, 0.5, 0.5):
        viewer.picture.line.round_trip(seconds, world.now)
    assert not viewer.picture.has_room_for_sound(2, world.now)
