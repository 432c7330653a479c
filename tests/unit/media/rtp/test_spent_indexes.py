"""The spent indexes of a stream: none is spent twice, and those that may still be spent are."""

from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import REORDER_PACKETS
from media.rtp.spent_indexes import INDEXES, SpentIndexes


def spends(indexes: SpentIndexes, first: int, count: int = 1) -> bool:
    return indexes.spend(first, first + count)


def spent(*runs: tuple[int, int]) -> SpentIndexes:
    indexes = SpentIndexes()
    for first, count in runs:
        assert spends(indexes, first, count)
    return indexes


def test_what_was_left_out_is_spent_once() -> None:
    indexes = spent((100, 1), (110, 1), (104, 2))
    assert not spends(indexes, 104, 1)
    assert not spends(indexes, 103, 2)
    assert not spends(indexes, 100, 2)
    assert not spends(indexes, 109, 2)
    assert [n for n in range(98, 112) if n in indexes] == [100, 104, 105, 110]
    assert spends(indexes, 101, 3)
    assert spends(indexes, 106, 4)
    assert all(n in indexes for n in range(100, 111))
    assert indexes._gaps == [(0, 100)]


def test_what_is_left_out_too_long_counts_as_spent() -> None:
    last = 1 + REORDER_PACKETS
    indexes = spent((0, 1), (last, 1))
    assert spends(indexes, 2, 1)
    indexes = spent((0, 1), (last + 1, 1))
    assert not spends(indexes, 1, 1)
    assert spends(indexes, 2, 1)


def test_the_last_index_is_the_last() -> None:
    """Beyond it, the index would run into the SSRC of the nonce (RFC 7714 8.1)."""
    assert not spends(spent((INDEXES - 2, 2)), INDEXES, 1)
    assert not spends(spent((INDEXES - 2, 1)), INDEXES - 1, 2)
    assert not spends(SpentIndexes(), -1, 1)


def test_what_is_remembered_is_bounded() -> None:
    indexes = SpentIndexes()
    for index in range(0, 10 * REORDER_PACKETS, 2):
        assert spends(indexes, index, 1)
    assert len(indexes._gaps) <= REORDER_PACKETS // 2 + 1


FAR = st.sampled_from((-1024, -1023, 500, 0x7FFF))


@given(
    st.sampled_from((0, 3, 0x10000 - 20, 1 << 33)),
    st.lists(st.tuples(st.integers(-30, 30) | FAR, st.integers(1, 8))),
)
def test_no_index_is_ever_spent_twice(start: int, runs: list[tuple[int, int]]) -> None:
    """Against a set that forgets nothing."""
    indexes, all_spent = SpentIndexes(), set[int]()
    for step, count in runs:
        newest = max(all_spent, default=start)
        first = newest + step
        run = set(range(first, first + count))
        may_be_spent = run.isdisjoint(all_spent) and first >= 0
        in_time = first > newest - REORDER_PACKETS
        is_spent = spends(indexes, first, count)
        assert may_be_spent or not is_spent
        assert is_spent or not (may_be_spent and in_time)
        if is_spent:
            all_spent |= run
    assert all(index in indexes for index in all_spent)


def test_a_gap_is_forgotten_when_all_of_it_is_too_old() -> None:
    """Each packet of the two ends a gap of one: the first gap's only index is 1."""
    indexes = spent((0, 1), (2, 1))
    newest = 1 + REORDER_PACKETS  # then index 1 is as far behind as an index may be
    assert not spends(spent((0, 1), (2, 1), (newest + 1, 1)), 1)
    assert spends(indexes, newest, 1)
    assert spends(indexes, 1)
