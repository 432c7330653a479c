"""What is lost is asked for, once a round trip and not for ever; what is only late is not."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import REORDER_PACKETS
from media.tracks.nack_generator import (
    MAX_AGE_SECONDS,
    MAX_MISSING,
    MAX_TRIES,
    MISSING_PER_SECOND,
    REORDER_SECONDS,
    NackGenerator,
    Seen,
)

SEQUENCES = st.integers(0, 0xFFFF)
STARTS = [0, 1, 100, 32767, 32768, 65000, 65437, *range(65527, 65536)]
SPACING = 0.001


def feed(generator: NackGenerator, first: int, arrivals: list[int]) -> float:
    """Receive packets `first + n`, a millisecond apart; returns when the last came."""
    now = 0.0
    for n in arrivals:
        generator.received(first + n & 0xFFFF, now)
        now += SPACING
    return now - SPACING


@given(SEQUENCES, st.integers(0, 2**32))
def test_what_comes_within_the_tolerance_is_not_asked_for(first: int, seed: int) -> None:
    rng = random.Random(seed)
    arrivals = sorted((n * SPACING + rng.uniform(0, REORDER_SECONDS), n) for n in range(1, 300))
    generator = NackGenerator()
    generator.received(first, 0.0)
    for now, n in arrivals:
        generator.received(first + n & 0xFFFF, now)
        assert generator.due(now) == []
    assert generator.next_due() is None


@pytest.mark.parametrize("first", STARTS)
def test_a_gap_is_asked_for_after_the_tolerance(first: int) -> None:
    generator = NackGenerator()
    now = feed(generator, first, [*range(100), *range(103, 110), 111])
    due = generator.next_due()
    assert due == pytest.approx(0.100 + REORDER_SECONDS)
    assert generator.due(due - 0.0001) == []
    assert generator.due(due) == [first + n & 0xFFFF for n in (100, 101, 102)]
    assert generator.due(now + REORDER_SECONDS) == [first + 110 & 0xFFFF]


@pytest.mark.parametrize("first", STARTS)
def test_what_came_is_not_asked_for_again(first: int) -> None:
    generator = NackGenerator()
    feed(generator, first, [0, 3])
    assert generator.due(0.1) == [first + 1 & 0xFFFF, first + 2 & 0xFFFF]
    generator.received(first + 1 & 0xFFFF, 0.15)
    generator.received(first + 1 & 0xFFFF, 0.15)
    assert generator.due(0.5) == [first + 2 & 0xFFFF]
    generator.received(first + 2 & 0xFFFF, 0.6)
    assert generator.next_due() is None


@pytest.mark.parametrize("rtt", [0.001, 0.02, 0.1, 0.3])
def test_a_packet_that_never_comes_is_asked_for_once_a_round_trip_and_then_given_up(rtt: float) -> None:
    generator = NackGenerator(rtt)
    feed(generator, 65535, [0, 2])
    times = []
    while (now := generator.next_due()) is not None:
        times += [now] * (generator.due(now) == [0])
    assert times[0] == pytest.approx(SPACING + REORDER_SECONDS)
    assert all(later - earlier >= rtt for earlier, later in pairwise(times))
    assert times[-1] - times[0] < MAX_AGE_SECONDS
    assert len(times) == MAX_TRIES or times[-1] + 2 * rtt > MAX_AGE_SECONDS


def test_who_gives_one_up_asks_for_the_others() -> None:
    generator = NackGenerator()
    for sequence, now in ((0, 0.0), (2, 0.0), (4, MAX_AGE_SECONDS - REORDER_SECONDS)):
        generator.received(sequence, now)
    assert generator.due(MAX_AGE_SECONDS) == [3]


@pytest.mark.parametrize("rtt", [0.02, 0.05, 0.2, 0.45])
def test_the_round_trip_is_learned(rtt: float) -> None:
    generator = NackGenerator()
    now = 0.0
    for n in range(0, 300, 2):
        generator.received(n, now)
        generator.received(n + 2, now)
        now += REORDER_SECONDS
        asked_at = now
        assert generator.due(now) == [n + 1]
        while (due := generator.next_due()) is not None and due < asked_at + rtt:
            generator.due(due)
        now = asked_at + rtt
        generator.received(n + 1, now)
    assert generator.rtt == pytest.approx(rtt, rel=0.1)


def test_fast_answers_do_not_shorten_the_wait_below_a_floor() -> None:
    generator = NackGenerator()
    for n in range(0, 200, 2):
        generator.received(n, n)
        generator.received(n + 2, n)
        generator.due(n + 0.5)
        generator.received(n + 1, n + 0.5)
    assert generator.rtt >= 0.01


def test_only_the_newest_packets_can_be_missing() -> None:
    generator = NackGenerator()
    for sequence, now in ((0, 0.0), (301, 0.0), (602, 300 / MISSING_PER_SECOND)):
        generator.received(sequence, now)
    assert generator.due(0.5) == [*range(101, 301), *range(302, 602)]


@pytest.mark.parametrize("jump", [2, MAX_MISSING // 2, MAX_MISSING])
def test_of_numbers_that_jump_with_each_packet_no_more_are_noted_than_any_line_loses(jump: int) -> None:
    generator = NackGenerator()
    now, sequence, noted = 10.0, 0, 0
    generator.received(sequence, now)
    for _ in range(10_000):
        now += 0.0001
        sequence = sequence + 1 + jump & 0xFFFF
        generator.received(sequence, now)
        noted += jump * generator.is_missing(sequence - 1 & 0xFFFF)
    assert noted <= MAX_MISSING + MISSING_PER_SECOND + 1
    now += MAX_MISSING / MISSING_PER_SECOND
    generator.received(sequence + 1 + MAX_MISSING & 0xFFFF, now)  # a burst that was lost
    asked = generator.due(now + REORDER_SECONDS)
    assert asked[-MAX_MISSING:] == [sequence + 1 + n & 0xFFFF for n in range(MAX_MISSING)]


@pytest.mark.parametrize("jump", [MAX_MISSING + 1, 2000, 0x7FFF, 0x8000, 0x10000 - 2000])
@pytest.mark.parametrize("first", STARTS)
def test_a_large_jump_is_a_new_beginning(first: int, jump: int) -> None:
    generator = NackGenerator()
    feed(generator, first, [0, 2, jump + 3, jump + 5])
    assert generator.due(1.0) == [first + jump + 4 & 0xFFFF]


@pytest.mark.parametrize(
    ("ahead", "missing"),
    [(MAX_MISSING, MAX_MISSING), (MAX_MISSING + 1, 0), (-REORDER_PACKETS, 1), (-REORDER_PACKETS - 1, 0)],
)
def test_beyond_some_packets_ahead_or_behind_it_begins_anew(ahead: int, missing: int) -> None:
    generator = NackGenerator()
    feed(generator, 5000, [0, 2, 3 + ahead])
    assert len(generator.due(0.1)) == missing


def test_requests_are_gathered() -> None:
    generator = NackGenerator(rtt=0.01)
    asks = 0
    now = 0.0
    for n in range(0, 2000, 2):  # every second packet is lost
        generator.received(n & 0xFFFF, now)
        asks += bool(generator.due(now))
        now += SPACING
    assert asks <= now / 0.005 + 1


@given(st.lists(st.tuples(SEQUENCES, st.floats(0, 0.05)), max_size=300))
def test_whatever_arrives_it_stays_bounded_and_comes_to_an_end(events: list[tuple[int, float]]) -> None:
    generator = NackGenerator()
    now = 0.0
    for sequence, wait in events:
        now += wait
        generator.received(sequence, now)
        asked = generator.due(now)
        assert len(asked) <= MAX_MISSING
        assert len(set(asked)) == len(asked)
    for _ in range(2000):
        due = generator.next_due()
        if due is None:
            return
        now = max(now, due)
        generator.due(now)
    raise AssertionError("asks for ever")


@pytest.mark.parametrize("first", STARTS)
@given(seed=st.integers(0, 2**32))
def test_exactly_what_is_lost_is_asked_for(first: int, seed: int) -> None:
    rng = random.Random(seed)
    lost = {n for n in range(1, 399) if rng.random() < 0.1}
    generator = NackGenerator(rtt=10)  # so that each is asked for once
    now = 0.0
    asked = []
    for n in range(400):
        if n not in lost:
            generator.received(first + n & 0xFFFF, now)
        asked += generator.due(now)
        now += SPACING
    asked += generator.due(now + REORDER_SECONDS)
    assert asked == [first + n & 0xFFFF for n in sorted(lost)]


def test_it_says_what_each_arrival_means() -> None:
    generator = NackGenerator()
    assert generator.received(10, 0.0) is Seen.AFTER_GAP  # what was before it is not known
    assert generator.received(11, 0.0) is Seen.IN_ORDER
    assert generator.received(14, 0.0) is Seen.AFTER_GAP
    assert generator.is_missing(12)
    assert generator.received(12, 0.001) is Seen.LATE
    assert not generator.is_missing(12)
    assert generator.due(REORDER_SECONDS) == [13]
    assert generator.received(13, 0.1) is Seen.RECOVERED
    assert generator.received(13, 0.1) is Seen.LATE


def answered(rtt: float, tries: int, seconds: float) -> float:
    """The estimate after a packet that was asked for so often came so long after the first request."""
    generator = NackGenerator(rtt)
    generator.received(1, 0.0)
    generator.received(3, 0.0)
    now = REORDER_SECONDS
    for _ in range(tries):
        assert generator.due(now) == [2]
        now = generator.next_due() or 0.0
    assert generator.received(2, REORDER_SECONDS + seconds) is Seen.RECOVERED
    return generator.rtt


def test_of_several_requests_the_latest_may_have_been_answered() -> None:
    assert answered(0.010, 1, 0.019) == pytest.approx(0.010 + 0.009 / 8)
    assert answered(0.100, 2, 0.400) == pytest.approx(0.100 + 0.025 / 8)
    assert answered(0.100, 2, 0.110) == pytest.approx(0.100 + 0.010 / 8)
