"""Bit fields, and Exp-Golomb codes by the book."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.bits import BitReader
from media.payload.picture import DepacketizeError


def reader(bits: str) -> BitReader:
    return BitReader(int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8)))


@given(fields=st.lists(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**n - 1)))))
def test_fields_come_out_as_they_were_put_in(fields: list[tuple[int, int]]) -> None:
    read = reader("".join(f"{value:0{size}b}" for size, value in fields) + "1")
    assert [read.read(size) for size, _ in fields] == [value for _, value in fields]
    assert read.flag()


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1))
def test_exp_golomb_codes_follow_each_other(values: list[int]) -> None:
    """H.264 9.1: as many zeros as the number plus one has bits after its first."""
    read = reader("".join(f"{value + 1:b}".zfill(2 * (value + 1).bit_length() - 1) for value in values))
    assert [read.ue() for _ in values] == values


def test_signed_exp_golomb_codes() -> None:
    read = reader("10100110010000101")  # H.264 table 9-3
    assert [read.se() for _ in range(5)] == [0, 1, -1, 2, -2]


@pytest.mark.parametrize("bits", ["", "00000000", "00001000", "0" * 33 + "1" + "0" * 33])
def test_a_code_that_is_cut_or_too_long_is_refused(bits: str) -> None:
    with pytest.raises(DepacketizeError):
        (reader(bits) if bits else BitReader(b"")).ue()
