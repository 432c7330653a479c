"""The renditions of a room's picture, and what each needs."""

import math

import pytest

from media.rooms.ladder import KEPT, SLOWEST_SECONDS, measure
from media.switch.rendition import Ladder
from tests.support.shown_world import SOUND_RATE, THREE, ShownWorld


def ladder_of(world: ShownWorld) -> Ladder:
    assert world.feed.ladder is not None
    return world.feed.ladder


def numbers(world: ShownWorld) -> list[int]:
    return [rendition.number for rendition in ladder_of(world).renditions]


def test_layers_are_the_first_rungs_and_the_sound_alone_is_the_last_one() -> None:
    world = ShownWorld()
    world.run(5.0)
    ladder = ladder_of(world)
    assert numbers(world) == [0, 1, 2, world.lowest, world.keyframes]
    assert ladder.rids == ("f", "h", "q")
    assert ladder.sound == pytest.approx(SOUND_RATE, rel=0.02)
    for need, rate in zip(ladder.needs[:3], THREE, strict=True):
        assert need == pytest.approx(rate + SOUND_RATE, rel=0.1)
    assert ladder.needs[-1] == ladder.sound
    keyframe = THREE[2] / 8 / 25 * 3
    assert ladder.renditions[-1].bitrate == pytest.approx(keyframe * 8 / SLOWEST_SECONDS, rel=0.1)


def test_who_has_no_wish_begins_with_the_best_layer_that_does_not_starve() -> None:
    world = ShownWorld()
    for starve, first in (((), 0), ((0,), 1), ((1,), 0), ((0, 1), 2), ((0, 1, 2), 2)):
        for number, sent in enumerate(world.feed.sent[:3]):
            sent.starves, sent.size = number in starve, (1280 >> number, 180)
        ladder = measure(world.feed, world.tracks, world.now)
        assert ladder is not None
        assert (ladder.first, ladder.sizes) == (first, ((1280, 180), (640, 180), (320, 180)))


def test_a_form_that_there_is_not_needs_more_than_any_line_carries() -> None:
    """So nobody is sent the lowest layer of a picture that has one only."""
    world = ShownWorld()
    world.feed.limited = 1
    world.run(2.0)
    assert ladder_of(world).needs[3] == math.inf
    assert ladder_of(world).needs[4] < math.inf


def test_the_lowest_layer_is_measured_while_somebody_may_need_it() -> None:
    world = ShownWorld(temporal=True)
    world.run(2.0)
    assert ladder_of(world).needs[3] == math.inf
    world.feed.limited = 1
    world.run(2.0)
    assert ladder_of(world).needs[3] == pytest.approx(THREE[2] / 2 + SOUND_RATE, rel=0.15)


@pytest.mark.parametrize("stopped", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)])
def test_a_layer_that_does_not_come_needs_more_than_any_line_carries(stopped: tuple[int, ...]) -> None:
    world = ShownWorld()
    for layer in stopped:
        world.rates[layer] = 0
    world.run(4.0)
    left = [layer for layer in range(3) if layer not in stopped]
    assert numbers(world) == [0, 1, 2, world.lowest, world.keyframes]
    assert [layer for layer, need in enumerate(ladder_of(world).needs[:3]) if need < math.inf] == left
    assert ladder_of(world).rids == ("f", "h", "q")
    assert ladder_of(world).first == ladder_of(world).best_from(0) == left[0]
    assert world.thinning.base == left[-1]
    for layer in stopped:
        world.rates[layer] = THREE[layer]
    world.run(2.0)
    assert max(ladder_of(world).needs[:3]) < math.inf
    assert world.thinning.base == 2


def test_while_nothing_comes_what_was_known_remains() -> None:
    world = ShownWorld()
    world.rates[:] = (0, 0, 0)
    world.run(5.0)
    known = ladder_of(world)
    assert known.needs[0] > THREE[0] / 2
    world.run(60.0)
    assert ladder_of(world) is known


def test_what_a_layer_needs_falls_slowly_and_rises_at_once() -> None:
    """In the second in which a layer pauses, it does not need less."""
    world = ShownWorld((800_000,))
    world.run(5.0)
    before = ladder_of(world).renditions[0].bitrate
    world.rates[0] = 80_000
    world.run(1.0)
    assert ladder_of(world).renditions[0].bitrate >= before * KEPT * 0.99
    world.run(20.0)
    assert ladder_of(world).renditions[0].bitrate == pytest.approx(80_000, rel=0.2)
    world.rates[0] = 800_000
    world.run(2.0)
    assert ladder_of(world).renditions[0].bitrate > 400_000


def test_forms_of_a_layer_that_has_stopped_need_more_than_any_line_carries() -> None:
    world = ShownWorld()
    world.feed.use(world.keyframes)  # somebody waits for it: it keeps its base
    world.rates[2] = 0
    world.run(4.0)
    assert world.thinning.base == 2
    assert ladder_of(world).needs[3:] == (math.inf, math.inf, ladder_of(world).sound)
    world.feed.release(world.keyframes)
    world.run(1.0)
    assert world.thinning.base == 1
    assert ladder_of(world).needs[4] < math.inf
