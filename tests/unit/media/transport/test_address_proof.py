"""Media follows a peer only to addresses that have proven that the peer hears us there."""

from collections.abc import Callable
from typing import Any

import pytest
from aioice import stun as other

from media.transport.address import Address, TcpAddress
from media.transport.address_proof import MOST_REQUESTS, RETRY_SECONDS
from media.transport.ice import CONSENT_SECONDS, MAX_FORMER, QUIET_SECONDS, IceLite
from media.transport.stun import parse_binding_request, success_response
from tests.support.ice_checks import AWAY, HOME, NEW, OLD, PEER, PEER2, THIRD, check, nominating


@pytest.fixture
def agent() -> IceLite:
    return IceLite(OLD, PEER, now=0.0)


def asked(agent: IceLite, now: float) -> Any:
    """Where our request of `now` goes, and the peer's answer to it."""
    due = agent.due_request(now)
    assert due is not None
    request, address = due
    return address, success_response(parse_binding_request(request), *address, PEER.password)


@pytest.fixture
def connected(agent: IceLite) -> IceLite:
    """Its peer is at HOME, and has proven it."""
    agent.receive_check(nominating(), HOME, 1.0)
    agent.handshake_done(1.0)
    assert agent.proven
    return agent


@pytest.mark.parametrize(
    ("appears", "now"),
    [
        (lambda agent: agent.receive_check(nominating(), AWAY, 2.0).selected, 2.0),
        (lambda agent: agent.receive_check(check(), AWAY, 1.0 + QUIET_SECONDS).selected, 1.0 + QUIET_SECONDS),
        (lambda agent: agent.heard_elsewhere(AWAY), 2.0),
    ],
)
def test_a_connected_peer_moves_when_its_new_address_has_answered(
    connected: IceLite, appears: Callable[[IceLite], Address | None], now: float
) -> None:
    assert appears(connected) is None
    assert connected.selected == HOME
    address, response = asked(connected, now)  # at once: a client that moves loses one round trip
    assert address == AWAY
    assert connected.receive_response(response, AWAY, now)
    assert connected.selected == AWAY
    assert not connected.receive_response(response, AWAY, now)


def test_nobody_is_asked_elsewhere_before_a_first_address_is_proven(agent: IceLite) -> None:
    agent.receive_check(nominating(), HOME, 1.0)
    agent.heard_elsewhere(AWAY)
    assert agent.due_request(2.0) is None


def test_only_the_asked_address_can_give_the_answer_and_only_who_knows_the_password(
    connected: IceLite,
) -> None:
    connected.receive_check(nominating(), AWAY, 2.0)
    due = connected.due_request(2.0)
    assert due is not None
    request = parse_binding_request(due[0])
    assert request.is_authentic(PEER.password)
    assert (request.local_ufrag, request.remote_ufrag) == ("peer", OLD.ufrag)
    assert request.is_controlled
    answer = success_response(request, *AWAY, PEER.password)
    guessed = answer[:8] + bytes(12) + answer[20:]
    refused = other.Message(other.Method.BINDING, other.Class.ERROR, transaction_id=request.transaction_id)
    refused.add_message_integrity(PEER.password.encode())
    for data in (success_response(request, *AWAY, OLD.password), guessed, bytes(refused), answer[:-4], b""):
        assert not connected.receive_response(data, AWAY, 2.0)
    assert not connected.receive_response(answer, THIRD, 2.0)
    assert connected.selected == HOME
    assert connected.receive_response(answer, AWAY, 2.0)


def test_a_nomination_of_the_address_in_use_takes_another_one_back(connected: IceLite) -> None:
    connected.receive_check(nominating(), AWAY, 2.0)
    _, response = asked(connected, 2.0)
    connected.receive_check(nominating(), HOME, 2.1)
    assert not connected.receive_response(response, AWAY, 2.2)
    assert connected.selected == HOME


def test_a_way_back_needs_no_proof_for_as_long_as_consent_lasts(connected: IceLite) -> None:
    connected.receive_check(nominating(), AWAY, 2.0)
    assert connected.receive_response(asked(connected, 2.0)[1], AWAY, 2.0)
    assert connected.receive_check(nominating(), HOME, 3.0).selected == HOME
    assert connected.proven
    assert connected.receive_check(nominating(), AWAY, 2.0 + CONSENT_SECONDS - 0.1).selected == AWAY
    assert connected.receive_check(nominating(), HOME, 3.0 + CONSENT_SECONDS).selected is None


def test_a_flood_of_checks_from_many_addresses_brings_few_requests(connected: IceLite) -> None:
    """Each is a packet to somebody who may never have asked for it."""
    sent = 0
    for step in range(10_000):
        now = 2.0 + step / 1000
        connected.receive_check(nominating(), ("192.0.2.9", 1 + step % 50), now)
        sent += connected.due_request(now) is not None
    assert sent <= 10 / RETRY_SECONDS + 1


def test_a_handshake_proves_the_address_that_got_all_of_it(agent: IceLite) -> None:
    for request in (nominating(), check(), nominating()):
        agent.receive_check(request, HOME, 1.0)
    agent.receive_check(check(), AWAY, 1.0)
    assert agent.due_request(1.0) is None
    agent.handshake_done(1.0)
    assert agent.proven
    assert agent.due_request(1.0) is None


