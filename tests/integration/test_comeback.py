"""A publisher that goes and comes back: who may come, and when it is over."""

from collections.abc import AsyncIterator

import pytest

from media.sessions.publisher_session import SILENT_SECONDS, START_SECONDS
from media.sessions.session import SETUP_SECONDS
from media.transport.ice import CONSENT_SECONDS
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import CloseRoom, Role
from shared.names import RoomName, WorkerId
from tests.integration.comebacks import GRACE, assert_refused, comes_back, fall_silent, left, sees
from tests.support.peer import IN_TIME
from tests.support.plane import ROOM, Plane, running_plane
from tests.support.waiting import eventually


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, GRACE) as plane:
        yield plane


# --- the room waits


@pytest.mark.parametrize("ends", ["DTLS close", "consent"])
async def test_a_room_and_its_viewers_wait_for_their_publisher(plane: Plane, ends: str) -> None:
    publisher, viewer = await plane.pair()
    if ends == "DTLS close":
        await left(plane, publisher)
        silent_for = 0.0
    else:
        silent_for = CONSENT_SECONDS
        plane.publisher_session.ice.heard_at -= silent_for
        fall_silent(plane, silent_for)
        plane.room._heard_at = plane.publisher_session.ice.heard_at + silent_for
        plane.tick(0)
    (status,) = plane.media.rooms.statuses()
    assert (status.has_publisher, status.subscribers, status.tracks) == (False, 1, 2)
    plane.tick(GRACE - 1)
    assert plane.subscribers == 1
    assert await viewer.check()
    assert not viewer.closed
    plane.tick(GRACE + 1)
    assert plane.holds_nothing()
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)


async def test_the_grace_counts_from_when_the_publisher_was_last_heard(plane: Plane) -> None:
    """A publisher that dies silently has used up its grace when its consent expires."""
    await plane.pair()
    plane.tick(CONSENT_SECONDS - 1)
    assert plane.subscribers is not None
    plane.tick(CONSENT_SECONDS + 1)
    assert plane.holds_nothing()


async def test_a_publisher_that_shows_no_media_is_listed_as_gone(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    plane.tick(0)
    assert plane.media.rooms.statuses()[0].has_publisher
    fall_silent(plane)
    plane.tick(0)
    assert not plane.media.rooms.statuses()[0].has_publisher
    await viewer.gets_media_of(publisher)
    plane.tick(0)
    assert plane.media.rooms.statuses()[0].has_publisher


async def test_a_viewer_may_join_while_the_room_waits(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    await left(plane, publisher)
    late = await plane.connected(publishes=False)
    await sees(late, await comes_back(plane))


async def test_a_publisher_that_never_came_is_not_waited_for(plane: Plane) -> None:
    await plane.ask(plane.peer(publishes=True), publishes=True)
    plane.tick(SETUP_SECONDS)
    assert plane.holds_nothing()


async def test_a_comeback_that_fails_does_not_cost_the_room_its_grace(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    peer = plane.peer(publishes=True)
    await plane.ask(peer, publishes=True)
    session = plane.publisher_session
    session.began_at -= SETUP_SECONDS
    plane.tick(0)
    assert session.ended
    assert plane.subscribers == 1
    await sees(viewer, await comes_back(plane))


async def test_close_room_does_not_wait(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    assert (await plane.handlers.close_room(CloseRoom(room=ROOM))).sessions == 1
    assert plane.holds_nothing()
    await eventually("it is told", lambda: viewer.closed, IN_TIME)


# --- with limits of rooms


async def test_a_comeback_needs_no_place_and_a_refused_one_ends_nothing(redis_url: str) -> None:
    limits = RoomLimits(rooms=2, rooms_of_network=1)
    async with running_plane(redis_url, GRACE, limits) as plane:
        directory = Directory(plane.redis, limits)
        at_its_limit = RoomName("elsewhere")
        await directory.claim_room(at_its_limit, WorkerId("w2"), "198.51.100.1")
        ghost = plane.peer(publishes=True)
        await plane.connect(ghost, await plane.ask(ghost, publishes=True, network="192.0.2.1"))
        viewer = await plane.connected(publishes=False)
        for network in ("192.0.2.1", "2001:db8::/64", "192.0.2.1"):  # it may change networks
            fall_silent(plane)
            await plane.ask(plane.peer(publishes=True), publishes=True, network=network)
        fall_silent(plane)
        with pytest.raises(ServiceError) as refused:
            await plane.ask(plane.peer(publishes=True), publishes=True, network="198.51.100.1")
        assert refused.value.code is ErrorCode.PUBLISHER_LIMIT
        assert plane.subscribers == 1
        assert not viewer.closed
        assert await directory.room_owner(ROOM) == "w1"
        await directory.release_room(at_its_limit, WorkerId("w2"))


# --- DELETE


async def test_delete_frees_the_room_at_once(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    assert await plane.delete(publisher, Role.PUBLISH) is None
    assert plane.holds_nothing()


async def test_a_late_delete_ends_the_room_that_waits(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    assert await plane.delete(publisher, Role.PUBLISH) is None
    assert plane.holds_nothing()
    await eventually("it is told", lambda: viewer.closed, IN_TIME)


@pytest.mark.parametrize("way", ["left", "displaced"])
async def test_a_late_delete_of_a_former_session_ends_nothing(plane: Plane, way: str) -> None:
    publisher, viewer = await plane.pair()
    if way == "left":
        await left(plane, publisher)
    else:
        fall_silent(plane)
    successor = await comes_back(plane)
    assert await plane.delete(publisher, Role.PUBLISH) is None
    await sees(viewer, successor)


# --- who may come


async def test_a_publisher_that_is_alive_is_never_displaced(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    fall_silent(plane, SILENT_SECONDS - 1)
    await assert_refused(plane)
    await viewer.gets_media_of(publisher)


async def test_a_silent_publisher_gives_way_to_itself_only(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    fall_silent(plane)
    await assert_refused(plane, identity="somebody else")
    await assert_refused(plane, identity="")
    successor = await comes_back(plane)
    await eventually("the old one is told", lambda: publisher.closed, IN_TIME)
    await sees(viewer, successor)


async def test_a_publisher_on_its_way_is_not_displaced(plane: Plane) -> None:
    peer = plane.peer(publishes=True)
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    await assert_refused(plane)
    plane.publisher_session.began_at -= START_SECONDS
    assert await peer.check()
    await assert_refused(plane)
    plane.publisher_session.ice.heard_at -= SILENT_SECONDS
    await comes_back(plane)


async def test_a_publisher_that_has_gone_blocks_nobody_but_viewers_stay_with_their_own(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    other = await comes_back(plane, identity="somebody else")
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    await sees(await plane.connected(publishes=False), other)


async def test_of_two_that_come_back_at_once_one_is_refused(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    successor = await comes_back(plane)
    await assert_refused(plane)
    await sees(viewer, successor)
