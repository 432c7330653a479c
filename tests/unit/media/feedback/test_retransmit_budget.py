"""A viewer gets its lost packets again, but no more than its share, however much it asks."""

from hypothesis import given
from hypothesis import strategies as st

from media.feedback.retransmit_budget import (
    ASKS_PER_SECOND,
    BURST_ASKS,
    BURST_BYTES,
    MAX_REPEAT_SECONDS,
    SHARE,
    RetransmitBudget,
)


def test_a_packet_is_not_resent_twice_in_a_row() -> None:
    budget = RetransmitBudget(0.0)
    assert budget.take(0, 7, 1000, 0, 1.0)
    assert not budget.take(0, 7, 1000, 0, 1.019)
    assert budget.take(1, 7, 1000, 0, 1.019)  # of another track
    assert budget.take(0, 7, 1000, 0, 1.021)


def test_with_a_long_round_trip_a_repeat_waits_for_half_of_it() -> None:
    budget = RetransmitBudget(0.0)
    budget.measured(0.2, 0.9)
    assert budget.take(0, 7, 1000, 0, 1.0)
    assert not budget.take(0, 7, 1000, 0, 1.099)
    assert budget.take(0, 7, 1000, 0, 1.101)


def test_what_is_refused_costs_nothing() -> None:
    budget = RetransmitBudget(0.0)
    assert budget.take(0, 0, BURST_BYTES - 1000, 0, 0.0)
    for _ in range(100):
        assert not budget.take(0, 0, 1000, 0, 0.0)
        assert not budget.take(0, 1, 1001, 0, 0.0)
    assert budget.take(0, 2, 1000, 0, 0.0)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(12, 1500), st.integers(0, 20_000), st.floats(0, 0.1)),
        max_size=300,
    )
)
def test_the_share_holds_whatever_is_requested(events: list[tuple[int, int, int, float]]) -> None:
    budget = RetransmitBudget(0.0)
    now, media, resent = 0.0, 0, 0
    last: dict[int, float] = {}
    for index, size, more, wait in events:
        now += wait
        media += more
        if budget.take(0, index, size, media, now):
            resent += size
            assert now - last.get(index, -1.0) >= 0.02 - 1e-9
            last[index] = now
        assert resent <= media * SHARE + BURST_BYTES


def test_media_earns_its_share_and_no_more() -> None:
    budget = RetransmitBudget(0.0)
    assert budget.take(0, 0, BURST_BYTES, 0, 0.0)
    earned = int(10_000 * SHARE)
    assert not budget.take(0, 1, earned + 1, 10_000, 1.0)
    assert budget.take(0, 1, earned, 10_000, 1.0)


def test_a_viewer_that_loses_a_tenth_gets_all_of_it_again() -> None:
    budget = RetransmitBudget(0.0)
    media = 0
    for n in range(20_000):
        media += 1100
        if n % 10 == 0:
            assert budget.take(0, n, 1100, media, n / 500)


def test_an_endless_flood_of_requests_is_mostly_ignored() -> None:
    budget = RetransmitBudget(0.0)
    assert budget.admit(100, 0.0) == 100
    assert budget.admit(6000, 0.0) == BURST_ASKS - 100
    assert budget.admit(6000, 0.0) == 0
    looked_at = sum(budget.admit(6000, n / 1000) for n in range(1, 10_001))
    assert 0.99 * ASKS_PER_SECOND * 10 <= looked_at <= ASKS_PER_SECOND * 10


def test_an_hour_without_loss_saves_up_no_more_than_a_burst() -> None:
    """Else a viewer that turns bad would be sent gigabytes at the cost of all others."""
    budget = RetransmitBudget(0.0)
    granted = sum(budget.take(0, n, 1000, 10**9, 3600.0) for n in range(1000))
    assert granted == BURST_BYTES // 1000


def test_an_hour_without_requests_saves_up_no_more_than_a_burst_of_them() -> None:
    budget = RetransmitBudget(0.0)
    assert budget.admit(6000, 3600.0) == BURST_ASKS
    assert budget.admit(6000, 3600.125) == ASKS_PER_SECOND // 8


def test_a_repeat_waits_for_a_queue_to_pass() -> None:
    """What waits there is requested again, too: to send it again would only make the queue longer."""
    budget = RetransmitBudget(0.0)
    budget.measured(0.05, 0.5)
    budget.measured(0.35, 1.0)
    assert budget.take(0, 7, 1000, 0, 1.0)
    assert not budget.take(0, 7, 1000, 0, 1.32)
    assert budget.take(0, 7, 1000, 0, 1.33)
    budget.measured(0.05, 1.4)  # it is over
    assert budget.take(0, 7, 1000, 0, 1.4)


def test_an_answer_that_comes_an_hour_late_holds_back_no_repeat_for_long() -> None:
    """What was sent again is remembered for so long."""
    budget = RetransmitBudget(0.0)
    budget.measured(3600.0, 3600.0)
    assert budget.take(0, 7, 1000, 0, 3600.0)
    assert not budget.take(0, 7, 1000, 0, 3599.9 + MAX_REPEAT_SECONDS)
    assert budget.take(0, 7, 1000, 0, 3600.1 + MAX_REPEAT_SECONDS)
    assert len(budget._resent) == 1


def test_a_viewer_that_moved_to_a_slower_network_gets_a_repeat_after_half_of_its_round_trip() -> None:
    budget = RetransmitBudget(0.0)
    for at in range(40):
        budget.measured(0.1 if at < 5 else 0.4, float(at))
    assert budget.take(0, 7, 1000, 0, 40.0)
    assert not budget.take(0, 7, 1000, 0, 40.19)
    assert budget.take(0, 7, 1000, 0, 40.21)


def test_what_was_sent_again_long_ago_takes_no_memory() -> None:
    budget = RetransmitBudget(0.0)
    for n in range(10_000):
        budget.take(0, n, 10, 100 * n, n / 100)
    assert len(budget._resent) <= 3
