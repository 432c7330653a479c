"""The values of header extensions that we write."""

import pytest

from media.rtp.extensions import PlayoutDelay, capture_time, send_time


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


@pytest.mark.parametrize("era", [0, 1 << 32])
def test_the_time_of_capture_is_64_bits_of_ntp_and_no_distance_to_our_clock(era: int) -> None:
    assert capture_time(era + 0x80000001 + 0.5).hex() == "8000000180000000" + 16 * "0"


@pytest.mark.parametrize(
    ("least", "most", "value"),
    [(0.0, 0.0, "000000"), (0.01, 0.5, "001032"), (0.126, 40.95, "00dfff"), (41.0, 1e9, "ffffff")],
)
def test_a_playout_delay_is_two_numbers_of_12_bits(least: float, most: float, value: str) -> None:
    assert PlayoutDelay(least, most).value().hex() == value
