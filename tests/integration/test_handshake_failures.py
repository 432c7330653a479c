"""Sessions whose DTLS handshake fails or begins early: what the log and the metrics say, and who gets in."""

import asyncio

from structlog.testing import capture_logs

from media.sessions.session import SETUP_SECONDS
from media.transport.certificate import Certificate
from media.transport.handshake_failure import HandshakeFailure
from shared.messages.signalling import Role
from tests.support.peer import IN_TIME
from tests.support.plane import Plane
from tests.support.waiting import eventually


async def test_a_handshake_that_does_not_end_in_time_says_how_far_it_came(plane: Plane) -> None:
    failure = HandshakeFailure.STALLED
    peer = plane.peer(publishes=True)
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    assert await peer.check()
    session = plane.session(peer)
    peer.send(b"\x16" * 30)
    await eventually("it was heard", lambda: session._dtls.stopped_at.failure is failure, IN_TIME)
    with capture_logs() as logs:
        plane.tick(SETUP_SECONDS)
    ended = next(line for line in logs if line["event"] == "session ended")
    assert (ended["reason"], ended["why"]) == ("never connected", failure)
    assert plane.media.ledger.failed_handshakes == {(Role.PUBLISH, failure): 1}


async def test_a_session_without_a_check_has_no_handshake_that_could_fail(plane: Plane) -> None:
    peer = plane.peer(publishes=True)
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    with capture_logs() as logs:
        plane.tick(SETUP_SECONDS)
    ended = next(line for line in logs if line["event"] == "session ended")
    assert "why" not in ended
    assert not plane.media.ledger.failed_handshakes


async def test_a_failed_handshake_ends_the_session_with_the_reason(plane: Plane) -> None:
    peer = plane.peer(publishes=True)
    answer = await plane.ask(peer, publishes=True)
    peer.certificate = Certificate.generate()  # not that of its offer
    await peer.take(answer.sdp)
    with capture_logs() as logs:
        assert await peer.check()
        shaking = asyncio.create_task(peer.shake_hands())
        await eventually("the session ended", lambda: not len(plane.media.roster), IN_TIME)
    await asyncio.wait([shaking], timeout=IN_TIME)
    ended = next(line for line in logs if line["event"] == "session ended")
    assert ended["reason"] == "DTLS handshake failed"
    assert ended["why"] == HandshakeFailure.WRONG_FINGERPRINT
    assert plane.media.ledger.failed_handshakes == {(Role.PUBLISH, HandshakeFailure.WRONG_FINGERPRINT): 1}


async def test_a_handshake_that_begins_before_the_first_check_goes_on_after_it(plane: Plane) -> None:
    peer = plane.peer(publishes=True, setup="active")
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    shaking = asyncio.create_task(peer.shake_hands())
    await asyncio.sleep(0)
    assert await peer.check()
    await shaking
    await eventually("the server is connected, too", lambda: plane.session(peer).connected, IN_TIME)


async def test_a_bug_in_a_handshake_ends_its_session_with_one_line(plane: Plane) -> None:
    peer = plane.peer(publishes=True, setup="passive")
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    session = plane.session(peer)
    session._dtls._send = fail
    with capture_logs() as logs:
        assert await peer.check()
        await eventually("the session ended", lambda: session.ended, IN_TIME)
    [line] = (line for line in logs if line["log_level"] == "error")
    assert (line["event"], line["session"]) == ("unexpected error in a DTLS handshake", session.id)
    ended = next(line for line in logs if line["event"] == "session ended")
    assert ended["why"] == HandshakeFailure.FAULT


def fail(_: object) -> None:
    raise RuntimeError
