"""What share of packets is lost, over a time that means something."""

from media.feedback.loss_window import LEAST_PACKETS, MOST_STREAMS, WINDOW_SECONDS, LossWindow
from media.rtp.rtcp import ReportBlock


def block(highest: int, lost: int = 0, ssrc: int = 1) -> ReportBlock:
    return ReportBlock(ssrc, 0, lost, highest, 0, 0, 0)


def test_it_is_the_share_of_what_was_sent_since_the_last_result() -> None:
    window = LossWindow()
    assert window.take([block(1000, 500)], 10.0) is None  # what was before is not known
    assert window.take([block(1100, 510)], 11.0) == 0.10
    assert window.take([block(1300, 510)], 12.0) == 0.0
    assert window.take([block(1400, 560)], 13.0) == 0.5


def test_reports_beside_each_nack_do_not_count_by_themselves() -> None:
    window = LossWindow()
    window.take([block(1000)], 10.0)
    for n in range(1, 9):
        assert window.take([block(1000 + 12 * n, 6 * n)], 10.0 + n * WINDOW_SECONDS / 10) is None
    assert window.take([block(1200, 50)], 11.0) == 0.25


def test_few_packets_say_nothing() -> None:
    window = LossWindow()
    window.take([block(1000)], 10.0)
    assert window.take([block(1000 + LEAST_PACKETS - 1, 5)], 11.0) is None
    assert window.take([block(1000 + 2 * LEAST_PACKETS - 1, 5)], 12.0) == 0.0


def test_the_worst_stream_counts() -> None:
    window = LossWindow()
    window.take([block(0, ssrc=1), block(0, ssrc=2)], 10.0)
    assert window.take([block(100, 1, ssrc=1), block(100, 20, ssrc=2)], 11.0) == 0.2
    assert window.take([block(200, 41, ssrc=1), block(200, 20, ssrc=2)], 12.0) == 0.4


def test_a_stream_that_begins_later_has_no_share_before_its_second_report() -> None:
    window = LossWindow()
    window.take([block(0)], 10.0)
    assert window.take([block(100, 5), block(500, 400, ssrc=2)], 11.0) == 0.05
    assert window.take([block(200, 5), block(600, 410, ssrc=2)], 12.0) == 0.1


def test_duplicates_and_lies_are_bounded() -> None:
    window = LossWindow()
    window.take([block(100, 50)], 10.0)
    assert window.take([block(200, 20)], 11.0) == 0.0  # duplicates make the count fall
    assert window.take([block(300, 900)], 12.0) == 1.0
    assert window.take([block(0, 0)], 13.0) is None  # it goes back
    assert window.take([block(0xFFFFFFFF, -0x800000)], 14.0) == 0.0
    assert window.take([], 15.0) is None


def test_streams_that_nobody_sends_are_not_remembered_without_end() -> None:
    window = LossWindow()
    for n in range(100):
        window.take([block(1000 * n, 0, ssrc=n * 31 + each) for each in range(31)], 10.0 + n)
    assert len(window._began) == MOST_STREAMS
