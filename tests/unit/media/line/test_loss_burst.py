"""A line that suddenly carries next to nothing, and what is none."""

from media.line.loss_burst import LEAST_PACKETS, WINDOW_SECONDS, LossBurst

RATE = 80.0  # packets a second


def test_most_of_what_was_sent_lately_is_a_burst() -> None:
    burst = LossBurst()
    told = [burst.asked(range(10 * n, 10 * n + 9), RATE, 0.14 * n) for n in range(3)]
    assert told[:2] == [None, None]
    assert told[2] is not None
    assert told[2] is not None
    assert 0.5 < told[2] <= 0.9


def test_a_packet_that_is_requested_again_and_again_counts_once() -> None:
    burst = LossBurst()
    assert [burst.asked(range(LEAST_PACKETS), RATE, 0.05 * n) for n in range(20)] == [None] * 20


def test_one_packet_in_twenty_is_no_burst() -> None:
    burst = LossBurst()
    assert [burst.asked([20 * n], RATE, 20 * n / RATE) for n in range(1000)] == [None] * 1000


def test_of_few_packets_nothing_is_told_and_old_ones_are_forgotten() -> None:
    burst = LossBurst()
    assert burst.asked(range(LEAST_PACKETS - 1), 1.0, 0.0) is None
    assert burst.asked([100], 1.0, 3 * WINDOW_SECONDS) is None
    assert len(burst._asked) == 1


def test_few_are_enough_where_the_receiver_saw_the_gap_behind_a_queue() -> None:
    burst = LossBurst()
    lost = range(LEAST_PACKETS)
    assert burst.asked(lost, RATE, 0.0, queue=0.05) is None  # a short outage
    assert burst.asked(lost, RATE, 0.3, queue=0.35) is None  # and the same again
    assert burst.asked(range(20, 20 + LEAST_PACKETS), RATE, 1.0, queue=0.28) is not None


def test_losses_by_chance_are_no_queue_however_late_they_are_requested() -> None:
    burst = LossBurst()
    assert [burst.asked([8 * n], RATE, 0.1 * n, queue=0.3) for n in range(100)] == [None] * 100
    assert burst.asked([8 * n for n in range(100, 112)], RATE, 11.0, queue=0.3) is None
