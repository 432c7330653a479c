"""A viewer that is behind catches up with the live edge: paced, without a gap, within a limited time."""

from collections import deque

import pytest

from media.rtp.run import Run
from media.switch.join_burst import (
    MAX_STEP_SECONDS,
    MIN_BITRATE,
    MIN_STEP_SECONDS,
    MOST_SECONDS,
    SPEED,
    START_BYTES,
    STEP_BYTES,
    JoinBurst,
)
from media.switch.rendition import PACKET_OVERHEAD
from media.switch.run_queue import split
from tests.support.runs import indexes, sized

SIZE = 1000


def packets(first: int, last: int, each: int = 1) -> list[Run]:
    """Runs of so many packets, of which the last may be shorter."""
    return [sized(n, *[SIZE] * min(each, last - n)) for n in range(first, last, each)]


def begun(count: int, now: float = 0.0, bitrate: float = 2_000_000, each: int = 1) -> JoinBurst:
    burst = JoinBurst(0)
    burst.begin(packets(0, count, each), bitrate, now)
    return burst


def test_nothing_is_sent_before_the_burst_begins() -> None:
    burst = JoinBurst(0)
    burst.add(sized(7, SIZE))
    assert not burst.begun
    assert not burst.caught_up
    assert indexes(burst.take(1.0)) == []
    burst.begin(packets(8, 10), 1e6, 2.0)
    assert burst.next_index == 8
    assert indexes(burst.take(2.0)) == [8, 9]


@pytest.mark.parametrize("seconds", [0.5, 4.0, 12.0])
@pytest.mark.parametrize("each", [1, 10])
def test_a_viewer_runs_through_to_the_live_edge_without_a_gap(seconds: float, each: int) -> None:
    interval = 0.004  # 2 Mbit/s
    held = round(seconds / interval)
    burst = begun(held, each=each)
    taken: list[int] = []
    now = 0.0
    while not burst.caught_up:
        taken += indexes(burst.take(now))
        assert burst.next_index == len(taken)
        now += interval
        if not burst.caught_up:
            burst.add(sized(held, SIZE))
            held += 1
    assert taken == list(range(held))
    assert now < min(seconds / (SPEED - 1), MOST_SECONDS) + 0.1


@pytest.mark.parametrize("each", [1, 7, 64])
def test_the_first_packets_go_at_once(each: int) -> None:
    assert len(indexes(begun(100, each=each).take(0.0))) == START_BYTES // SIZE + 1
    burst = JoinBurst(0)
    burst.begin([sized(n, *[1024] * each) for n in range(0, 100, each)], 1e6, 0.0)
    assert len(indexes(burst.take(0.0))) == START_BYTES // 1024


@pytest.mark.parametrize("bitrate", [100_000, 2_600_000, 4_000_000, 8_000_000])
def test_steps_are_as_few_as_buffers_allow(bitrate: float) -> None:
    burst = begun(1000, bitrate=bitrate)
    indexes(burst.take(0.0))
    taken = len(indexes(burst.take(burst.pause))) * SIZE
    assert MIN_STEP_SECONDS <= burst.pause <= MAX_STEP_SECONDS
    if burst.pause > MIN_STEP_SECONDS:
        assert taken <= STEP_BYTES + SIZE
    if burst.pause < MAX_STEP_SECONDS:
        assert taken >= STEP_BYTES - SIZE


@pytest.mark.parametrize("bitrate", [400_000, 16_000_000])
def test_the_pace_is_a_multiple_of_the_streams(bitrate: float) -> None:
    burst = begun(2000, 100.0, bitrate)
    rate = max(SPEED * bitrate, MIN_BITRATE)
    sent = sum(len(indexes(burst.take(100.0 + n / 200))) for n in range(21)) * SIZE
    assert sent == pytest.approx(START_BYTES + rate / 8 * 0.1, rel=0.02, abs=SIZE)


def test_on_a_line_whose_rate_is_known_the_overhead_of_packets_counts() -> None:
    burst = JoinBurst(0)
    burst.begin_at(0, 400_000.0, 0.0)
    assert burst.late == 0.0
    for n in range(0, 300, 2):
        burst.add(sized(n, 100, 100))
    assert burst.late == 300 * (100 + PACKET_OVERHEAD) * 8 / 400_000
    indexes(burst.take(0.0))
    taken = sum(len(indexes(burst.take(n / 100))) for n in range(1, 51))
    assert taken * (100 + PACKET_OVERHEAD) * 8 == pytest.approx(400_000 * 0.5, rel=0.02)


def test_a_burst_does_not_catch_up_after_a_pause() -> None:
    burst = begun(1000, 10.0, 1e6)
    assert len(indexes(burst.take(12.0))) * SIZE <= START_BYTES + SIZE + MIN_BITRATE / 8 * 0.05


