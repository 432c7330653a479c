"""Padding that fills up what a viewer gets to so many bits a second."""

from media.feedback.padding_credit import PaddingCredit
from media.rtp.rtx import PADDING_BYTES


def test_what_is_due_is_what_time_has_paid_less_what_was_sent() -> None:
    rate = 8.0 * PADDING_BYTES  # a packet each second
    credit = PaddingCredit(0.0)
    credit.begin(1000, 10.0)  # what was sent before is no debt
    assert credit.due(rate, 1000, 1000, 10.25) == 64  # a trickle meanwhile
    assert credit.due(rate, 1000, 1000, 11.0) == PADDING_BYTES
    # a late step is not made up for: no more is due than of 50 ms beside a packet
    assert credit.due(rate, 1000, 1000, 99.0) == 1.05 * PADDING_BYTES
    # a keyframe is a debt of 0.25 s at most
    assert credit.due(rate, 9999, 9999, 99.125) == 64
    assert credit.due(rate, 9999, 9999, 100.25) == 64
    assert credit.due(rate, 9999, 9999, 100.375) == PADDING_BYTES


def test_the_trickle_comes_half_a_second_after_the_last_picture() -> None:
    credit = PaddingCredit(10.0)
    seen = [(10.25, 0), (10.5, 0), (10.75, 40), (11.125, 40), (11.25, 40)]
    assert [credit.due(8.0, 40 + pictures, 40, at) for at, pictures in seen] == [0, 64, 0, 0, 64]


def test_where_no_padding_is_wanted_none_is_due() -> None:
    assert PaddingCredit(0.0).due(0.0, 0, 0, 99.0) == 0.0
