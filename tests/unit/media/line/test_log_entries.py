"""The entries of the log of a line, as octets and back."""

import math

from hypothesis import given
from hypothesis import strategies as st

from media.line.log_entries import SHAPES, Entry, EntryWriter, Unit, entries, kilo, share, ticks, whole

_TIMES = st.floats(-10, 1e7).map(ticks) | st.sampled_from((math.inf, -math.inf))
_RATES = st.floats(0, 1e11) | st.just(math.inf)
NUMBERS = {
    Unit.AT: st.floats(0, 1e7).map(ticks),
    Unit.WHEN: _TIMES,
    Unit.SPAN: _TIMES,
    Unit.COUNT: st.integers(-5, 2**40),
    Unit.SUM: st.integers(0, 2**60),
    Unit.RATE: _RATES.map(whole),
    Unit.KILO: _RATES.map(kilo),
    Unit.SHARE: st.floats(-1, 1).map(share),
}
ENTRIES = st.sampled_from(Entry).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(NUMBERS[Unit.RATE], max_size=20)
        if kind is Entry.RUNGS
        else st.tuples(*(NUMBERS[unit] for unit in SHAPES[kind])).map(list),
    )
)


@given(st.lists(ENTRIES, max_size=20))
def test_what_is_written_is_read_as_it_was(written: list[tuple[Entry, list[float]]]) -> None:
    writer = EntryWriter()
    for kind, values in written:
        writer.write(kind, values)
    assert list(entries(bytes(writer.octets))) == written


def test_an_entry_takes_a_few_octets() -> None:
    writer = EntryWriter()
    for number in range(1, 101):
        at = ticks(50_000 + number / 10)
        writer.write(Entry.SENT, (at, 10**9 + 5_000 * number, 10**8 + 400 * number))
        writer.write(Entry.ROUND_TRIP, (at, ticks(0.04 + number % 7 / 1000), False))
        writer.write(Entry.STEP, (at,))
    assert len(writer.octets) / 100 < 15


def test_nothing_is_kept_as_later_than_it_was() -> None:
    assert ticks(1.99999) < 1.99999 < ticks(1.99999) + 1 / 4000
