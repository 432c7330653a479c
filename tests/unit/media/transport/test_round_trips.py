"""Our own binding requests, and how long their answers take."""

import pytest

from media.transport.round_trips import MOST_PENDING, RoundTrips
from media.transport.stun import parse_binding_request, success_response

HOME, AWAY = ("192.0.2.1", 5000), ("192.0.2.2", 5000)
PASSWORD = "p" * 22


def ask(trips: RoundTrips, now: float) -> bytes:
    """The answer to the request of `now`."""
    request = trips.request(HOME, "theirs:ours", PASSWORD, now)
    return success_response(parse_binding_request(request), *HOME, PASSWORD)


def test_it_is_the_time_until_the_answer() -> None:
    trips = RoundTrips()
    first, second = ask(trips, 1.0), ask(trips, 1.1)
    assert trips.take(second, HOME, 1.15) == (1, pytest.approx(0.05))
    assert trips.take(first, HOME, 1.2) == (0, pytest.approx(0.2))


def test_an_answer_counts_once_and_from_where_it_was_asked_only() -> None:
    trips = RoundTrips()
    answer = ask(trips, 1.0)
    assert trips.take(answer, AWAY, 1.1) is None
    assert trips.take(answer, HOME, 1.1) is not None
    assert trips.take(answer, HOME, 1.1) is None


def test_a_forged_answer_is_none() -> None:
    trips = RoundTrips()
    request = trips.request(HOME, "theirs:ours", PASSWORD, 1.0)
    forged = success_response(parse_binding_request(request), *HOME, "q" * 22)
    assert trips.take(forged, HOME, 1.1) is None
    assert trips.take(ask(RoundTrips(), 1.0), HOME, 1.1) is None
    assert trips.take(b"", HOME, 1.1) is None


def test_one_is_due_after_its_interval_and_never_without_one() -> None:
    trips = RoundTrips()
    assert trips.is_due(1.0, 5.0)
    assert not trips.is_due(float("inf"), 5.0)
    ask(trips, 5.0)
    assert not trips.is_due(0.1, 5.05)
    assert trips.is_due(0.1, 5.099)  # a tick comes a little early
    assert not trips.is_due(1.0, 5.5)


def test_a_peer_that_never_answers_takes_no_memory() -> None:
    trips = RoundTrips()
    answers = [ask(trips, float(now)) for now in range(1000)]
    assert [trips.take(answer, HOME, 1000.0) for answer in answers[:-MOST_PENDING]] == [None] * (
        1000 - MOST_PENDING
    )
    assert all(trips.take(answer, HOME, 1000.0) is not None for answer in answers[-MOST_PENDING:])
