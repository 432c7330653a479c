"""Pictures that come in another order than they are shown get times of both, whichever the publisher sent."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.picture import Order
from media.recording.display_order import MOST_HELD, DisplayOrder, Shown
from media.recording.frame import Frame

PACE = 1 / 30
# In order of decoding, the places in order of showing of a group of pictures.
SHAPES = {"one": [0, 2, 1], "two": [0, 3, 1, 2], "pyramid": [0, 4, 2, 1, 3]}
DEPTHS = {"one": 1, "two": 1, "pyramid": 2}


def play(places: list[tuple[int, int]], depth: int | None, *, decoding_times: bool) -> list[Shown]:
    order, shown = DisplayOrder(), []
    ranks = {place: rank for rank, place in enumerate(sorted(places))}
    for number, place in enumerate(places):
        seconds = PACE * (number if decoding_times else ranks[place])
        shown += order.push(seconds, Frame(number, b"", order=Order(place, depth)))
        assert number + 1 - len(shown) <= MOST_HELD + 1
    return [*shown, *order.close()]


def stream(shape: str, groups: int = 10, sequences: int = 2) -> list[tuple[int, int]]:
    first, *others = SHAPES[shape]
    one = [first, *(group * len(others) + place for group in range(groups) for place in others)]
    return [(sequence, 2 * place) for sequence in range(sequences) for place in one]


def assert_fit(shown: list[Shown], places: list[tuple[int, int]]) -> None:
    assert [one.frame.timestamp for one in shown] == list(range(len(places)))
    assert all(a.decoded < b.decoded for a, b in pairwise(shown))
    assert all(one.shown >= one.decoded - 1e-9 for one in shown)
    in_order = [one.shown for _, one in sorted(zip(places, shown, strict=True), key=lambda pair: pair[0])]
    assert in_order == sorted(in_order)


@pytest.mark.parametrize("decoding_times", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_are_shown_evenly_and_in_their_order(shape: str, decoding_times: bool) -> None:
    places = stream(shape)
    shown = play(places, DEPTHS[shape], decoding_times=decoding_times)
    assert_fit(shown, places)
    times = sorted(one.shown for one in shown)
    assert all(b - a == pytest.approx(PACE) for a, b in pairwise(times))
    late = DEPTHS[shape] * PACE if decoding_times else 0.0
    assert times[0] == pytest.approx(late)  # a decoder needs so many before it can show the first


@pytest.mark.parametrize("decoding_times", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_stream_does_not_say_is_learned_from_its_first_pictures(
    shape: str, decoding_times: bool
) -> None:
    places = stream(shape)
    shown = play(places, None, decoding_times=decoding_times)
    steady = shown[10:-10]
    assert all(a.decoded < b.decoded for a, b in pairwise(steady))
    times = sorted(one.shown for one in steady)
    assert sum(abs(b - a - PACE) > 0.001 for a, b in pairwise(times)) <= 4  # at the ends of this section


@pytest.mark.parametrize("depth", [0, 1, 2, None])
def test_pictures_in_order_wait_for_nothing_once_that_is_seen(depth: int | None) -> None:
    order, shown = DisplayOrder(), []
    for number in range(200):
        shown += order.push(PACE * number, Frame(number, b"", order=Order((0, 2 * number), depth)))
        if not depth:
            assert len(shown) == number + 1
    shown += order.close()
    assert [one.shown for one in shown] == [PACE * number for number in range(200)]


def test_pictures_without_an_order_pass_at_once_and_as_they_are() -> None:
    order = DisplayOrder()
    order.push(0.0, Frame(0, b"", order=Order((0, 0), 2)))
    frame = Frame(1, b"")
    assert order.push(0.1, frame)[1:] == [Shown(0.1, 0.1, frame)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9), st.floats(-99, 99)), max_size=300),
    st.sampled_from([None, 0, 1, 2, 16]),
)
def test_whatever_is_said_every_frame_comes_out_once(
    frames: list[tuple[int, int, float]], depth: int | None
) -> None:
    order, out = DisplayOrder(), []
    for number, (sequence, place, seconds) in enumerate(frames):
        out += order.push(seconds, Frame(number, b"", order=Order((sequence, place), depth)))
        assert number + 1 - len(out) <= MOST_HELD + 17
    out += order.close()
    assert [one.frame.timestamp for one in out] == list(range(len(frames)))
