"""What a line carries, by how far apart the packets of a train come."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.line.packet_train import (
    FEW_OCTETS,
    HEADER_OCTETS,
    NARROW,
    OCTETS,
    PACKETS,
    PacketTrains,
)


def times(rate: float, octets: int = OCTETS) -> list[float | None]:
    return [100.0 + n * (octets + HEADER_OCTETS) * 8 / rate for n in range(PACKETS)]


@pytest.mark.parametrize("rate", [65_000.0, 250_000.0, 3_000_000.0])
def test_packets_come_as_far_apart_as_the_line_lets_them(rate: float) -> None:
    trains = PacketTrains()
    first = trains.send(1.0)
    assert trains.arrived(first, times(rate), 1.2) == pytest.approx(rate)


def test_a_train_may_be_told_of_in_parts_among_others() -> None:
    trains = PacketTrains()
    first = trains.send(1.0)
    came = times(250_000)
    assert trains.arrived(first - 2 & 0xFFFF, [99.0, 99.1, *came[:3]], 1.2) is None
    assert trains.arrived(first + 3, came[3:], 1.3) == pytest.approx(250_000)
    assert trains.arrived(first, came, 1.4) is None  # it counts once


def test_numbers_wrap() -> None:
    trains = PacketTrains()
    for n in range(20_000):
        first = trains.send(float(n))
        assert trains.arrived(first & 0xFFFF, times(300_000), n + 0.1) == pytest.approx(300_000)


def test_lost_packets_do_not_count_and_of_few_nothing_is_told() -> None:
    trains = PacketTrains()
    came = times(200_000)
    came[2] = None
    assert trains.arrived(trains.send(1.0), came, 1.2) == pytest.approx(200_000 / 1.3)
    for lost in (0, 1, 3):
        came[lost] = None
    assert trains.arrived(trains.send(2.0), came, 2.2) is None


@pytest.mark.parametrize("place", [0, PACKETS - 1])
def test_a_packet_that_is_late_at_an_end_moves_the_rate_little(place: int) -> None:
    """A machine that does other things makes packets late one by one, by a millisecond."""
    trains = PacketTrains()
    came = times(500_000)
    came[place] = (came[place] or 0.0) + 0.001
    told = trains.arrived(trains.send(1.0), came, 1.2)
    assert told == pytest.approx(500_000, rel=0.06)  # by the ends alone it would be off by 7 %


@pytest.mark.parametrize("read", [(2, 2, 2, 3, 4, 5), (0, 1, 4, 4, 4, 5), (0, 3, 3, 3, 5, 5)])
def test_of_packets_that_a_busy_receiver_reads_at_once_the_last_one_counts_if_another_one_comes_later(
    read: tuple[int, ...],
) -> None:
    trains, came = PacketTrains(), times(500_000)
    assert trains.arrived(trains.send(1.0), [came[n] for n in read], 1.2) == pytest.approx(500_000)


@pytest.mark.parametrize(
    "read", [(5, 5, 5, 5, 5, 5), (0, 0, 5, 5, 5, 5), (0, 0, 0, 0, 0, 5), (0, 1, 5, 5, 5, 5)]
)
def test_a_train_of_which_too_little_was_read_in_time_says_no_rate(read: tuple[int, ...]) -> None:
    """Else one whose last packet alone waited to be read would make a line narrow."""
    trains, came = PacketTrains(), times(500_000)
    assert trains.arrived(trains.send(1.0), [came[n] for n in read], 1.2) == math.inf


@pytest.mark.parametrize("busy", [0.0, 0.02])
def test_a_train_that_is_read_at_once_came_no_slower_than_the_fastest_packet_and_so_much_later(
    busy: float,
) -> None:
    trains, came = PacketTrains(), times(500_000)
    trains.arrived(trains.send(1.0), came, 1.2)
    read_at = 100.5 + (came[-1] or 0.0) - 100.0 + busy
    trains.arrived(trains.send(1.5), [read_at] * PACKETS, 1.7)
    alone = (OCTETS + HEADER_OCTETS) * 8
    assert trains.least == pytest.approx(5 * alone / (5 * alone / 500_000 + busy))


@pytest.mark.parametrize(
    ("read", "gaps", "took"),
    [((0, 3, 3, 3, 5, 5), 4, 5), ((1, 1, 4, 4, 4, 5), 3, 4), ((0, 0, 0, 0, 0, 5), 0, 5)],
)
def test_what_was_not_read_with_the_first_packet_came_after_it(
    read: tuple[int, ...], gaps: int, took: int
) -> None:
    """Also of the first train of all, and behind a queue: both say nothing by how late they come."""
    trains, came = PacketTrains(), times(500_000)
    trains.arrived(trains.send(1.0), [came[n] for n in read], 1.2)
    assert trains.least == pytest.approx(500_000 * gaps / took)


def test_the_first_train_of_all_says_nothing_if_it_is_read_at_once() -> None:
    trains = PacketTrains()
    trains.arrived(trains.send(1.0), [100.0] * PACKETS, 1.2)
    assert trains.least == 0.0


def test_a_train_says_that_a_line_is_wide_if_it_comes_as_soon_as_the_fastest_packet() -> None:
    trains = PacketTrains()
    for at in (1.0, 1.5):
        assert trains.arrived(trains.send(at), [99.0 + at] * PACKETS, at + 0.2) == math.inf
    assert trains.least == math.inf


def test_it_says_of_which_train_it_told() -> None:
    trains = PacketTrains()
    first, second = trains.send(1.0), trains.send(1.3)
    assert trains.told_of == -math.inf
    trains.arrived(first, times(200_000), 1.4)
    assert trains.told_of == 1.0
    trains.arrived(second, times(200_000), 1.7)
    assert trains.told_of == 1.3


def test_what_comes_too_late_says_nothing_of_now() -> None:
    trains = PacketTrains()
    assert trains.arrived(trains.send(1.0), times(200_000), 2.1) is None


def test_one_whose_last_packets_were_dropped_is_judged_by_the_others_a_moment_later() -> None:
    trains = PacketTrains()
    came = [*times(200_000)[:4], None, None]
    assert trains.arrived(trains.send(1.0), came, 1.2) is None
    assert trains.cut_short(1.3) is None
    assert trains.cut_short(1.4) == pytest.approx(200_000)
    assert trains.cut_short(1.7) is None


@pytest.mark.parametrize("apart", [0.0, 0.0003])
def test_packets_that_come_at_once_say_that_the_line_is_wide_and_not_how_wide(apart: float) -> None:
    trains = PacketTrains()
    came = [100.0 + n * apart for n in range(PACKETS)]
    assert trains.arrived(trains.send(1.0), came, 1.1) == math.inf


def test_a_clock_that_wraps_in_between_tells_nothing() -> None:
    trains = PacketTrains()
    came = [1_073_741.8, 1_073_741.81, 1_073_741.82, 0.01, 0.02, 0.03]
    assert trains.arrived(trains.send(1.0), came, 1.1) is None


def test_who_never_answers_gets_fewer_and_smaller_ones() -> None:
    trains, now, sent = PacketTrains(), 0.0, 0
    while now < 60.0:
        now += 0.1
        if trains.is_due(now):
            trains.send(now)
            sent += 1
    assert sent < 18
    assert trains.octets == FEW_OCTETS


def test_word_that_comes_after_a_rest_is_old() -> None:
    trains = PacketTrains()
    came = [*times(200_000)[:4], None, None]
    assert trains.arrived(trains.send(1.0), came, 1.2) is None
    assert trains.cut_short(60.0) is None


def test_the_narrower_the_line_the_rarer_they_are() -> None:
    trains = PacketTrains()
    assert trains.is_due(0.0)
    trains.arrived(trains.send(1.0), times(5_000_000), 1.05)
    assert not trains.is_due(1.3)
    assert trains.is_due(1.45)
    trains.arrived(trains.send(2.0), times(65_000), 2.2)
    assert not trains.is_due(3.0)
    assert trains.is_due(4.0)


def test_however_slow_one_was_the_next_is_due_within_two_seconds() -> None:
    """A receiver may claim anything, and a line that hung is soon well again."""
    trains = PacketTrains()
    assert trains.arrived(trains.send(1.0), times(9_000), 1.9) == pytest.approx(9_000)
    assert trains.is_due(3.0)


def test_on_a_line_for_sound_alone_they_are_small_and_one_that_tells_more_is_repeated_in_full() -> None:
    trains = PacketTrains()
    assert trains.arrived(trains.send(1.0), times(65_000), 1.2) == pytest.approx(65_000)
    assert trains.octets == FEW_OCTETS
    assert trains.arrived(trains.send(3.0), times(65_000, FEW_OCTETS), 3.1) == pytest.approx(65_000)
    assert trains.arrived(trains.send(5.0), times(2 * NARROW, FEW_OCTETS), 5.1) is None
    assert trains.octets == OCTETS
    assert trains.is_due(5.11)
    assert trains.arrived(trains.send(5.11), times(2 * NARROW), 5.2) == pytest.approx(2 * NARROW)


def test_one_without_an_answer_is_given_up() -> None:
    trains = PacketTrains()
    trains.send(1.0)
    assert not trains.is_due(1.4)
    assert trains.is_due(1.5)


def test_while_there_is_no_picture_the_next_does_not_wait_for_an_answer_and_both_count() -> None:
    trains = PacketTrains()
    first = trains.send(1.0)
    assert trains.is_due(1.41, urgent=True)
    second = trains.send(1.41)
    assert trains.arrived(first, times(200_000), 1.45) == pytest.approx(200_000)
    assert trains.arrived(second, times(180_000), 1.5) == pytest.approx(180_000)


def test_a_line_that_stood_still_in_the_middle_is_asked_once_more() -> None:
    trains = PacketTrains()
    stood = [time and time + 0.14 * (n > 2) for n, time in enumerate(times(500_000))]
    assert trains.arrived(trains.send(1.0), stood, 1.3) is None
    assert trains.once_more
    assert trains.is_due(1.3)
    assert trains.arrived(trains.send(1.3), times(500_000), 1.4) == pytest.approx(500_000)
    assert not trains.once_more
    assert trains.arrived(trains.send(2.0), stood, 2.3) is None
    again = trains.arrived(trains.send(2.3), stood, 2.5)
    assert again is not None  # such is the line
    assert again < 50_000


def test_padding_of_a_probe_tells_its_losses_and_is_no_train() -> None:
    trains = PacketTrains()
    first = trains.number(30, 1.0)
    came: list[float | None] = [None if n % 3 else 1.0 for n in range(30)]
    assert trains.arrived(first, came, 1.1) is None
    loss = trains.lost(first, came)
    assert loss is not None
    assert loss.share == pytest.approx(2 / 3)
    assert (loss.begin, loss.end) == (1.0, 1.0)
    assert 0 < loss.certain < loss.share
    assert trains.lost(first, came) is None  # it counts once


def test_of_little_padding_nothing_is_told_and_what_nobody_tells_of_is_forgotten() -> None:
    trains = PacketTrains()
    assert trains.lost(trains.number(19, 1.0), [None] * 19) is None
    for n in range(200):
        trains.number(40, float(n))
    assert len(trains._padding._sent) <= 512
    trains.number(10, 1.0)
    assert trains.lost(0, [None] * 40) is None


TIMES = st.lists(st.none() | st.floats(0, 2e6), max_size=64)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), TIMES), max_size=20))
def test_of_trains_that_nobody_sent_nothing_is_told(words: list[tuple[int, list[float | None]]]) -> None:
    trains = PacketTrains()
    for n, (first, times) in enumerate(words):
        assert trains.arrived(first, times, n / 10) is None
        assert trains.lost(first, times) is None
        assert trains.cut_short(n / 10) is None


@given(TIMES, st.integers(-8, 8))
def test_whatever_times_are_told_the_rate_is_a_rate(times: list[float | None], before: int) -> None:
    trains = PacketTrains()
    trains.send(0.5)
    rate = trains.arrived(trains.send(1.0) + before & 0xFFFF, times, 1.1) or trains.cut_short(1.3)
    assert rate is None or rate > 0
