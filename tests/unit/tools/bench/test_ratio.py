"""The ratio that a benchmark in turns reports, and its standard error."""

import math

import pytest

from tools.bench.ratio import Ratio


def test_equal_figures_have_the_ratio_one_without_error() -> None:
    assert Ratio.of([2.0, 3.0, 5.0], [2.0, 3.0, 5.0]).mean == pytest.approx(1.0)
    assert Ratio.of([2.0, 3.0, 5.0], [2.0, 3.0, 5.0]).error == pytest.approx(0.0)


def test_a_machine_that_slows_down_changes_neither_ratio_nor_error() -> None:
    ratio = Ratio.of([2.0, 4.0, 8.0], [2.2, 4.4, 8.8])
    assert ratio.mean == pytest.approx(1.1)
    assert ratio.error == pytest.approx(0.0)
    assert (ratio.old, ratio.new) == pytest.approx((4.0, 4.4))


def test_the_standard_error_is_that_of_the_mean_of_the_pairs() -> None:
    ratio = Ratio.of([1.0, 1.0], [math.exp(0.3), math.exp(0.1)])  # logarithms 0.2 ± 0.1
    assert ratio.mean == pytest.approx(math.exp(0.2))
    assert ratio.error == pytest.approx(0.1 * math.exp(0.2))


def test_four_times_as_many_rounds_halve_the_error() -> None:
    few = Ratio.of([1.0] * 100, [1.0, 1.1] * 50).error
    many = Ratio.of([1.0] * 400, [1.0, 1.1] * 200).error
    assert few is not None
    assert many == pytest.approx(few / 2, rel=0.01)


def test_the_ratio_of_swapped_commits_is_the_inverse() -> None:
    figures = [2.0, 3.0, 4.0], [2.5, 2.7, 4.4]
    assert Ratio.of(*figures).mean == pytest.approx(1 / Ratio.of(*reversed(figures)).mean)


def test_the_means_of_both_commits_have_the_ratio_that_is_reported() -> None:
    ratio = Ratio.of([2.0, 3.0, 4.0], [2.5, 2.7, 4.4])
    assert ratio.new / ratio.old == pytest.approx(ratio.mean)


def test_a_single_round_has_no_error() -> None:
    assert Ratio.of([2.0], [3.0]).error is None
    assert str(Ratio.of([2.0], [3.0])) == "1.500"


def test_a_ratio_is_shown_with_its_error() -> None:
    assert str(Ratio.of([1.0, 1.0], [1.1, 1.0])) == "1.049 ± 0.050"


@pytest.mark.parametrize(
    ("old", "new"),
    [([], []), ([0.0], [1.0]), ([1.0], [0.0]), ([1.0], [math.inf]), ([1.0], [math.nan]), ([1.0], [1.0, 2.0])],
)
def test_windows_without_figures_have_no_ratio(old: list[float], new: list[float]) -> None:
    with pytest.raises(ValueError):
        Ratio.of(old, new)
