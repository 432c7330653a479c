"""Who may open a room, take it over, watch it, and end it."""

import re
from typing import Any, cast

import pytest

from media.negotiation.negotiate import CannotPlayError
from media.rooms.late_deletes import LATE_DELETE_SECONDS
from media.rooms.policy import Policy
from media.rooms.publisher_life import PublisherState
from media.rooms.seats import LATE_SECONDS
from media.sessions.end_reason import FOR_GOOD, MAY_COME_BACK, EndReason
from media.sessions.publisher_session import SILENT_SECONDS, START_SECONDS
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import RoomSettings
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.sdp.offer import parse_offer
from tests.support.offers import PLAY_OFFER
from tests.unit.media.rooms.admission_world import DEMO, GRACE, OFFER, World

# --- taking a room over


async def test_a_silent_publisher_is_replaced_by_itself_only(world: World) -> None:
    first, viewer = world.publish("ann"), world.watch()
    world.now += START_SECONDS
    assert not world.may_publish("eve")
    assert not world.may_publish("")
    assert world.may_publish("ann")
    assert first.ended
    assert not viewer.ended
    assert world.ledger.ended[Role.PUBLISH, EndReason.REPLACED] == 1


async def test_who_has_no_identity_takes_no_room_over_not_even_its_own(world: World) -> None:
    world.publish("")
    world.now += START_SECONDS
    assert not world.may_publish("")


async def test_in_a_room_that_waits_its_publisher_finds_its_viewers(world: World) -> None:
    first, viewer = world.publish("ann"), world.watch()
    first.end(EndReason.CLOSED_BY_PEER)
    before = world.room
    assert world.may_publish("ann")
    assert world.room is before
    assert not viewer.ended


@pytest.mark.parametrize("identity", ["eve", ""])
async def test_viewers_of_a_room_that_waits_see_nobody_else(world: World, identity: str) -> None:
    first, viewer = world.publish("ann"), world.watch()
    first.end(EndReason.CLOSED_BY_PEER)
    before = world.room
    assert world.may_publish(identity)
    assert world.room is not before
    assert viewer.ended
    assert world.ledger.ended[Role.PLAY, EndReason.PUBLISHER_LEFT] == 1
    assert not world.freed  # its name is still this worker's
    assert world.copies.closed == [(DEMO, EndReason.PUBLISHER_LEFT)]


async def test_while_a_room_is_being_opened_nobody_else_opens_it(world: World) -> None:
    """Its claim takes a round trip to Redis, in which other offers come."""
    with world.admission.opening(DEMO, "ann", world.now) as is_here:
        assert not is_here
        assert len(world.admission._opening) == 1
        assert not world.may_publish("ann")
        with world.admission.opening(RoomName("other"), "eve", world.now):
            assert len(world.admission._opening) == 2
    assert len(world.admission._opening) == 0
    assert world.may_publish("ann")


async def test_a_claim_that_failed_reserves_nothing(world: World) -> None:
    with pytest.raises(LookupError), world.admission.opening(DEMO, "ann", world.now):
        raise LookupError
    assert world.may_publish("eve")


async def test_a_publisher_that_comes_back_during_another_one_s_claim_keeps_its_room(world: World) -> None:
    first = world.publish("ann")
    first.end(EndReason.CLOSED_BY_PEER)
    with world.admission.opening(DEMO, "eve", world.now) as is_here:
        assert is_here
        local, tracks, _ = world.admission.negotiate_publish(OFFER, over_ipv6=False)
        world.admission.publish(DEMO, OFFER, local, tracks, world.now, None, "ann")
        with pytest.raises(ServiceError):
            world.admission.publish(DEMO, OFFER, local, tracks, world.now, None, "eve")
    room = world.room
    assert room is not None
    assert room.identity == "ann"


async def test_a_copy_is_not_this_worker_s_and_its_publisher_may_come_here(world: World) -> None:
    copy, viewer = world.copy("ann"), world.watch()
    with world.admission.opening(DEMO, "ann", world.now) as is_here:
        assert not is_here  # the claim is its origin's
    assert list(world.rooms.names()) == []
    assert world.may_publish("ann")
    assert world.room is copy
    assert not viewer.ended
    assert list(world.rooms.names()) == [DEMO]


