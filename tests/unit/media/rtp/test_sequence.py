"""Sequence numbers unwrap and translate over the wrap from any start, and no index is given twice."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import (
    MOST_BACK,
    REORDER_PACKETS,
    WRAP_GUARD,
    SequenceTranslator,
    before_wrap,
    behind_guard,
    signed,
)
from tests.support.sequence_unwrapper import SequenceUnwrapper

SEQUENCES = st.integers(0, 0xFFFF)
TIMESTAMPS = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("received", "indices"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([65534, 65535, 0, 1], [65534, 65535, 65536, 65537]),
        ([65535, 1, 0, 2], [65535, 65537, 65536, 65538]),  # reordered over the wrap
        ([0, 65535, 1], [0, -1, 1]),  # sent before the first
        ([1, 65535, 65534], [1, -1, -2]),
        ([10, 10, 10], [10, 10, 10]),
        ([0, 0x7FFF], [0, 0x7FFF]),  # the furthest ahead
        ([0x8000, 0], [0x8000, 0]),  # the furthest behind
        ([65535, 0, 65535, 0], [65535, 65536, 65535, 65536]),
    ],
)
def test_unwrapping_table(received: list[int], indices: list[int]) -> None:
    unwrapper = SequenceUnwrapper(received[0])
    assert [unwrapper.unwrap(sequence) for sequence in received] == indices


def translator(index: int, timestamp: int, first: int, first_timestamp: int) -> SequenceTranslator:
    made = SequenceTranslator(index, timestamp)
    made.rebase(first, first_timestamp, 0)
    return made


def placed(stream: SequenceTranslator, sequence: int, timestamp: int) -> tuple[int, int] | None:
    """Index and timestamp of one packet in the room."""
    found = stream.translate(sequence, (timestamp,))
    return None if found is None else (found[0], timestamp + found[1] & 0xFFFFFFFF)


@given(SEQUENCES, SEQUENCES, st.integers(0, 2**32))
def test_reordered_and_lost_packets_keep_their_places(first: int, index: int, seed: int) -> None:
    stream = translator(index, 0, first, 0)
    rng = random.Random(seed)
    order = [n for n in range(1, 500) if rng.random() > 0.1]
    order = [0, *sorted(order, key=lambda n: n + rng.uniform(0, 40))]
    for n in order:
        assert placed(stream, first + n & 0xFFFF, n) == (index + n, n)
        assert placed(stream, first + n & 0xFFFF, n) is None  # a duplicate


@given(SEQUENCES, TIMESTAMPS, st.integers(0, 2**40))
def test_another_sender_of_the_same_stream_gives_only_what_had_not_come(
    sequence: int, timestamp: int, index: int
) -> None:
    stream = translator(index, 5, 1, 50)
    for n in (0, 1, 2, 4, 5):  # the fourth is lost
        placed(stream, 1 + n, 50 + n)
    stream.rejoin(sequence, timestamp, index, 5)
    again = [placed(stream, sequence + n & 0xFFFF, timestamp + n & 0xFFFFFFFF) for n in range(8)]
    assert again == [None, None, None, (index + 3, 8), None, None, (index + 6, 11), (index + 7, 12)]


@pytest.mark.parametrize(("ahead", "index"), [(0x7FFF, 0x7FFF), (0x8000, None)])
def test_from_half_the_range_ahead_a_packet_counts_as_late(ahead: int, index: int | None) -> None:
    stream = translator(0, 0, 0, 0)
    placed(stream, 0, 0)
    place = stream.translate(ahead, [0])
    assert (place and place[0]) == index


@given(
    st.integers(0, 2**40),
    TIMESTAMPS,
    st.lists(st.tuples(SEQUENCES, TIMESTAMPS, st.integers(0, 90_000), st.integers(1, 50)), max_size=20),
)
def test_sources_follow_one_another_without_a_break(
    index: int, timestamp: int, sources: list[tuple[int, int, int, int]]
) -> None:
    stream = SequenceTranslator(index, timestamp)
    last_timestamp = timestamp
    for sequence, first_timestamp, elapsed, packets in sources:
        stream.rebase(sequence, first_timestamp, elapsed)
        for n in range(packets):
            place = placed(stream, sequence + n & 0xFFFF, first_timestamp + 10 * n & 0xFFFFFFFF)
            assert place == (index, last_timestamp + elapsed + 10 * n & 0xFFFFFFFF)
            assert stream.translate_timestamp(first_timestamp + 10 * n & 0xFFFFFFFF) == place[1]
            index += 1
        last_timestamp = last_timestamp + elapsed + 10 * (packets - 1) & 0xFFFFFFFF


def test_what_was_lost_of_one_source_is_not_the_next_one_s() -> None:
    stream = translator(10, 0, first=1, first_timestamp=0)
    assert [placed(stream, sequence, 0) is not None for sequence in (1, 4)] == [True, True]
    stream.rebase(500, 0, 0)
    assert [stream.translate(sequence, [0]) for sequence in (499, 498, 497, 496)] == [None] * 4
    assert stream.translate(500, [0]) == (14, 0)


@pytest.mark.parametrize("hours", [1, 8, 12])
def test_a_source_goes_on_after_a_night(hours: int) -> None:
    stream = translator(0, 77, 0, 0)
    placed(stream, 0, 3000)
    elapsed = hours * 3600 * 90_000
    stream.rebase(500, 5, elapsed)
    assert placed(stream, 500, 5) == (1, 77 + 3000 + elapsed & 0xFFFFFFFF)
    assert stream.latest_timestamp == 77 + 3000 + elapsed & 0xFFFFFFFF


@pytest.mark.parametrize("hours", [6.7, 10, 13.2])  # half of the range is 6.6 h, all of it 13.3 h
def test_one_source_goes_on_after_a_night(hours: float) -> None:
    stream = translator(0, 77, 0, 0)
    placed(stream, 0, 3000)
    timestamp = 3000 + round(hours * 3600 * 90_000)
    placed(stream, 2, timestamp & 0xFFFFFFFF)
    assert stream.latest_timestamp == 77 + timestamp & 0xFFFFFFFF
    placed(stream, 1, timestamp - MOST_BACK - 1 & 0xFFFFFFFF)  # a late one
    assert stream.latest_timestamp == 77 + timestamp & 0xFFFFFFFF


@pytest.mark.parametrize(("base", "latest"), [(0, 6000), (0, 3000 + 0x7FFFFFFF), (0xFFFFF000, 6000)])
def test_a_source_continues_after_the_latest_timestamp_not_the_last(base: int, latest: int) -> None:
    stream = translator(0, base, 0, 0)
    placed(stream, 0, 3000)
    placed(stream, 1, latest)
    for sequence, before in ((2, 3000), (3, MOST_BACK)):  # shown before the packet sent before it
        placed(stream, sequence, latest - before & 0xFFFFFFFF)
    stream.rebase(500, 77, 1000)
    assert placed(stream, 500, 77) == (4, base + latest + 1000 & 0xFFFFFFFF)


@given(
    st.lists(
        st.one_of(
            st.tuples(SEQUENCES, TIMESTAMPS),
            st.tuples(SEQUENCES, TIMESTAMPS, st.integers(0, 2**32)),  # another source
        ),
        max_size=300,
    ),
    st.integers(0, 2**40),
)
def test_no_index_is_given_twice_whatever_arrives(events: list[tuple[int, ...]], index: int) -> None:
    stream = SequenceTranslator(index, 0)
    given_out = set()
    for event in events:
        if len(event) == 3:
            stream.rebase(*event)
            continue
        place = placed(stream, event[0], event[1])
        if place is not None:
            assert place[0] not in given_out
            assert place[0] >= index
            given_out.add(place[0])


@given(SEQUENCES, st.lists(st.integers(0, 3), max_size=20), st.lists(TIMESTAMPS, min_size=1, max_size=20))
def test_a_run_is_translated_as_its_packets(first: int, gaps: list[int], timestamps: list[int]) -> None:
    one, other = SequenceTranslator(7, 99), SequenceTranslator(7, 99)
    sequence = first
    for translator in (one, other):
        sequence = first
        translator.rebase(first, 0, 90)
        for gap in gaps:  # some are missing before the run
            placed(translator, sequence, 0)
            sequence = sequence + 1 + gap & 0xFFFF
    sequence = one.expected
    found = one.translate(sequence, timestamps)
    assert found is not None
    index, shift = found
    singly = [placed(other, sequence + n & 0xFFFF, time) for n, time in enumerate(timestamps)]
    assert [(index + n, time + shift & 0xFFFFFFFF) for n, time in enumerate(timestamps)] == singly
    for slot in SequenceTranslator.__slots__:
        assert getattr(one, slot) == getattr(other, slot)


def test_what_was_left_out_before_a_leap_is_too_old_and_what_the_leap_left_out_is_not() -> None:
    translated = translator(index=100, timestamp=0, first=0, first_timestamp=0)
    leap = REORDER_PACKETS + 50
    for sequence in (0, leap, leap + 1):  # the last one follows without a gap
        assert translated.translate(sequence, [0]) is not None
    assert translated.translate(leap + 1 - REORDER_PACKETS, [0]) is None
    oldest = leap + 2 - REORDER_PACKETS
    assert translated.translate(oldest, [0]) is not None
    assert translated.translate(oldest, [0]) is None


@pytest.mark.parametrize(
    ("bits", "difference", "ahead"),
    [
        *((32, 0, 0), (32, 0x7FFFFFFF, 0x7FFFFFFF), (32, 0x80000000, -0x80000000), (32, -1, -1)),
        *((32, 1 - (1 << 32), 1), (7, 63, 63), (7, 64, -64), (7, 127, -1), (7, -65, 63)),
    ],
)
def test_how_far_a_number_is_ahead_over_the_wrap(bits: int, difference: int, ahead: int) -> None:
    assert signed(difference, bits) == ahead
    assert bits != 32 or signed(difference) == ahead


@pytest.mark.parametrize(
    ("index", "left"), [(0, 0x10000), (0xFFFF, 1), (0x10000, 0x10000), (0x10001, 0xFFFF)]
)
def test_how_many_are_left_before_the_wrap(index: int, left: int) -> None:
    assert before_wrap(index) == left


def test_nobody_starts_within_the_guard_before_a_wrap() -> None:
    last = 0x10000 - WRAP_GUARD - 1
    assert [behind_guard(index) for index in (0, last, last + 1, 0xFFFF, 0x10000)] == [
        *(0, last, 0x10000, 0x10000, 0x10000)
    ]
