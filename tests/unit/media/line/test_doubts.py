"""How many signs of congestion a viewer's picture survives."""

import pytest

from media.line.doubts import Doubts
from media.line.estimate import LineEstimate

NEED = 400_000.0


def told(carries: float, lost: float | None = None) -> LineEstimate:
    estimate = LineEstimate(0.0)
    estimate.carries, estimate.lost_share = carries, lost
    return estimate


@pytest.mark.parametrize(
    ("carries", "lost", "survives"),
    [
        (450_000.0, None, 2),  # it fits, but with what is sent again it does not
        (450_000.0, 0.15, 2),
        (350_000.0, None, 3),  # a little less may be another viewer's probe
        (350_000.0, 0.15, 1),  # but not what is lost, or waits
        (300_000.0, None, 0),
        (450_000.0, 0.4, 0),  # no picture is whole, and there is no room to send it again
        (600_000.0, 0.4, 2),  # here there is
    ],
)
def test_so_many_signs_pass_one_after_the_other(carries: float, lost: float | None, survives: int) -> None:
    doubts, estimate = Doubts(0.0), told(carries, lost)
    passed = [doubts.pass_over(estimate, NEED, 0.1 * n, has_less=True) for n in range(5)]
    assert passed == [True] * survives + [False] * (5 - survives)


def test_a_broken_picture_goes_on_where_there_is_no_lower_one() -> None:
    assert Doubts(0.0).pass_over(told(450_000.0, 0.4), NEED, 0.0, has_less=False)


def test_signs_are_forgotten() -> None:
    doubts, estimate = Doubts(0.0), told(350_000.0)
    assert all(doubts.pass_over(estimate, NEED, 10.0 * n, has_less=True) for n in range(20))
    doubts.clear()
    assert [doubts.pass_over(estimate, NEED, 200.0, has_less=True) for _ in range(4)] == [True] * 3 + [False]
