"""Offers of the server to viewers: who holds them, how long, how many, and what their answers make."""

import pytest

from media.relay.edge import LINGER_SECONDS
from media.rooms.policy import Policy
from media.rooms.server_offers import MOST_OFFERS, MOST_OFFERS_OF_CLIENT, VALID_SECONDS, ServerOffer
from media.sessions.end_reason import EndReason
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.sdp.offer import Offer, parse_offer
from tests.support.offers import PLAY_OFFER
from tests.unit.media.negotiation.test_offer import answered
from tests.unit.media.rooms.admission_world import DEMO, World

CANNOT = parse_offer(PLAY_OFFER.decode().replace("VP8", "VP9"))


def offer(world: World, client: str = "") -> tuple[ServerOffer, Offer]:
    """An offer, and the answer of a viewer that takes all."""
    held, text = world.admission.offer(DEMO, world.now, None, 0, client=client)
    return held, parse_offer(answered(text))


def found(world: World, held: ServerOffer) -> bool:
    return world.admission.offers.find(held.session, DEMO, world.now) is not None


def refusal(world: World, held: ServerOffer, answer: Offer) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        world.admission.answer(held, answer, world.now)
    return refused.value


@pytest.fixture
async def world() -> World:
    world = World(policy=Policy(seats=2))
    world.publish()
    return world


async def test_the_answer_makes_a_viewer_of_the_session_that_was_offered(world: World) -> None:
    held, answer = offer(world)
    assert world.room is not None
    assert not world.room.viewers
    session = world.admission.answer(held, answer, world.now)
    assert session.id == held.session
    assert session.etag == held.local.ufrag
    assert session.answer == answer
    assert {track.codec.payload_type for track in session.played} == {96, 111}
    assert list(world.room.viewers) == [held.session]
    assert not found(world, held)
    assert world.delete(held.session, Role.PLAY) == EndReason.DELETED


async def test_an_offer_is_valid_for_its_time_only(world: World) -> None:
    held, _ = offer(world)
    world.now += VALID_SECONDS - 0.001
    assert found(world, held)
    world.now += 0.001
    assert not found(world, held)
    assert len(world.admission.offers._offers) == 0
    with pytest.raises(ServiceError) as late:
        world.delete(held.session, Role.PLAY)
    assert late.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_a_delete_takes_an_offer_back(world: World) -> None:
    held, _ = offer(world)
    with pytest.raises(ServiceError):
        world.delete(held.session, Role.PUBLISH)
    assert world.delete(held.session, Role.PLAY) == EndReason.DELETED
    assert not found(world, held)


async def test_an_answer_that_takes_nothing_says_why_and_may_be_mended(world: World) -> None:
    held, answer = offer(world)
    refused = refusal(world, held, CANNOT)
    assert held.room.warnings.texts == (
        "a viewer could not play this room: codec not supported by viewer: VP8",
    )
    assert (refused.code, refused.detail) == (ErrorCode.INVALID_SDP, "codec not supported by viewer: VP8")
    assert found(world, held)
    world.admission.answer(held, answer, world.now)


async def test_seats_are_taken_by_answers(world: World) -> None:
    offers = [offer(world) for _ in range(3)]
    for held, answer in offers[:2]:
        world.admission.answer(held, answer, world.now)
    assert refusal(world, *offers[2]).code is ErrorCode.SUBSCRIBER_LIMIT
    assert found(world, offers[2][0])


async def test_a_client_with_as_many_viewers_as_it_may_have_is_made_no_offer(world: World) -> None:
    world.roster.seats._most_viewers = 1
    held, answer = offer(world, client="192.0.2.1")
    world.watch(client="192.0.2.1")
    with pytest.raises(ServiceError, match="viewer_limit"):
        offer(world, client="192.0.2.1")
    assert refusal(world, held, answer).code is ErrorCode.VIEWER_LIMIT


async def test_an_offer_ends_with_its_room(world: World) -> None:
    held, answer = offer(world)
    world.rooms.close(DEMO, EndReason.ROOM_CLOSED)
    assert refusal(world, held, answer).code is ErrorCode.SESSION_NOT_FOUND
    world.publish()  # another room: it sends from other sources
    assert refusal(world, held, answer).code is ErrorCode.SESSION_NOT_FOUND


async def test_the_oldest_offers_give_way_first_those_of_the_same_client(world: World) -> None:
    stranger, _ = offer(world)
    of_client = [offer(world, client="192.0.2.1")[0] for _ in range(MOST_OFFERS_OF_CLIENT + 1)]
    assert found(world, stranger)
    assert [found(world, held) for held in of_client[:2]] == [False, True]
    for _ in range(MOST_OFFERS - MOST_OFFERS_OF_CLIENT):
        offer(world)
    assert not found(world, stranger)
    assert len(world.admission.offers._offers) == MOST_OFFERS


async def test_a_copy_outlives_its_last_viewer_as_long_as_an_offer_may_be_answered(world: World) -> None:
    held, _ = offer(world)
    assert held.room.offered_until == world.now + VALID_SECONDS > world.now + LINGER_SECONDS


async def test_only_a_viewer_without_another_way_warns_its_room(world: World) -> None:
    assert world.room is not None
    for has_another_way, warnings in ((True, 0), (False, 1)):
        with pytest.raises(ServiceError):
            world.admission.join(DEMO, CANNOT, world.now, None, 0, has_another_way=has_another_way)
        assert len(world.room.warnings.texts) == warnings
