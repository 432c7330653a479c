"""A sign of congestion is heeded when it comes; but nothing replaces a picture that has not begun."""

from media.line.loss_run import Loss
from media.rtp.rtcp import nack, remb
from tests.support.far_viewer import REPORTER
from tests.support.layers_world import PICTURE, PICTURE_RTX
from tests.support.shown_world import ShownWorld, Watcher


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
    viewer.picture.line.lost(Loss(0.9, world.now - 0.5, world.now), 0.3, world.now)
    chokes(viewer, 30_000)
    assert viewer.picture.has_news
    assert (viewer.far.viewer.behind, viewer.rendition) == before
    world.answers = True
    world.run(1.0)
    assert viewer.pictures()


def test_what_a_full_line_has_dropped_is_not_sent_into_it_again() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    before = len(viewer.got)
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.says(nack(REPORTER, PICTURE, [sequence for n, sequence in enumerate(came) if n % 3]))
    viewer.step()
    assert not [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]


def test_what_a_good_line_loses_is_sent_again_at_once_though_it_is_a_sign() -> None:
    world = ShownWorld()
    viewer = world.watch()
    world.run(3.0)
    before, signs = len(viewer.got), viewer.picture.line.signs
    came = [packet.sequence for packet in viewer.pictures(world.now - 0.4)]
    viewer.far.says(nack(REPORTER, PICTURE, lost := came[::6]))
    viewer.step()
    assert viewer.picture.line.signs > signs
    again = [packet for _, packet in viewer.got[before:] if packet.ssrc == PICTURE_RTX]
    assert len(again) == len(lost)
