"""What opens runs natively, asked for anything: it does, or refuses. Hostile runs: test_srtp_receiver.py."""

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.far_end import one_byte, rtp
from tests.support.native_loop import NATIVE, many
from tests.unit.media.rtp.test_srtp_receiver import at, sealed

SSRC = 0x5EED


def opener() -> Any:
    receiver = at(1, NATIVE.Opener)
    assert receiver._opener is not None
    return receiver._opener


RUN = sealed([rtp(n, b"payload", ssrc=SSRC, extension=one_byte((1, b"x"))) for n in range(1, 4)], 1)


@pytest.mark.parametrize("first", [0, 2, 0x1_0001, (1 << 48) - 1, 1 << 48, 1 << 63])
def test_another_index_is_refused(first: int) -> None:
    assert opener().open(RUN, first) is None


@pytest.mark.parametrize("run", [[], RUN * 22, [*RUN[:1], "text"], [*RUN[:1], None], [bytearray(RUN[0])]])
def test_what_is_no_run_is_refused(run: list[Any]) -> None:
    assert opener().open(run, 1) is None


def test_nothing_is_kept_of_what_was_opened_or_refused() -> None:
    forged = [*RUN[:2], RUN[2][:-1] + b"x"]
    one = opener()
    before = [sys.getrefcount(each) for each in (*RUN, forged[2])]
    for _ in range(100):
        assert one.open(RUN, 1)
        assert one.open(forged, 1) is None
    assert [sys.getrefcount(each) for each in (*RUN, forged[2])] == before


@pytest.mark.parametrize("size", range(12, 60))
@pytest.mark.parametrize("first", [0x80, 0x90, 0x9F, 0xB0])
def test_every_length_of_anything_is_refused(first: int, size: int) -> None:
    for words in (0, 1, 7, 0xFFFF):
        header = bytes((first, 96, 0, 1)) + bytes(8) + b"\xbe\xde" + words.to_bytes(2)
        assert opener().open([header[:size].ljust(size, b"\x10")], 1) is None


@pytest.mark.parametrize(("key", "salt"), [(15, 12), (16, 11), (17, 12), (0, 0)])
def test_an_opener_has_a_whole_key(key: int, salt: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        NATIVE.Opener(bytes(key), bytes(salt))


anything = st.none() | st.integers() | st.binary(max_size=40) | st.text(max_size=5) | st.sampled_from(RUN)


@many
@given(
    st.lists(st.sampled_from(RUN) | st.binary(max_size=60) | anything, max_size=5) | anything,
    st.integers(-1, 3) | st.integers() | anything,
)
def test_whatever_it_is_given_it_opens_or_refuses(run: Any, first: Any) -> None:
    try:
        opened = opener().open(run, first)
    except (TypeError, OverflowError, ValueError):
        return
    assert opened is None or len(opened) == len(run)


def test_a_list_that_lies_about_its_length_is_refused() -> None:
    class Lying(list[bytes]):
        def __len__(self) -> int:
            return 5

    with pytest.raises(TypeError, match="list"):
        opener().open(Lying(RUN), 1)
