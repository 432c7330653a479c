"""Where a receiver is in the stream, and what it has missed there."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from shared.events.event_queue import NEW, Entry, EventQueue, NoGroupError, Place

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


def queue_that(command: str, answer: Any) -> EventQueue:
    """A queue whose Redis answers this command so."""

    async def answered(*_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    redis: Any = SimpleNamespace(**{command: answered})
    return EventQueue(redis)


READ = [(b"1-0", {b"a": b"b"}), (b"2-0", None)]


@pytest.mark.parametrize("found", [[[b"outbox", READ]], {b"outbox": [READ]}, {b"outbox": READ}, [], None, {}])
async def test_entries_are_read_by_either_protocol_of_redis(found: Any) -> None:
    read = await queue_that("xreadgroup", found).read("group", NEW, 10)
    assert read == ([Entry("1-0", {"a": "b"}), Entry("2-0", None)] if found else [])


@pytest.mark.parametrize(
    ("said", "error"), [("NOGROUP No such key", NoGroupError), ("WRONGTYPE Operation", ResponseError)]
)
async def test_a_redis_that_has_no_group_is_told_from_other_errors(said: str, error: type) -> None:
    with pytest.raises(error):
        await queue_that("xreadgroup", ResponseError(said)).read("group", NEW, 10)


@pytest.mark.parametrize("kept", [None, b"", b"7", b"7 x", b"x 1-0", b"7 1-0 ", b"-1 1-0"])
async def test_what_is_no_place_is_a_group_that_is_not_known(kept: bytes | None) -> None:
    assert await queue_that("hget", b"7 1-0").last_read("group") == Place(7, "1-0")
    with pytest.raises(NoGroupError):
        await queue_that("hget", kept).last_read("group")


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
