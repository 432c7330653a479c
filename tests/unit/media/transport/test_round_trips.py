"""A round trip is measured by the authentic answer to a request, from where it was sent: by nothing else."""

import pytest

from media.transport.round_trips import INTERVAL_SECONDS, MOST_PENDING, RoundTrips
from media.transport.stun import (
    StunCode,
    error_response,
    parse_binding_request,
    success_response,
)

HERE, AWAY = ("192.0.2.1", 1000), ("192.0.2.2", 1000)
USERNAME, PASSWORD = "theirs:ours", "p" * 24
OTHER_PASSWORD = "q" * 24


class Peer:
    """Gets requests each 0.1 s, and answers them."""

    def __init__(self) -> None:
        self.trips = RoundTrips()

    def asked(self, now: float) -> bytes:
        request = self.trips.due(HERE, USERNAME, PASSWORD, now)
        assert request is not None
        return request

    @staticmethod
    def answer(request: bytes, password: str = PASSWORD) -> bytes:
        return success_response(parse_binding_request(request), *HERE, password)


@pytest.fixture
def peer() -> Peer:
    return Peer()


def test_the_time_of_the_answer_is_taken(peer: Peer) -> None:
    request = peer.asked(5.0)
    parsed = parse_binding_request(request)
    assert parsed.is_authentic(PASSWORD)
    assert (parsed.local_ufrag, parsed.remote_ufrag) == ("theirs", "ours")
    assert parsed.controlled is not None
    assert not parsed.use_candidate
    assert peer.trips.take(peer.answer(request), HERE, 5.25) == pytest.approx(0.25)


def test_each_answer_counts_once(peer: Peer) -> None:
    answer = peer.answer(peer.asked(5.0))
    assert peer.trips.take(answer, HERE, 5.1) is not None
    assert peer.trips.take(answer, HERE, 5.2) is None


def test_requests_are_apart(peer: Peer) -> None:
    first = peer.asked(5.0)
    assert peer.trips.due(HERE, USERNAME, PASSWORD, 5.0 + INTERVAL_SECONDS * 0.9) is None
    assert peer.asked(5.0 + INTERVAL_SECONDS * 1.01) != first


def test_answers_may_overtake_each_other(peer: Peer) -> None:
    first, second = peer.asked(5.0), peer.asked(5.2)
    assert peer.trips.take(peer.answer(second), HERE, 5.3) == pytest.approx(0.1)
    assert peer.trips.take(peer.answer(first), HERE, 5.4) == pytest.approx(0.4)


def test_a_forged_answer_counts_for_nothing_and_the_real_one_still_does(peer: Peer) -> None:
    request = peer.asked(5.0)
    answer = peer.answer(request)
    forged = [
        peer.answer(request, OTHER_PASSWORD),
        answer[:8] + bytes(12) + answer[20:],  # of another transaction
        answer[:-4] + bytes(4),  # its fingerprint is wrong
        answer[:30] + bytes((answer[30] ^ 1,)) + answer[31:],
        error_response(parse_binding_request(request), StunCode.BAD_REQUEST, PASSWORD),
        request,
        answer[:20],
        answer[:19],
        answer[:8],
        b"",
    ]
    for data in forged:
        assert peer.trips.take(data, HERE, 5.01) is None
    assert peer.trips.take(answer, HERE, 5.02) == pytest.approx(0.02)


def test_an_answer_from_another_address_counts_for_nothing(peer: Peer) -> None:
    answer = peer.answer(peer.asked(5.0))
    assert peer.trips.take(answer, AWAY, 5.1) is None
    assert peer.trips.take(answer, HERE, 5.2) == pytest.approx(0.2)


def test_what_is_remembered_is_bounded(peer: Peer) -> None:
    """Of a peer that answers nothing, or late."""
    requests = [peer.asked(5.0 + n * INTERVAL_SECONDS * 1.01) for n in range(MOST_PENDING + 3)]
    now = 10.0
    taken = [peer.trips.take(peer.answer(request), HERE, now) is not None for request in requests]
    assert taken == [False] * 3 + [True] * MOST_PENDING
