"""How fast pictures go that do not keep the pace of their stream."""

import math

import pytest

from media.line.paces import of_beginning, of_keyframes

RUNGS = [1_600_000.0, math.inf, 190_000.0, 60_000.0, 40_000.0]


@pytest.mark.parametrize(
    ("rung", "carries", "pace"),
    [
        (2, 300_000.0, 0.95 * 260_000),
        (2, 150_000.0, 1.15 * 150_000),  # it must reach the live edge
        (0, math.inf, 0.0),
        (2, 800_000.0, 0.0),  # a wide line takes a keyframe at once
        (1, 300_000.0, 0.0),  # there is no such picture
    ],
)
def test_a_picture_begins_at_the_pace_of_the_line(rung: int, carries: float, pace: float) -> None:
    assert of_beginning(RUNGS, rung, carries) == pytest.approx(pace)


@pytest.mark.parametrize(
    ("carries", "probed", "pace"),
    [(50_000.0, 0.0, 20_000.0), (140_000.0, 0.0, 90_000.0), (140_000.0, 200_000.0, 160_000.0)],
)
def test_keyframes_alone_take_what_the_sound_leaves(carries: float, probed: float, pace: float) -> None:
    assert of_keyframes(RUNGS, carries, probed) == pytest.approx(pace)
