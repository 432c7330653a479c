"""What a receiver lost, by reports that come as they like."""

from collections.abc import Sequence

from media.feedback.loss_window import LossWindow, worst
from media.rtp.rtcp import ReportBlock

SOUND, PICTURE = 1, 2


def block(ssrc: int, highest: int, lost: int) -> ReportBlock:
    return ReportBlock(ssrc, 0, lost, highest, 0, 0, 0)


def most(window: LossWindow, blocks: Sequence[ReportBlock], now: float) -> tuple[float, ...] | None:
    """What the worst stream lost, of how many packets, which it is, and where these begin."""
    told = worst(window.take(blocks, now))
    return told and told[:4]


def test_it_counts_by_the_second() -> None:
    window = LossWindow()
    assert most(window, [block(PICTURE, 1000, 0)], 0.0) is None
    assert most(window, [block(PICTURE, 1100, 9)], 1.0) == (9, 100, PICTURE, 1001)
    assert most(window, [block(PICTURE, 1200, 9)], 2.0) == (0, 100, PICTURE, 1101)


def test_reports_beside_nacks_wait_for_the_second() -> None:
    window = LossWindow()
    most(window, [block(PICTURE, 1000, 0)], 0.0)
    assert [most(window, [block(PICTURE, 1000 + n, n)], 0.01 * n) for n in range(1, 90)] == [None] * 89
    assert most(window, [block(PICTURE, 1200, 100)], 1.0) == (100, 200, PICTURE, 1001)


def test_sound_counts_though_a_picture_that_stands_is_reported_just_before() -> None:
    """Browsers report of them at different times."""
    window = LossWindow()
    told = []
    for second in range(5):
        told.append(most(window, [block(PICTURE, 1000, 0)], float(second)))
        told.append(most(window, [block(SOUND, 50 * second, 16 * second)], second + 0.05))
    assert told[:2] == [None, None]
    assert [each and each[:2] for each in told[3::2]] == [(16, 50)] * 4


def test_of_few_packets_nothing_is_told() -> None:
    window = LossWindow()
    most(window, [block(SOUND, 100, 0)], 0.0)
    assert most(window, [block(SOUND, 105, 5)], 1.0) is None


def test_ten_packets_tell_something_and_the_worst_stream_counts() -> None:
    for order in (1, -1):
        window = LossWindow()
        most(window, [block(SOUND, 100, 0), block(PICTURE, 1000, 0)], 0.0)
        told = most(window, [block(SOUND, 110, 4), block(PICTURE, 1100, 9)][::order], 0.9)
        assert told == (4, 10, SOUND, 101)


def test_a_share_is_told_after_so_long_and_no_longer() -> None:
    for seconds, told in ((0.89, False), (0.9, True), (3.0, True), (3.01, False)):
        window = LossWindow()
        most(window, [block(PICTURE, 1000, 0)], 0.0)
        assert (most(window, [block(PICTURE, 1100, 9)], seconds) is not None) is told


def test_of_each_stream_is_told_what_it_lost_and_over_what_time() -> None:
    """Browsers report of sound each few seconds where it is all that they get."""
    window = LossWindow()
    window.take([block(PICTURE, 1000, 0), block(SOUND, 100, 0)], 0.0)
    told = window.take([block(PICTURE, 1100, 10), block(SOUND, 350, 5)], 5.0)
    assert [(*each, each.share) for each in told] == [
        (10, 100, PICTURE, 1001, 5.0, 0.1),
        (5, 250, SOUND, 101, 5.0, 0.02),
    ]


def test_a_stream_that_paused_does_not_hide_what_others_lost() -> None:
    window = LossWindow()
    most(window, [block(PICTURE, 1000, 0), block(SOUND, 100, 0)], 0.0)
    most(window, [block(SOUND, 200, 0)], 3.0)
    told = most(window, [block(PICTURE, 1100, 90), block(SOUND, 300, 9)], 4.0)
    assert told == (9, 100, SOUND, 201)


def test_a_stream_that_begins_anew_is_counted_anew() -> None:
    """Another publisher's numbers may be lower."""
    window = LossWindow()
    most(window, [block(PICTURE, 1000, 50)], 0.0)
    assert most(window, [block(PICTURE, 999, 0)], 1.0) == (0, 1, PICTURE, 1001)
    assert most(window, [block(PICTURE, 1099, 9)], 2.0) == (9, 100, PICTURE, 1000)


def test_counts_that_go_back_are_no_loss_and_no_more_than_all_is_lost() -> None:
    window = LossWindow()
    most(window, [block(PICTURE, 1000, 500)], 0.0)
    assert most(window, [block(PICTURE, 1100, 0)], 1.0) == (0, 100, PICTURE, 1001)
    assert most(window, [block(PICTURE, 1200, 2**23 - 1)], 2.0) == (100, 100, PICTURE, 1101)


def test_losses_from_before_a_pause_say_nothing_of_the_line() -> None:
    """A receiver counts them when the picture goes on."""
    window = LossWindow()
    most(window, [block(PICTURE, 1000, 0)], 0.0)
    for second in range(1, 20):
        assert most(window, [block(PICTURE, 1000, 0)], float(second)) is None
    assert most(window, [block(PICTURE, 1100, 90)], 20.0) is None
    assert most(window, [block(PICTURE, 1200, 190)], 21.0) == (100, 100, PICTURE, 1101)