def test_it_ends_even_when_the_stream_has_become_faster_than_its_pace() -> None:
    burst = begun(1000, 0.0, 100_000)
    index = 1000
    now = 0.0
    while not burst.caught_up and now < 2 * MOST_SECONDS:
        indexes(burst.take(now))
        now += 0.010
        if not burst.caught_up:
            for _ in range(20):  # 16 Mbit/s
                burst.add(sized(index, SIZE))
                index += 1
    assert now < MOST_SECONDS + 0.2


@pytest.mark.parametrize(
    ("credit", "taken", "cost"),
    [
        (0.0, [5], 110),
        (110.0, [5], 110),
        (111.0, [5, 6], 320),
        (320.0, [5, 6], 320),
        (321.0, [5, 6, 7], 630),
        (630.0, [5, 6, 7], 630),
    ],
)
def test_a_run_is_cut_where_the_credit_ends(credit: float, taken: list[int], cost: int) -> None:
    pending = deque([sized(5, 100, 200, 300), sized(8, 100)])
    run, octets = split(pending, credit, 10)
    assert (indexes([run]), octets) == (taken, cost)
    assert [*taken, *indexes(pending)] == [5, 6, 7, 8]


def test_a_late_packet_gets_its_place() -> None:
    burst = begun(20)
    first = indexes(burst.take(0.0))
    for late in (23, 22, 24, 20, 21):
        burst.add(sized(late, SIZE))
    assert first + indexes(burst.take(1.0)) == list(range(25))


def test_lost_packets_are_skipped() -> None:
    burst = JoinBurst(0)
    burst.begin([sized(0, SIZE, SIZE, SIZE), sized(5, SIZE, SIZE)], 1e6, 0.0)
    assert indexes(burst.take(0.0)) == [0, 1, 2, 5, 6]
    assert burst.caught_up


def test_on_a_line_of_known_rate_all_packets_go_at_that_rate_one_by_one() -> None:
    """A line may have no queue for two: the live edge is no reason to send more at once."""
    rate = 400_000.0  # 50 packets a second
    burst = JoinBurst(0)
    burst.begin_at(10, rate, 0.0)
    taken: list[int] = []
    now = 0.0
    for index in range(10, 40):  # a keyframe of 30 packets, which come twice as fast
        burst.add(sized(index, SIZE))
        now += 0.01
        at_once = indexes(burst.take(now))
        assert len(at_once) <= 1
        taken += at_once
    assert len(taken) < 20
    while not burst.is_empty:
        now += 0.01
        taken += indexes(burst.take(now))
    assert taken == list(range(10, 40))
    assert now == pytest.approx(30 * SIZE * 8 / rate, abs=0.05)
    assert not burst.caught_up
    burst.pace(0.0)
    assert burst.caught_up


def test_what_needs_more_than_the_rate_is_a_second_behind_and_no_more() -> None:
    burst = JoinBurst(0)
    burst.begin_at(0, 100_000.0, 0.0)
    now = 0.0
    for index in range(1000):
        burst.add(sized(index, SIZE))
        now += 0.01  # 800 kbit/s
        indexes(burst.take(now))
        assert index - burst.next_index <= 100


def test_what_something_else_took_is_owed() -> None:
    burst = JoinBurst(0)
    burst.begin_at(0, 400_000.0, 100.0)
    for spent, owes in ((1, False), (1, True), (998, True)):
        burst.spend(spent)
        assert burst.owes(100.0) is owes
    assert [burst.owes(at) for at in (100.019, 100.02)] == [True, False]
    burst.add(sized(0, SIZE))
    assert not indexes(burst.take(100.01))
    assert indexes(burst.take(100.025)) == [0]


def test_what_is_not_paced_any_more_catches_up_in_a_few_seconds_and_not_at_once() -> None:
    burst = JoinBurst(0)
    burst.begin_at(0, 100_000.0, 100.0)
    for index in range(90):
        burst.add(sized(index, SIZE))
    burst.pace(0.0)
    assert len(indexes(burst.take(100.01))) == 1
    assert [burst.may_wait(100.0 + seconds) for seconds in (0.0, MOST_SECONDS)] == [True, False]
    indexes(burst.take(100.0 + MOST_SECONDS))
    assert burst.caught_up


def test_what_was_before_its_first_packet_is_none_of_its_own() -> None:
    burst = JoinBurst(0)
    burst.begin_at(10, 400_000.0, 0.0)
    burst.add(sized(9, SIZE))
    assert burst.is_empty
    burst.add(sized(8, SIZE, SIZE, SIZE))
    assert indexes(burst.take(0.0)) == [10]
