"""NAL units in one payload and over several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.nal_units import Fragments, aggregated, without_emulation
from media.payload.picture import DepacketizeError


@given(st.lists(st.binary(max_size=300)), st.integers(1, 2))
def test_aggregated_units_come_out_as_they_were_put_in(units: list[bytes], head: int) -> None:
    payload = bytes(head) + b"".join(len(unit).to_bytes(2) + unit for unit in units)
    assert list(aggregated(payload, head)) == units


@pytest.mark.parametrize("payload", ["7800", "780001", "78000341ff"])
def test_a_unit_that_is_cut_is_refused_after_the_whole_ones(payload: str) -> None:
    units = aggregated(bytes.fromhex("78000167") + bytes.fromhex(payload)[1:], 1)
    assert next(units) == b"\x67"
    with pytest.raises(DepacketizeError):
        list(units)


def test_fragments_are_joined_between_whole_units() -> None:
    fragments = Fragments()
    fragments.whole(b"a")
    fragments.part(b"b", b"c", first=True, last=False)
    fragments.part(b"b", b"d", first=False, last=True)
    fragments.whole(b"")
    assert fragments.finished() == [b"a", b"bcd"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_fragment_that_does_not_fit_is_refused(begun: bool) -> None:
    fragments = Fragments()
    if begun:
        fragments.part(b"b", b"c", first=True, last=False)
    with pytest.raises(DepacketizeError):
        fragments.part(b"b", b"c", first=begun, last=False)


def test_a_unit_whose_end_is_missing_is_refused() -> None:
    fragments = Fragments()
    fragments.part(b"b", b"c", first=True, last=False)
    with pytest.raises(DepacketizeError):
        fragments.whole(b"a")
    with pytest.raises(DepacketizeError):
        fragments.finished()


def test_escapes_are_taken_out() -> None:
    assert without_emulation(b"\0\0\3\1\0\0\3\0\0\3\2") == b"\0\0\1\0\0\0\0\2"
