"""A run in C: nothing that is asked of it breaks it. What it says: tests/unit/media/pure/test_run.py."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.run import NOT_KEPT
from tests.support.far_end import one_byte, rtp
from tests.support.native_loop import NATIVE, many

FORM = (96, 0, NOT_KEPT, 0, b"")
METHODS = {
    "number": 4,
    "part": 2,
    "packet": 1,
    "octets_of": 1,
    "numbers": 1,
    "suspects": 1,
    "pictures": 2,
    "renumber": 6,
    "lay": 2,
}


def run() -> Any:
    return NATIVE.copy([rtp(n, b"\x90\x80\x80", extension=one_byte((5, b"xyz"))) for n in range(3)])


def test_it_is_made_by_an_opener_or_a_copy_only() -> None:
    with pytest.raises(TypeError):
        type(run())()


def test_who_keeps_one_packet_does_not_keep_all_that_came_with_it() -> None:
    """A thinned form keeps the keyframes of a stream for long: a publisher could send one packet of each."""
    datagrams = [rtp(n, bytes([n]) * 1000, extension=one_byte((5, b"xyz"))) for n in range(64)]
    tracemalloc.start()
    try:
        kept = [NATIVE.copy(datagrams).part(60, 62) for _ in range(10)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10 * 4_000
    assert [packet.payload for packet in kept[9].packets()] == [bytes([n]) * 1000 for n in (60, 61)]
    assert kept[9].packets() == NATIVE.copy(datagrams).packets()[60:62]
    assert kept[9].part(1, 2).packets() == kept[9].packets()[1:]


def test_of_a_codec_that_it_does_not_know_it_suspects_all() -> None:
    assert [place for place, _ in run().suspects("another")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("VP8", b"\x10\x01\x00"),
        ("VP8", b"\x90\x80\x80\x01\x01"),
        ("H264", b"\x7c\x01"),
        ("H264", b"\x7c\x45"),
        ("H265", b"\x62\x01\x13"),
        ("VP9", b"\x80\x80"),
        ("AV1", b""),
    ],
)
def test_it_looks_further_than_the_first_byte(codec: str, payload: bytes) -> None:
    assert NATIVE.copy([rtp(1, payload)]).suspects(codec) == []


@pytest.mark.parametrize(
    "datagrams",
    [
        [],
        [b""],
        [bytes(12)],
        [rtp(1, csrcs=(1,))],
        [rtp(1)] * 65,
        [None],
        [rtp(1)[:11]],
        [b"\x90" + bytes(14)],
    ],
)
def test_what_is_no_rtp_is_not_copied(datagrams: list[Any]) -> None:
    with pytest.raises(ValueError, match="RTP"):
        NATIVE.copy(datagrams)


@pytest.mark.parametrize(
    "form", [(96, 0, b"", 0, b""), (96, 0, NOT_KEPT, 256, b""), (96, 0, NOT_KEPT, 1, bytes(17))]
)
def test_what_is_no_form_is_refused(form: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="form"):
        run().lay(form, 65_000)


def test_headers_that_grow_beyond_all_bounds_are_refused() -> None:
    """From the short form to the long one; what a socket takes in has a tenth of that."""
    elements = [(1, b"x")] * 12_000
    long = NATIVE.copy([rtp(n, b"", extension=one_byte(*elements)) for n in range(20)])
    with pytest.raises(ValueError, match="too long"):
        long.lay((96, 0, bytes((200,)) * 256, 0, b""), 65_000)


anything = st.none() | st.integers() | st.integers(-2, 4) | st.binary(max_size=300) | st.text(max_size=5)
forms = st.tuples(anything, anything, st.just(NOT_KEPT) | anything, anything, anything) | st.just(FORM)


@many
@given(st.sampled_from(list(METHODS)), st.lists(anything | forms, min_size=6, max_size=6))
def test_whatever_it_is_asked_it_answers_or_refuses(name: str, arguments: list[Any]) -> None:
    asked = run()
    try:
        getattr(asked, name)(*arguments[: METHODS[name]])
    except (TypeError, IndexError, OverflowError, ValueError):
        return
    assert len(asked.packets()) == 3


@many
@given(st.lists(anything | st.binary(min_size=12, max_size=60) | st.just(rtp(1)), max_size=4) | anything)
def test_whatever_it_is_given_it_copies_or_refuses(datagrams: Any) -> None:
    try:
        copied = NATIVE.copy(datagrams)
    except (TypeError, ValueError):
        return
    assert len(copied) == len(datagrams)
    assert copied.lay(FORM, 65_000)
