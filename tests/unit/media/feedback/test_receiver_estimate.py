"""The estimate climbs on a clean line, gives way on a full one, and rests near what the line takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.feedback.receiver_estimate import CEILING, FLOOR, ReceiverEstimate


def run(capacity: float, seconds: int, target: float) -> list[tuple[float, float]]:
    """Bits sent, and loss, of an obedient encoder up to `target` on a line that drops above `capacity`."""
    estimate = ReceiverEstimate(0, 0.0)
    octets = 0
    history = []
    for second in range(1, seconds + 1):
        sent = min(target, estimate.bitrate)
        received = min(sent, capacity)
        octets += int(received / 8)
        loss = 1 - received / sent
        estimate.report(octets, loss, float(second))
        history.append((sent, loss))
    return history


def test_on_a_line_that_takes_anything_it_rests_at_the_ceiling() -> None:
    assert run(capacity=1e9, seconds=60, target=1e9)[-1] == (CEILING, 0)


@pytest.mark.parametrize("capacity", [300_000, 1_000_000, 3_000_000])
def test_on_a_narrow_line_it_stays_near_what_the_line_takes(capacity: float) -> None:
    rest = run(capacity, seconds=200, target=20e6)[60:]
    assert all(0.6 * capacity <= sent <= 1.2 * capacity for sent, _ in rest)
    assert sum(loss for _, loss in rest) / len(rest) < 0.10


def test_without_loss_it_grows_by_a_share_and_a_step_each_second() -> None:
    estimate = ReceiverEstimate(0, 0.0)
    assert estimate.report(10**6, 0.0, 1.0) == 1_130_000
    assert estimate.report(2 * 10**6, 0.019, 1.5) == 1_200_200


def test_one_report_after_a_long_time_lets_it_grow_for_two_seconds_only() -> None:
    estimate = ReceiverEstimate(0, 0.0)
    assert estimate.report(10**9, 0.0, 60.0) == 1_260_000


def test_it_grows_to_twice_what_came_at_most_and_stays_for_an_encoder_that_sends_less() -> None:
    estimate = ReceiverEstimate(0, 0.0)
    assert estimate.report(530_000 // 8, 0.0, 1.0) == 1_060_000
    assert estimate.report(630_000 // 8, 0.0, 2.0) == 1_060_000


def test_much_loss_takes_it_to_what_the_line_carried_and_below() -> None:
    estimate = ReceiverEstimate(0, 0.0)
    assert estimate.report(80_000, 0.2, 1.0) == 720_000  # 640,000 came, of 800,000
    assert estimate.report(80_000 + 10**6, 0.2, 2.0) == 648_000  # more came than is allowed
    assert estimate.report(80_000 + 10**6 + 25_000, 0.8, 3.0) == 240_000  # of 400,000, as if half was lost


@pytest.mark.parametrize("loss", [0.02, 0.05, 0.1])
def test_some_loss_neither_raises_nor_lowers_it(loss: float) -> None:
    assert ReceiverEstimate(0, 0.0).report(10**6, loss, 1.0) == 1_000_000


def test_a_report_at_the_same_instant_changes_nothing() -> None:
    estimate = ReceiverEstimate(0, 5.0)
    assert estimate.report(10_000, 1.0, 5.0) == 1_000_000


@given(
    st.lists(st.tuples(st.integers(0, 10**8), st.floats(0, 1), st.floats(0, 30)), max_size=50),
)
def test_it_stays_between_floor_and_ceiling(reports: list[tuple[int, float, float]]) -> None:
    estimate = ReceiverEstimate(0, 0.0)
    octets, now = 0, 0.0
    for more, loss, wait in reports:
        octets += more
        now += wait
        assert FLOOR <= estimate.report(octets, loss, now) <= CEILING