@pytest.mark.parametrize("stood_in", [False, True])
async def test_who_sends_more_than_the_room_has_opens_it_anew(world: World, stood_in: bool) -> None:
    """Viewers must come again, to get it."""
    first, viewer = world.publish("ann", tracks=1), world.watch()
    with pytest.raises(ServiceError, match="a standby must send what the room has: opus"):
        world.publish("eve", stands_by=True)
    others = [world.publish("eve", stands_by=True, tracks=1)] if stood_in else []
    first.end(EndReason.CLOSED_BY_PEER)
    before = world.room
    world.publish("ann")
    assert world.room is not before
    assert all(each.ended for each in (viewer, *others))


# --- how long a room waits


@pytest.mark.parametrize("reason", [each for each in EndReason if each not in MAY_COME_BACK])
async def test_a_room_ends_with_a_session_that_ends_for_good(world: World, reason: EndReason) -> None:
    world.publish().end(reason)
    assert world.room is None
    assert [name for name, *_ in world.freed] == [DEMO]


async def test_a_room_waits_as_long_as_it_may(world: World) -> None:
    first = world.publish()
    first.end(EndReason.CLOSED_BY_PEER)
    room = world.room
    assert room is not None
    assert room.publisher_state(world.now) is PublisherState.AWAY
    assert (room.has_publisher, room.left_by) == (False, first.id)
    world.now += GRACE - 0.1
    world.rooms.tick(world.now)
    assert world.room is room
    world.now += 0.1
    world.rooms.tick(world.now)
    assert world.room is None
    assert [freed[:2] for freed in world.freed] == [(DEMO, True)]


async def test_a_comeback_that_fails_does_not_cost_the_room_its_grace(world: World) -> None:
    first, viewer = world.publish(), world.watch()
    first.end(EndReason.CLOSED_BY_PEER)
    world.publish().end(EndReason.NOT_CONNECTED)
    world.now += GRACE - 0.1
    world.rooms.tick(world.now)
    assert world.may_publish()
    assert not viewer.ended


async def test_nor_does_one_of_a_publisher_that_was_silent(world: World) -> None:
    first, viewer = world.publish(), world.watch()
    first.connected = True
    world.now += 100.0
    assert world.room is not None
    world.room.tracks[0].source.heard_at = heard_at = world.now
    world.now += SILENT_SECONDS
    second = world.publish()
    assert first.ended
    second.end(EndReason.NOT_CONNECTED)
    world.now = heard_at + GRACE - 0.1
    world.rooms.tick(world.now)
    assert not viewer.ended
    world.now = heard_at + GRACE
    world.rooms.tick(world.now)
    assert viewer.ended
    assert [freed[:2] for freed in world.freed] == [(DEMO, True)]


async def test_a_room_whose_publisher_never_connected_does_not_wait(world: World) -> None:
    world.publish().end(EndReason.NOT_CONNECTED)
    assert world.room is None
    assert [freed[:2] for freed in world.freed] == [(DEMO, False)]  # nobody may claim that there was one


async def test_without_a_grace_no_room_waits() -> None:
    world = World(grace=0.0)
    world.publish().end(EndReason.CLOSED_BY_PEER)
    assert world.room is None


async def test_the_end_of_a_session_that_was_replaced_ends_nothing(world: World) -> None:
    first = world.publish("ann")
    world.now += START_SECONDS
    second = world.publish("ann")
    room = world.room
    assert room is not None
    world.rooms.source_ended(room, cast(Any, first), EndReason.DELETED, first.id)
    assert world.room is room
    assert room.source is second


# --- a DELETE that comes late


async def test_a_delete_after_the_peer_has_closed_ends_the_room(world: World) -> None:
    """OBS says goodbye by DTLS first, and then by DELETE."""
    session = world.publish()
    session.end(EndReason.CLOSED_BY_PEER)
    assert world.delete(session.id) is EndReason.CLOSED_BY_PEER
    assert world.room is None
    with pytest.raises(ServiceError) as caught:
        world.delete(session.id)
    assert caught.value.code is ErrorCode.SESSION_NOT_FOUND


@pytest.mark.parametrize("has_left", [False, True])
async def test_a_late_delete_of_a_former_session_ends_neither_its_successor_nor_the_room(
    world: World, has_left: bool
) -> None:
    first = world.publish("ann")
    first.end(EndReason.CLOSED_BY_PEER)
    second = world.publish("ann")
    if has_left:
        second.end(EndReason.CLOSED_BY_PEER)
    assert world.delete(first.id) is EndReason.CLOSED_BY_PEER
    assert second.ended is has_left
    assert world.room is not None


@pytest.mark.parametrize("reason", FOR_GOOD)
async def test_a_publisher_that_was_ended_for_good_learns_it_from_its_delete(
    world: World, reason: EndReason
) -> None:
    session = world.publish()
    session.end(reason)
    assert world.delete(session.id) == reason


