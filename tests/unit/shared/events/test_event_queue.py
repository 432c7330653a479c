"""Where a receiver is in the stream, and what it has missed there."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.events.event_queue import Entry, Place

START = Place(0, "0-0")


def entry(number: int, id_: int | None = None) -> Entry:
    return Entry(f"{number if id_ is None else id_}-0", {"entry": str(number)})


def test_a_gap_is_what_was_trimmed() -> None:
    assert START.passed([entry(3), entry(4), entry(9)]) == (Place(9, "9-0"), 2 + 4)


def test_what_was_read_before_counts_for_nothing() -> None:
    assert Place(5, "5-0").passed([entry(2), entry(5), Entry("4-0", None)]) == (Place(5, "5-0"), 0)


def test_a_dead_letter_that_is_delivered_again_has_no_place() -> None:
    assert START.passed([entry(1), Entry("2-0", {"to": "group"}), entry(2, 3)]) == (Place(2, "3-0"), 0)


def test_numbers_that_begin_anew_are_followed() -> None:
    place, lost = Place(900, "900-0").passed([entry(1, 901), entry(2, 902), entry(4, 903)])
    assert (place, lost) == (Place(4, "903-0"), 1)


def test_ids_are_compared_as_numbers() -> None:
    assert Entry("10-0", None).is_after(Place(1, "9-0"))
    assert Entry("9-10", None).is_after(Place(1, "9-9"))
    assert not Entry("9-9", None).is_after(Place(1, "9-9"))


def test_an_entry_s_time_is_in_its_id() -> None:
    assert Entry("1700000000250-7", None).unix_time == 1_700_000_000.25


@given(st.sets(st.integers(1, 60)), st.lists(st.integers(1, 10)))
def test_each_entry_is_read_or_counted(kept: set[int], sizes: Sequence[int]) -> None:
    """However the reads are cut, and though each is repeated."""
    left, place, lost = sorted(kept | {61}), START, 0
    for size in [*sizes, len(left)]:
        some, left = left[:size], left[size:]
        for _ in range(2):
            place, more = place.passed([entry(number) for number in some])
            lost += more
    assert lost + len(kept) == 60
