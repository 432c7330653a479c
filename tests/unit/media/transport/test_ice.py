"""The lite agent answers peers that prove the password, follows nominations, and keeps media at a restart."""

from typing import Any

import pytest
from aioice import stun as other

from media.transport.ice import HOLD_SECONDS, MAX_UFRAGS, QUIET_SECONDS, Credentials, IceLite, new_credentials
from media.transport.stun import parse_binding_request
from tests.support.ice_checks import AWAY, HOME, NEW, OLD, PEER, PEER2, check, nominating


@pytest.fixture
def agent() -> IceLite:
    return IceLite(OLD, PEER, now=0.0)


def answer(reply: bytes) -> other.Message:
    return other.parse_message(reply)


def test_a_valid_check_is_answered_with_where_it_came_from(agent: IceLite) -> None:
    result = agent.receive_check(nominating(), HOME, 1.0)
    assert result.valid
    assert result.selected == HOME == agent.selected
    reply = answer(result.reply)
    assert reply.message_class == other.Class.RESPONSE
    assert reply.attributes["XOR-MAPPED-ADDRESS"] == HOME
    assert reply.check_message_integrity(OLD.password.encode())


def test_longer_addresses_of_ipv6_sockets_are_taken(agent: IceLite) -> None:
    address = ("fe80::1%eth0", 1000, 0, 2)
    result = agent.receive_check(nominating(), address, 1.0)
    assert result.selected == address
    assert answer(result.reply).attributes["XOR-MAPPED-ADDRESS"] == ("fe80::1", 1000)


@pytest.mark.parametrize(
    ("request_", "code", "signed"),
    [
        (check(password="wrong" * 5), 401, False),
        (check(NEW), 401, False),
        (check(remote="stranger"), 401, False),
        (check(ICE_CONTROLLED=2**64 - 1), 487, True),
        (check(ICE_CONTROLLED=0), 487, True),
        (check(CHANGE_REQUEST=1), 420, True),
    ],
)
def test_refused_checks_change_nothing(agent: IceLite, request_: Any, code: int, signed: bool) -> None:
    agent.receive_check(check(), HOME, 0.0)
    result = agent.receive_check(request_, AWAY, 29.0)
    assert not result.valid
    assert result.selected is None
    assert agent.selected == HOME
    assert agent.consent_expired(30.0)
    reply = answer(result.reply)
    assert reply.error_code == code
    assert reply.check_message_integrity(OLD.password.encode()) == signed


def test_a_check_without_integrity_is_a_bad_request(agent: IceLite) -> None:
    named = {"USERNAME": f"{OLD.ufrag}:peer"}
    message = other.Message(other.Method.BINDING, other.Class.REQUEST, attributes=named)
    result = agent.receive_check(parse_binding_request(bytes(message)), HOME, 1.0)
    assert not result.valid
    assert answer(result.reply).error_code == 400


def test_the_first_valid_address_is_taken_until_one_is_nominated(agent: IceLite) -> None:
    assert agent.receive_check(check(), HOME, 1.0).selected == HOME
    assert agent.receive_check(check(), AWAY, 2.0).selected is None
    assert agent.selected == HOME
    assert agent.receive_check(nominating(), AWAY, 3.0).selected == AWAY
    assert agent.receive_check(nominating(), AWAY, 4.0).selected is None
    assert agent.receive_check(check(), HOME, 5.0).selected is None
    assert agent.selected == AWAY
    assert agent.receive_check(nominating(), HOME, 6.0).selected == HOME


@pytest.mark.parametrize("nominated_first", [True, False])
def test_a_peer_that_never_nominates_again_is_followed_once_its_address_is_quiet(
    agent: IceLite, nominated_first: bool
) -> None:
    agent.receive_check(nominating() if nominated_first else check(), HOME, 1.0)
    agent.receive_check(check(), HOME, 6.0)
    assert agent.receive_check(check(), AWAY, 6.0 + QUIET_SECONDS - 0.1).selected is None
    assert agent.receive_check(check(), AWAY, 6.0 + QUIET_SECONDS).selected == AWAY
    assert agent.receive_check(check(), HOME, 11.0).selected is None
    assert agent.selected == AWAY


