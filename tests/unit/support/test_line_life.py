"""How long a line carried so much."""

import pytest

from tests.support.line_life import longest

RATES = [(0.0, 500.0), (10.0, 100.0), (12.0, 300.0), (20.0, 200.0), (25.0, 90.0)]


@pytest.mark.parametrize(
    ("least", "begin", "end", "seconds"),
    [
        (150.0, 0.0, 30.0, 13.0),  # from 12 to 25
        (150.0, 5.0, 30.0, 13.0),
        (250.0, 0.0, 30.0, 10.0),
        (250.0, 5.0, 30.0, 8.0),
        (250.0, 9.0, 11.0, 1.0),
        (50.0, 3.0, 40.0, 37.0),
        (600.0, 0.0, 30.0, 0.0),
        (250.0, 10.5, 11.5, 0.0),
    ],
)
def test_the_longest_stretch_is_found(least: float, begin: float, end: float, seconds: float) -> None:
    assert longest(RATES, least, begin, end) == pytest.approx(seconds)
