"""The values of header extensions that we write."""

import pytest

from media.rtp.extensions import send_time


@pytest.mark.parametrize(
    ("now", "value"),
    [
        (0.0, "000000"),
        (1.0, "040000"),
        (1.5, "060000"),
        (63.999999, "ffffff"),
        (64.0, "000000"),
        (64 * 15_625 + 1.5, "060000"),
    ],
)
def test_the_time_of_sending_is_in_seconds_with_18_bits_behind_the_point(now: float, value: str) -> None:
    assert send_time(now).hex() == value
