"""A viewer answers an offer of the worker, in time, late, or twice, and is a viewer as any other."""

import gc
import weakref

import pytest

from media.rooms.server_offers import VALID_SECONDS
from media.sessions.end_reason import EndReason
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import FindSessions
from shared.messages.signalling import Answer, AnswerOffer, Patched, Play, Role
from tests.support.peer import Peer
from tests.support.plane import ROOM, Plane
from tests.support.sdp import sent_offer


async def offer_to(plane: Plane, peer: Peer, offer: bytes = b"") -> Answer:
    offered = await plane.handlers.play(Play(room=ROOM, offer=offer, takes_offers=True))
    assert offered.valid_until is not None
    plane.answers[id(peer)] = offered
    return offered


async def answer(plane: Plane, peer: Peer) -> Patched:
    session = plane.answers[id(peer)].session
    message = AnswerOffer(session=session, room=ROOM, answer=sent_offer(peer.offer()))
    return await plane.handlers.answer_offer(message)


async def refusal(plane: Plane, peer: Peer) -> ErrorCode:
    with pytest.raises(ServiceError) as refused:
        await answer(plane, peer)
    return refused.value.code


def viewer(plane: Plane) -> Peer:
    """A client whose offer serves as an answer: it takes the other side's role in DTLS."""
    return plane.peer(publishes=False, setup="passive")


async def test_media_flows_to_who_answers(plane: Plane) -> None:
    publisher, peer = await plane.connected(publishes=True), viewer(plane)
    offered = await offer_to(plane, peer)
    assert (await answer(plane, peer)).etag == offered.etag
    await plane.connect(peer, offered)
    await peer.gets_media_of(publisher)
    restarted = await plane.patch(peer, Role.PLAY, "a=ice-ufrag:next\r\na=ice-pwd:" + "p" * 24, "*")
    assert restarted.fragment
    assert await plane.delete(peer, Role.PLAY) is None


async def test_who_cannot_be_answered_is_made_an_offer(plane: Plane) -> None:
    await plane.connected(publishes=True)
    peer = viewer(plane)
    other = sent_offer(peer.offer().replace("VP8", "VP9"))
    assert "VP8" in (await offer_to(plane, peer, other)).sdp
    answered = await plane.handlers.play(Play(room=ROOM, offer=sent_offer(peer.offer()), takes_offers=True))
    assert answered.valid_until is None


async def test_the_same_answer_again_is_taken_and_another_one_is_not(plane: Plane) -> None:
    await plane.connected(publishes=True)
    peer, other = viewer(plane), viewer(plane)
    await offer_to(plane, peer)
    first = await answer(plane, peer)
    session = plane.session(peer)
    assert await answer(plane, peer) == first
    plane.answers[id(other)] = plane.answers[id(peer)]
    assert await refusal(plane, other) is ErrorCode.ALREADY_ANSWERED
    assert plane.session(peer) is session
    assert not session.ended


async def test_whose_offer_was_answered_has_nothing_to_answer(plane: Plane) -> None:
    await plane.connected(publishes=True)
    peer = viewer(plane)
    await plane.ask(peer, publishes=False)
    assert await refusal(plane, peer) is ErrorCode.UNSUPPORTED_MEDIA_TYPE


async def test_an_offer_is_known_by_its_id_until_it_is_over(plane: Plane) -> None:
    await plane.connected(publishes=True)
    peer, own = viewer(plane), viewer(plane)
    offered = await offer_to(plane, peer)
    asked = await plane.ask(own, publishes=False)
    sessions = (offered.session, asked.session, "w1.unknown")
    living = await plane.handlers.find_sessions(FindSessions(sessions=sessions, room=ROOM))
    assert (living.sessions, living.offered) == (sessions[:2], sessions[:1])
    assert (await plane.patch(peer, Role.PLAY, "a=mid:0", None)).fragment is None
    with pytest.raises(ServiceError) as stale:
        await plane.patch(peer, Role.PLAY, "a=mid:0", '"other"')
    assert stale.value.code is ErrorCode.PRECONDITION_FAILED
    assert await plane.delete(peer, Role.PLAY) is None
    assert await refusal(plane, peer) is ErrorCode.SESSION_NOT_FOUND


async def test_an_offer_that_nobody_answers_keeps_an_ended_room_for_its_time_only(plane: Plane) -> None:
    """Also on a worker that is asked for nothing more."""
    await plane.connected(publishes=True)
    await offer_to(plane, viewer(plane))
    room = weakref.ref(plane.room)
    plane.media.rooms.close(ROOM, EndReason.ROOM_CLOSED)
    plane.tick(VALID_SECONDS)
    gc.collect()
    assert room() is None