@pytest.mark.parametrize("back", [False, True])
def test_a_handshake_that_went_to_two_addresses_proves_neither(agent: IceLite, back: bool) -> None:
    agent.receive_check(nominating(), HOME, 1.0)
    assert agent.receive_check(nominating(), AWAY, 2.0).selected == AWAY
    if back:
        assert agent.receive_check(nominating(), HOME, 3.0).selected == HOME
    agent.handshake_done(1.0)
    assert not agent.proven
    address, response = asked(agent, 4.0)
    assert address == (HOME if back else AWAY)
    assert agent.receive_response(response, address, 4.0)
    assert agent.proven
    assert agent.selected == address
    agent.receive_check(check(), address, 5.0)
    assert agent.due_request(5.0) is None  # once is enough


@pytest.mark.parametrize("again", [check(), nominating()], ids=["check", "nomination"])
def test_an_address_that_is_unproven_is_asked_with_each_further_check(agent: IceLite, again: Any) -> None:
    agent.receive_check(nominating(), HOME, 1.0)
    agent.receive_check(nominating(), AWAY, 1.0)
    for begins in (2.0, 50.0):
        for number in range(MOST_REQUESTS):
            assert asked(agent, begins + number)
        assert agent.due_request(begins + 10) is None
        agent.receive_check(again, AWAY, 50.0)


def test_a_restart_during_a_proof_asks_the_same_address_anew_by_the_new_names(connected: IceLite) -> None:
    """The answer to the request before proves nothing of the peer that the restart names."""
    connected.receive_check(nominating(), AWAY, 2.0)
    _, before = asked(connected, 2.0)
    connected.restart(NEW, PEER2)
    connected.receive_check(nominating(NEW, remote="peer2"), AWAY, 3.0)
    assert not connected.receive_response(before, AWAY, 3.0)
    due = connected.due_request(3.0)
    assert due is not None
    request = parse_binding_request(due[0])
    assert (request.local_ufrag, request.remote_ufrag) == ("peer2", NEW.ufrag)
    assert request.is_authentic(PEER2.password)
    assert not connected.receive_response(success_response(request, *AWAY, PEER.password), AWAY, 3.0)
    assert connected.receive_response(success_response(request, *AWAY, PEER2.password), AWAY, 3.0)
    assert connected.selected == AWAY


def test_a_restart_gives_no_address_that_was_proven_away(connected: IceLite) -> None:
    connected.restart(NEW, PEER2)
    connected.receive_check(check(NEW, remote="peer2"), HOME, 2.0)
    assert (connected.selected, connected.proven) == (HOME, True)
    assert connected.due_request(2.0) is None


def test_a_check_brings_few_requests_and_the_pauses_between_them_double(connected: IceLite) -> None:
    connected.receive_check(nominating(), AWAY, 2.0)
    sent = [n for n in range(1000) if connected.due_request(2.0 + n / 64) is not None]
    assert sent == [0, 7, 7 + 13, 7 + 13 + 26]  # 0.1 s, 0.2 s and 0.4 s apart, or a tick more


def test_of_many_addresses_that_were_left_the_first_is_forgotten_first(connected: IceLite) -> None:
    for port in range(1, MAX_FORMER + 2):
        away = ("192.0.2.9", port)
        connected.receive_check(nominating(), away, 2.0 + port / 10)
        assert connected.receive_response(asked(connected, 2.0 + port)[1], away, 2.0 + port)
    assert connected.receive_check(nominating(), HOME, 12.0).selected is None
    assert connected.receive_check(nominating(), ("192.0.2.9", 5), 12.0).selected
    assert [port for _, port in connected._former] == [n for n in range(1, MAX_FORMER + 2) if n != 5]


def test_a_check_renews_consent_of_its_own_address_only(connected: IceLite) -> None:
    connected.receive_check(nominating(), AWAY, 20.0)
    connected.receive_check(check(), THIRD, 30.0)
    assert connected.consent_expired(1.0 + CONSENT_SECONDS)
    connected.receive_check(check(), HOME, 31.0)
    assert not connected.consent_expired(60.0)


# --- consent of who is sent media (RFC 7675)


@pytest.fixture
def viewer() -> IceLite:
    return _new_viewer()


def _new_viewer() -> IceLite:
    """Its peer is at HOME, and has proven it at 1.0."""
    agent = IceLite(OLD, PEER, now=0.0, sends_media=True)
    agent.receive_check(nominating(), HOME, 1.0)
    agent.handshake_done(1.0)
    return agent


def requests(agent: IceLite, since: int, until: int) -> list[float]:
    """When it asks, if nobody answers; ticks come ten times a second."""
    times = [number / 10 for number in range(10 * since, 10 * until)]
    return [now for now in times if agent.due_request(now) is not None]


def test_no_check_and_no_report_renews_the_consent_of_who_is_sent_media(viewer: IceLite) -> None:
    for now in range(2, 30):
        viewer.receive_check(nominating(), HOME, float(now))
        viewer.touch(float(now))
    assert not viewer.consent_expired(30.9)
    assert viewer.consent_expired(1.0 + CONSENT_SECONDS)


