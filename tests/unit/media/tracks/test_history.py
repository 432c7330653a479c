"""The history gives back what it was given, within its bounds, in constant time and memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.tracks.history import MAX_PACKETS, PacketHistory
from media.transport.udp import MAX_DATAGRAM
from tests.support.held import held_run


def filled(first: int, count: int, **bounds: float) -> PacketHistory[int]:
    history: PacketHistory[int] = PacketHistory(**bounds)  # type: ignore[arg-type]
    for n in range(count):
        history.append(first + n, n / 1000, n)
    return history


@pytest.mark.parametrize("first", [0, 1, 65000, 65535, 2**32 - 3, 2**40])
def test_the_newest_packets_are_held(first: int) -> None:
    history = filled(first, 1000, packets=256)
    held = [n for n in range(-10, 1010) if history.get(first + n, 1.0) == n]
    assert held == list(range(744, 1000))
    assert all(history.get(first + n, 1.0) is None for n in (-1, 743, 1000))


def test_what_a_full_history_holds_is_bounded() -> None:
    """No packet is longer than a datagram."""
    assert MAX_PACKETS * MAX_DATAGRAM <= 4 << 20


def test_age_is_bounded() -> None:
    history = filled(0, 1000, age=0.1)
    assert [n for n in range(1000) if history.get(n, 1.0) is not None] == list(range(900, 1000))


def test_late_packets_find_their_place() -> None:
    history: PacketHistory[str] = PacketHistory(packets=8)
    for extended in (10, 13, 12, 11, 17):
        history.append(extended, 0.0, str(extended))
    assert [history.get(n, 0.0) for n in range(10, 18)] == ["10", "11", "12", "13", None, None, None, "17"]
    history.append(9, 0.0, "9")  # would lie in the slot of 17
    assert history.get(17, 0.0) == "17"
    assert history.get(9, 0.0) is None


def test_a_jump_leaves_nothing_behind() -> None:
    history = filled(0, 8, packets=8)
    history.append(2**40, 0.0, -1)
    assert all(history.get(2**40 - n, 0.0) is None for n in range(1, 9))
    assert history.get(2**40, 0.0) == -1


@given(
    st.lists(st.tuples(st.integers(-12, 12), st.floats(0, 0.3)), min_size=1, max_size=200),
    st.integers(100, 2**40),
)
def test_it_does_as_a_plain_dictionary_would(steps: list[tuple[int, float]], first: int) -> None:
    packets, age = 8, 1.0
    history: PacketHistory[object] = PacketHistory(packets, age)
    model: dict[int, tuple[float, object]] = {}
    newest, now = first, 0.0
    for step, wait in [(0, 0.0), *steps]:
        now += wait
        index = newest + step
        if index in model:
            continue
        newest = max(newest, index)
        item = object()
        history.append(index, now, item)
        if index > newest - packets:
            model[index] = (now, item)
        for old in [n for n in model if n <= newest - packets]:
            del model[old]
        for n in range(newest - 20, newest + 20):
            at, held = model.get(n, (0.0, None))
            assert history.get(n, now) is (held if now - at <= age else None)


def test_what_is_held_is_not_replaced() -> None:
    """A retransmission under the index of the original must be the original."""
    history: PacketHistory[str] = PacketHistory(packets=8)
    kept = [history.append(extended, 0.0, name) for extended, name in ((10, "a"), (12, "b"), (11, "c"))]
    assert kept == [True, True, True]
    for extended in (10, 11, 12):
        assert not history.append(extended, 1.0, "another")
    assert [history.get(n, 0.0) for n in (10, 11, 12)] == ["a", "c", "b"]
    assert history.append(18, 0.0, "in the slot of 10")
    assert history.get(18, 0.0) == "in the slot of 10"
    assert not history.append(10, 0.0, "too late")


@given(st.integers(0, 40), st.integers(0, 40), st.integers(-3, 3))
def test_successive_items_are_kept_at_once_or_not_at_all(held: int, count: int, ahead: int) -> None:
    history, other = filled(100, held, packets=32), filled(100, held, packets=32)
    first, items = max(0, history.next_index + ahead), list(range(1000, 1000 + count))
    taken = history.extend(first, 5.0, items)
    assert taken or ahead or not held or first % 32 + count > 32
    if taken:
        for n, item in enumerate(items):
            assert other.append(first + n, 5.0, item)
    assert history.since(0) == other.since(0)
    assert history.next_index == other.next_index


@given(st.integers(0, 40), st.integers(1, 40), st.integers(-3, 3), st.integers(-40, 3))
def test_a_run_is_kept_in_one_piece_as_its_items_are(held: int, count: int, ahead: int, late: int) -> None:
    history, other = filled(100, held, packets=32), filled(100, held, packets=32)
    first = max(0, history.next_index + ahead)
    run = held_run(first, range(1000, 1000 + count))
    assert history.extend_run(5.0, run) == other.extend(first, 5.0, run.items())
    for each in (history, other):
        each.append(max(0, first + count + late), 6.0, 7)
    assert history.since(0) == other.since(0)
    assert history.next_index == other.next_index
    for index in range(first - 40, first + count + 5):
        assert history.get(index, 5.0) == other.get(index, 5.0)
        assert history.age(index, 9.0) == other.age(index, 9.0)