def test_an_address_is_held_while_its_peer_is_heard(agent: IceLite) -> None:
    assert not agent.holds(HOME, 0.0)
    agent.receive_check(nominating(), HOME, 1.0)
    agent.receive_check(check(), AWAY, 1.0)
    assert agent.holds(HOME, HOLD_SECONDS)
    assert not agent.holds(AWAY, 1.0)
    assert not agent.holds(HOME, 1.0 + HOLD_SECONDS)
    agent.touch(5.0)
    assert agent.holds(HOME, 1.0 + HOLD_SECONDS)


def test_a_new_ufrag_is_a_restart_and_a_former_one_is_not(agent: IceLite) -> None:
    assert not agent.is_restart("peer")
    assert agent.is_restart("peer2")
    agent.restart(NEW, PEER2)
    for _ in range(2):
        assert not agent.is_restart("peer2")
        assert not agent.is_restart("peer")
        assert agent.is_restart("peer3")
        agent.receive_check(nominating(NEW, remote="peer2"), HOME, 1.0)


def test_a_limited_number_of_ufrags_is_remembered(agent: IceLite) -> None:
    later = [f"later{number}" for number in range(2 * MAX_UFRAGS)]
    for ufrag in later:
        agent.restart(NEW, Credentials(ufrag, "p" * 24))
    assert [ufrag for ufrag in ("peer", *later) if not agent.is_restart(ufrag)] == later[-MAX_UFRAGS:]


def test_consent_lasts_from_the_last_sign_of_the_peer(agent: IceLite) -> None:
    assert not agent.consent_expired(29.9)
    assert agent.consent_expired(30.0)
    agent.receive_check(check(), HOME, 10.0)
    assert not agent.consent_expired(39.9)
    assert agent.consent_expired(40.0)
    agent.touch(5.0)
    assert not agent.consent_expired(39.9)  # news of the past take nothing back
    assert agent.consent_expired(40.0)
    agent.touch(41.0)
    assert not agent.consent_expired(70.9)
    assert agent.consent_expired(71.0)


def test_the_old_session_is_served_until_the_new_one_is_used(agent: IceLite) -> None:
    agent.receive_check(nominating(), HOME, 1.0)
    agent.restart(NEW, PEER2)
    assert agent.local == NEW
    assert set(agent.local_ufrags) == {OLD.ufrag, NEW.ufrag}
    assert agent.selected == HOME

    assert agent.receive_check(check(), HOME, 2.0).valid
    assert not agent.receive_check(check(NEW, remote="peer"), AWAY, 3.0).valid
    assert not agent.receive_check(check(NEW, remote="peer2", password=OLD.password), AWAY, 3.0).valid
    assert agent.receive_check(check(OLD), HOME, 3.5).valid

    result = agent.receive_check(check(NEW, remote="peer2"), AWAY, 4.0)
    assert result.valid
    assert answer(result.reply).check_message_integrity(NEW.password.encode())
    assert agent.selected == HOME  # until the peer nominates
    assert agent.local_ufrags == (NEW.ufrag,)
    assert not agent.receive_check(check(OLD), HOME, 5.0).valid
    assert agent.receive_check(nominating(NEW, remote="peer2"), AWAY, 6.0).selected == AWAY


def test_a_second_restart_replaces_one_that_was_never_used(agent: IceLite) -> None:
    third = Credentials("third", "t" * 24)
    agent.restart(NEW, PEER2)
    agent.restart(third, Credentials("peer3", "p" * 24))
    assert set(agent.local_ufrags) == {OLD.ufrag, third.ufrag}
    assert not agent.receive_check(check(NEW, remote="peer2"), HOME, 1.0).valid
    assert agent.receive_check(check(third, remote="peer3"), HOME, 1.0).valid


def test_credentials_are_fresh_long_enough_and_not_shown() -> None:
    one, two = new_credentials(), new_credentials()
    assert one != two
    assert len(one.ufrag) >= 4
    assert len(one.password) >= 22
    assert f"{one.ufrag}{one.password}".isalnum()
    assert one.password not in repr(one)