def test_an_authentic_answer_renews_it_and_is_no_move(viewer: IceLite) -> None:
    assert not requests(viewer, 1, 8)
    address, answer = asked(viewer, 14.0)
    assert address == HOME
    assert not viewer.receive_response(answer, AWAY, 14.1)
    assert not viewer.receive_response(answer, HOME, 14.1)  # it was proven already
    assert viewer.asked is None
    assert not viewer.consent_expired(44.0)
    assert viewer.consent_expired(44.1)
    assert not viewer.receive_response(answer, HOME, 20.0)  # an old answer is none
    assert viewer.consent_expired(44.1)


def test_an_answer_to_a_measurement_renews_it_as_well(viewer: IceLite) -> None:
    due = viewer.due_measurement(1.0, 20.0)
    assert due is not None
    answer = success_response(parse_binding_request(due[0]), *HOME, PEER.password)
    assert viewer.round_trip(answer, AWAY, 20.5) is None
    assert viewer.round_trip(answer, HOME, 20.5) == (0, 0.5)
    assert not viewer.consent_expired(50.0)
    assert not requests(viewer, 21, 28)
    assert viewer.due_measurement(1.5, 21.0) is None
    due = viewer.due_measurement(1.0, 21.0)
    assert due is not None
    viewer.receive_check(nominating(), AWAY, 22.0)
    assert viewer.receive_response(asked(viewer, 22.0)[1], AWAY, 22.0)
    answer = success_response(parse_binding_request(due[0]), *HOME, PEER.password)
    assert viewer.round_trip(answer, HOME, 23.0) == (1, 2.0)  # which says nothing of the address that is next
    assert viewer.consent_expired(22.0 + CONSENT_SECONDS)


def test_only_a_proven_address_is_measured(agent: IceLite) -> None:
    assert agent.due_measurement(1.0, 1.0) is None
    agent.receive_check(nominating(), HOME, 1.0)
    assert agent.due_measurement(1.0, 1.0) is None
    agent.handshake_done(1.0)
    assert agent.due_measurement(1.0, 1.0) is not None


def test_a_train_goes_to_the_address_of_the_first_check_and_its_answers_tell_which_came(
    agent: IceLite,
) -> None:
    assert agent.train(3, 1.0) == []
    agent.receive_check(nominating(), HOME, 1.0)
    requests = [parse_binding_request(request) for request in agent.train(3, 1.0)]
    answers = [success_response(request, *HOME, PEER.password) for request in requests]
    assert agent.round_trip(answers[2], AWAY, 1.5) is None
    assert agent.round_trip(answers[2], HOME, 1.5) == (2, 0.5)
    assert agent.round_trip(answers[0], HOME, 1.75) == (0, 0.75)
    assert not agent.proven


def test_over_tcp_no_train_leaves() -> None:
    agent = IceLite(OLD, PEER, now=0.0)
    agent.receive_check(nominating(), TcpAddress("192.0.2.1", 1, 1), 1.0)
    assert agent.train(3, 1.0) == []


def test_who_does_not_answer_is_asked_a_few_times_each_two_seconds_and_not_all_at_once(
    viewer: IceLite,
) -> None:
    times = requests(viewer, 1, 31)
    assert 9.0 <= times[0] <= 13.1
    begins = {int(now - times[0]) // 2 for now in times}
    assert begins == set(range(len(begins)))
    assert 8 <= len(begins) <= 12
    assert len(times) <= MOST_REQUESTS * len(begins)
    firsts = {requests(_new_viewer(), 1, 15)[0] for _ in range(50)}
    assert len(firsts) > 10
    assert 9.0 <= min(firsts) < 10.0 < 12.0 < max(firsts) <= 13.1


def test_an_address_that_never_answers_does_not_keep_the_other_one_from_being_asked(viewer: IceLite) -> None:
    viewer.receive_check(check(), AWAY, 8.0)
    assert requests(viewer, 8, 9)
    address, answer = asked(viewer, 14.0)
    assert address == HOME
    viewer.receive_response(answer, HOME, 14.0)
    assert not viewer.consent_expired(43.9)


def test_a_way_back_renews_nothing(viewer: IceLite) -> None:
    viewer.touch(4.0)
    viewer.receive_check(nominating(), AWAY, 5.0)
    assert viewer.receive_response(asked(viewer, 5.0)[1], AWAY, 5.0)
    assert viewer.receive_check(nominating(), HOME, 20.0).selected == HOME
    assert viewer.consent_expired(1.0 + CONSENT_SECONDS)


def test_over_tcp_who_reads_acknowledges_and_is_not_asked() -> None:
    agent = IceLite(OLD, PEER, now=0.0, sends_media=True)
    address = TcpAddress("192.0.2.1", 1, 1)
    agent.receive_check(nominating(), address, 1.0)
    agent.handshake_done(1.0)
    assert not requests(agent, 1, 29)
    agent.receive_check(nominating(), address, 20.0)
    assert not agent.consent_expired(49.0)
