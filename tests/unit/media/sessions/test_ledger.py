"""What a worker counts of its sessions, for Prometheus."""

from types import SimpleNamespace
from typing import Any

from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from media.transport.dtls import DtlsError
from media.transport.handshake_failure import HandshakeFailure
from shared.messages.signalling import Role


def session(
    role: Role = Role.PLAY,
    *,
    connected: bool = False,
    failure: HandshakeFailure | None = None,
    client: str = "192.0.2.1",
) -> Any:
    error = None if failure is None else DtlsError(failure)
    return SimpleNamespace(
        role=role, connected=connected, began_at=100.0, handshake_error=error, client=client
    )


def test_sessions_are_counted_by_role_and_reason() -> None:
    ledger = Ledger(lambda: 107.0)
    for role in (Role.PLAY, Role.PLAY, Role.PUBLISH):
        ledger.session_opened(session(role))
    for reason in (EndReason.DELETED, EndReason.DELETED, EndReason.NOT_CONNECTED):
        ledger.session_ended(session(), reason)
    assert ledger.opened == {Role.PLAY: 2, Role.PUBLISH: 1}
    assert ledger.ended == {(Role.PLAY, EndReason.DELETED): 2, (Role.PLAY, EndReason.NOT_CONNECTED): 1}


def test_only_a_session_that_connected_has_had_a_life() -> None:
    ledger = Ledger(lambda: 107.0)
    ledger.session_ended(session(), EndReason.NOT_CONNECTED)
    assert ledger.lives[Role.PLAY].sum == 0
    ledger.session_ended(session(connected=True), EndReason.DELETED)
    assert ledger.lives[Role.PLAY].sum == 7.0
    assert ledger.lives[Role.PUBLISH].sum == 0


def test_why_handshakes_failed_is_counted() -> None:
    ledger = Ledger()
    ledger.session_ended(session(), EndReason.NOT_CONNECTED)
    ledger.session_ended(session(failure=HandshakeFailure.FAULT), EndReason.HANDSHAKE_FAILED)
    assert ledger.failed_handshakes == {(Role.PLAY, HandshakeFailure.FAULT): 1}


def test_the_time_to_connect_is_that_from_the_answer_and_the_handshake_s_that_from_the_check() -> None:
    ledger = Ledger()
    ledger.session_connected(session(Role.PUBLISH), since_answer=3.0, handshake=0.5)
    assert (ledger.connects[Role.PUBLISH].sum, ledger.handshakes[Role.PUBLISH].sum) == (3.0, 0.5)


def test_interruptions_add_up_by_role() -> None:
    ledger = Ledger()
    for seconds in (0.5, 1.25):
        ledger.session_interrupted(session(Role.PLAY), seconds)
    assert ledger.interrupted == {Role.PLAY: 1.75, Role.PUBLISH: 0.0}


def test_a_client_that_does_not_connect_counts_once_and_one_that_leaves_not_at_all() -> None:
    ledger = Ledger(lambda: 107.0)
    ledger.session_connected(session(client="192.0.2.2"), since_answer=0.1, handshake=0.05)
    ledger.session_ended(session(client="192.0.2.2", connected=True), EndReason.CONSENT_EXPIRED)
    for _ in range(3):
        ledger.session_ended(session(), EndReason.NOT_CONNECTED)
        ledger.session_ended(session(), EndReason.HANDSHAKE_FAILED)
    ledger.session_ended(session(client="192.0.2.3"), EndReason.DELETED)
    assert ledger.clients[Role.PLAY].counts() == (1, 1)
    assert ledger.clients[Role.PUBLISH].counts() == (0, 0)