@pytest.mark.parametrize("reason", [EndReason.NOT_CONNECTED, EndReason.HANDSHAKE_FAILED])
async def test_no_delete_is_expected_of_who_never_connected(world: World, reason: EndReason) -> None:
    session = world.publish()
    session.end(reason)
    with pytest.raises(ServiceError):
        world.delete(session.id)


async def test_a_viewer_s_late_delete_is_taken_for_a_while(world: World) -> None:
    world.publish()
    early, late, ended = world.watch(), world.watch(), world.watch()
    for viewer in (early, late):
        viewer.end(EndReason.CONSENT_EXPIRED)
    ended.end(EndReason.ENDED_BY_OPERATOR)
    world.now += LATE_DELETE_SECONDS - 0.1
    assert world.delete(early.id, Role.PLAY) is EndReason.CONSENT_EXPIRED
    world.now += 0.1
    for viewer in (late, ended):
        with pytest.raises(ServiceError):
            world.delete(viewer.id, Role.PLAY)
    assert world.room is not None


async def test_a_delete_ends_a_session_that_lives(world: World) -> None:
    session, viewer = world.publish(), world.watch()
    assert world.delete(viewer.id, Role.PLAY) is EndReason.DELETED
    assert viewer.ended
    assert world.room is not None
    assert world.room.viewers == {}
    for wrong in (Role.PLAY, Role.PUBLISH):
        with pytest.raises(ServiceError):
            world.admission.delete(session.id, "other" if wrong is Role.PUBLISH else DEMO, wrong, world.now)
    assert not session.ended
    assert world.delete(session.id) is EndReason.DELETED
    assert world.room is None
    assert len(world.roster) == 0


# --- viewers


async def test_without_a_room_a_viewer_is_told_when_to_ask_again(world: World) -> None:
    for ask in (world.watch, lambda: world.admission.offer(DEMO, world.now, None, 0)):
        with pytest.raises(ServiceError) as caught:
            ask()
        assert (caught.value.code, caught.value.retry_after) == (ErrorCode.NO_PUBLISHER, 2)


async def test_viewers_on_other_workers_count_to_the_limit() -> None:
    world = World(policy=Policy(seats=3))
    world.publish()
    world.watch(elsewhere=2)
    for elsewhere, fits in ((2, False), (1, True), (1, False), (0, True), (0, False)):
        if fits:
            world.watch(elsewhere)
            continue
        with pytest.raises(ServiceError) as caught:
            world.watch(elsewhere)
        assert caught.value.code is ErrorCode.SUBSCRIBER_LIMIT


async def test_a_room_has_the_seats_that_are_set_for_it() -> None:
    for seats, fit in ((2, 2), (0, 4), (None, 3)):
        world = World(policy=Policy(lambda room, seats=seats: RoomSettings(room=room, seats=seats), 3))
        world.publish()
        for _ in range(fit):
            world.watch()
        if seats != 0:
            with pytest.raises(ServiceError, match="subscriber_limit"):
                world.watch()


async def test_a_seat_gives_way_to_who_can_play_the_room_only() -> None:
    world = World(policy=Policy(seats=1))
    world.publish()
    seat = world.watch(client="eve")
    world.now += LATE_SECONDS
    foreign = parse_offer(re.sub(r"(a=rtpmap:\d+) \w+/", r"\1 FOREIGN/", PLAY_OFFER.decode()))
    with pytest.raises(CannotPlayError):
        world.watch(offer=foreign, client="ann")
    assert not seat.ended
    viewer = world.watch(client="ann")
    assert seat.ended
    assert world.room is not None
    assert list(world.room.viewers) == [viewer.id]


async def test_why_viewers_leave_is_told_as_theirs(world: World) -> None:
    """A publisher's reasons are nothing to them: to them it left."""
    for reason, of_viewers in (
        (EndReason.ROOM_CLOSED, EndReason.ROOM_CLOSED),
        (EndReason.ROOM_LOST, EndReason.ROOM_LOST),
        (EndReason.WORKER_STOPS, EndReason.WORKER_STOPS),
        (EndReason.TOKEN_REVOKED, EndReason.PUBLISHER_LEFT),
    ):
        world.publish()
        world.watch()
        before = world.ledger.ended[Role.PLAY, of_viewers]
        assert world.rooms.close(DEMO, reason) == 2
        assert world.ledger.ended[Role.PLAY, of_viewers] == before + 1
        assert world.rooms.close(DEMO, reason) == 0
