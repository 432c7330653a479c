"""Which rung of a ladder is which."""

import math

from media.line.rungs import fitting, is_slow, last_moving, needed, next_better, top

RUNGS = [math.inf, 1_000.0, math.inf, 400.0, 100.0, 50.0]


def test_rungs_that_there_are_not_are_left_out() -> None:
    assert top(RUNGS) == 1
    assert last_moving(RUNGS) == 3
    assert next_better(RUNGS, 3) == 1
    assert next_better(RUNGS, 5) == 4


def test_without_a_moving_picture_none_is_the_last() -> None:
    assert last_moving([math.inf, 100.0, 50.0]) == 3


def test_what_fits_is_the_best_and_keyframes_alone_want_room_to_spare() -> None:
    assert fitting(RUNGS, 5_000.0) == 1
    assert fitting(RUNGS, 999.0) == 3
    assert is_slow(RUNGS, 4)
    assert needed(RUNGS, 4) > 100.0
    assert fitting(RUNGS, 110.0) == 5
    assert fitting(RUNGS, 130.0) == 4
    assert fitting(RUNGS, 10.0) == 5
