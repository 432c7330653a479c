"""The history gives back what it was given, within its bounds, in constant time and memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.run import Run
from media.tracks.history import MAX_PACKETS, PacketHistory
from media.transport.udp import MAX_DATAGRAM
from tests.support.runs import indexes, sized
from tests.support.steps import steps_of


def filled(first: int, count: int, each: int = 1, **bounds: float) -> PacketHistory:
    """With runs of so many packets; a packet's size is its place."""
    history = PacketHistory(**bounds)  # type: ignore[arg-type]
    for n in range(0, count, each):
        assert history.keep(sized(first + n, *range(n, min(n + each, count))), n / 1000)
    return history


def size(run: Run | None) -> int | None:
    return None if run is None else run.octets


@pytest.mark.parametrize("first", [0, 1, 65000, 65535, 2**32 - 3, 2**40])
@pytest.mark.parametrize("each", [1, 3, 64])
def test_the_newest_packets_are_held(first: int, each: int) -> None:
    history = filled(first, 1000, each, packets=256)
    assert [n for n in range(-10, 1010) if size(history.get(first + n, 1.0)) == n] == list(range(744, 1000))
    assert all(history.get(first + n, 1.0) is None for n in (-1, 743, 1000))


def test_what_a_full_history_holds_is_bounded() -> None:
    """No packet is longer than a datagram."""
    assert MAX_PACKETS * MAX_DATAGRAM <= 4 << 20


def test_an_empty_one_goes_on_with_the_first_index_there_is() -> None:
    history = PacketHistory()
    assert history.next_index == 0
    assert (history.before(0, 5), [*history.since(0)], history.get(0, 0.0)) == ([], [], None)


@pytest.mark.parametrize("jump", [MAX_PACKETS // 2, MAX_PACKETS, 0x7FFF])
def test_a_jump_of_the_numbers_is_no_more_work_than_a_loss(jump: int) -> None:
    history = filled(0, 1)
    after_one, after_many = sized(2, 10), sized(3 + jump, 10)
    one = steps_of(lambda: history.keep(after_one, 1.0))
    assert steps_of(lambda: history.keep(after_many, 1.0)) == one


@given(
    st.lists(
        st.tuples(st.integers(-12, 12), st.integers(1, 5), st.sampled_from([0.0, 0.25, 0.5])),
        min_size=1,
        max_size=100,
    ),
    st.integers(100, 2**40),
)
def test_it_does_as_a_plain_dictionary_would(steps: list[tuple[int, int, float]], first: int) -> None:
    """Runs that come late fill gaps; nobody gives an index twice."""
    packets, age = 8, 1.0
    history = PacketHistory(packets, age)
    model: dict[int, tuple[float, int]] = {}
    given_: set[int] = set()
    newest, now = first, 0.0
    for number, (step, count, wait) in enumerate([(0, 1, 0.0), *steps], 1):
        now += wait
        begin = newest + step
        those = range(begin, begin + count)
        if given_.intersection(those):
            continue
        given_.update(those)
        history.keep(sized(begin, *[number] * count), now)
        for index in those:
            newest = max(newest, index)
            if index > newest - packets:
                model[index] = (now, number)
        model = {index: held for index, held in model.items() if index > newest - packets}
        for index in range(newest - 20, newest + 20):
            at, held = model.get(index, (now, None))
            assert size(history.get(index, now)) == (held if now - at <= age else None)
            assert history.age(index, now) == (now - at)
        assert indexes(history.since(0)) == sorted(model)
        assert indexes(history.before(newest, 5)) == [n for n in sorted(model) if newest - 5 <= n < newest]
        assert history.next_index == newest + 1


def test_what_is_held_is_not_replaced() -> None:
    """A retransmission under the index of the original must be the original."""
    history = PacketHistory(packets=8)
    assert [history.keep(sized(index, index), 0.0) for index in (10, 12, 11)] == [True] * 3
    for index in (10, 11, 12):
        assert not history.keep(sized(index, 99), 1.0)
    assert history.keep(sized(11, 98, 98, 98), 1.0)  # 13 is new
    assert [size(history.get(n, 0.0)) for n in range(10, 14)] == [10, 11, 12, 98]
    assert [(run.first, run.octets) for run in history.since(0)] == [(10, 10), (11, 11), (12, 12), (13, 98)]
    assert history.keep(sized(18, 18), 0.0)
    assert size(history.get(18, 0.0)) == 18
    assert not history.keep(sized(10, 97), 0.0)  # too late


def test_a_run_is_given_back_in_one_piece() -> None:
    history = PacketHistory(packets=32)
    runs = [sized(first, *[1] * 10) for first in (100, 110, 120, 130)]
    for run in runs:
        history.keep(run, 0.0)
    held = [*history.since(0)]
    assert [(run.first, len(run)) for run in held] == [(108, 2), (110, 10), (120, 10), (130, 10)]
    assert [one is other for one, other in zip(held[1:], runs[1:], strict=True)] == [True] * 3
