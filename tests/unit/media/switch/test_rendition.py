"""Which rung is the best one that comes, and which layer the best one within a limit of its size."""

import math

import pytest

from media.switch.rendition import Ladder, Rendition, Size

RIDS = ("f", "h", "q")
SIZES = ((1280, 720), (640, 360), (320, 180))


def ladder(sizes: tuple[Size | None, ...] = SIZES) -> Ladder:
    layers = tuple(Rendition(n, bitrate) for n, bitrate in enumerate((2e6, 5e5, 1e5)))
    return Ladder.of(layers, 4e4, RIDS, 0, sizes)


@pytest.mark.parametrize(
    ("rid", "most", "layer"),
    [
        (None, (1280, 720), None),  # no layer is ruled out: this is no wish
        (None, (1279, 0), "h"),
        (None, (0, 359), "q"),
        (None, (640, 359), "q"),
        ("h", (1280, 0), "h"),
        ("f", (640, 0), "h"),
        ("q", (640, 0), "q"),
        (None, (100, 0), "q"),  # all are larger
    ],
)
def test_the_best_layer_within_a_limit(rid: str | None, most: Size, layer: str | None) -> None:
    assert ladder().layer_within(rid, most) == layer


def test_a_layer_may_be_within_until_its_size_is_known() -> None:
    assert ladder((None, (640, 360), None)).layer_within(None, (320, 180)) is None
    assert ladder(((1280, 720), None, None)).layer_within(None, (320, 180)) == "h"


def test_the_best_rung_from_a_layer_on_is_one_that_comes_or_else_the_sound_alone() -> None:
    renditions = tuple(Rendition(n, rate) for n, rate in enumerate((math.inf, 5.0, math.inf, math.inf)))
    ladder = Ladder.of(renditions, 2.0, (), 0)
    assert [ladder.best_from(rung) for rung in range(5)] == [1, 1, 4, 4, 4]
    assert [ladder.number(rung) for rung in (1, 4)] == [1, None]
    assert ladder.needs == (math.inf, 7.0, math.inf, math.inf, 2.0)


@pytest.mark.parametrize(
    ("bitrates", "number"),
    [((math.inf, 5.0, math.inf, 1.0), 1), ((9.0, 5.0, 1.0), 1), ((math.inf, 1.0), None)],
)
def test_the_least_that_moves_is_the_last_one_that_comes_before_keyframes_alone(
    bitrates: tuple[float, ...], number: int | None
) -> None:
    renditions = tuple(Rendition(n, rate) for n, rate in enumerate(bitrates))
    assert Ladder.of(renditions, 2.0, (), 0).lowest_moving == number
