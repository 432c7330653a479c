"""Who may stand by in a room, and what becomes of the room then."""

import pytest

from media.rooms.publisher_life import PublisherState
from media.rooms.standbys import MOST_STANDBYS
from media.sessions.end_reason import EndReason
from media.sessions.publisher_session import START_SECONDS
from media.tracks.track import LIVE_SECONDS
from shared.errors import ServiceError
from shared.messages.signalling import Role
from tests.unit.media.rooms.admission_world import DEMO, GRACE, World


async def test_a_standby_displaces_nobody_and_ends_with_the_room(world: World) -> None:
    first = world.publish("ann")
    standby = world.publish("eve", stands_by=True)
    assert world.room is not None
    assert world.room.source is first
    assert (world.room.session_count, world.room.identity) == (2, "ann")
    world.rooms.close(DEMO, EndReason.ROOM_CLOSED)
    assert standby.ended
    assert len(world.roster) == 0


async def test_of_standbys_that_are_to_be_alone_one_is_taken(world: World) -> None:
    world.publish("ann")
    only = world.publish("eve", stands_by=True, alone=True)
    with pytest.raises(ServiceError, match="publisher_exists"):
        world.publish("eve", stands_by=True, alone=True)
    for _ in range(MOST_STANDBYS - 1):
        world.publish("bob", stands_by=True)  # who does not mind
    with pytest.raises(ServiceError, match="publisher_exists"):
        world.publish("bob", stands_by=True)
    assert not only.ended
    assert world.room is not None
    assert world.room.standbys.count == MOST_STANDBYS


async def test_one_that_is_on_stands_by_alone_too(world: World) -> None:
    world.publish("eve", stands_by=True, alone=True)
    with pytest.raises(ServiceError, match="publisher_exists"):
        world.publish("eve", stands_by=True, alone=True)


async def test_a_room_without_its_publisher_lives_by_its_standbys(world: World) -> None:
    first, standby = world.publish("ann"), world.publish("eve", stands_by=True)
    world.delete(first.id)
    world.now += 10 * GRACE
    world.rooms.tick(world.now)
    room = world.room
    assert room is not None
    assert room.publisher_state(world.now) is PublisherState.STOOD_IN
    world.delete(standby.id)
    world.rooms.tick(world.now)
    assert world.room is None


async def test_a_publisher_that_comes_back_behind_a_standby_has_time_to_connect(world: World) -> None:
    first, _ = world.publish("ann"), world.publish("eve", stands_by=True)
    world.delete(first.id)
    back = world.publish("bob")  # any publisher comes before all standbys
    assert not world.may_publish("bob")
    world.now += START_SECONDS
    assert world.may_publish("bob")
    assert back.ended


async def test_a_copy_whose_origin_is_gone_is_taken_over_by_a_standby(world: World) -> None:
    room = world.copy()
    standby = world.publish("eve", stands_by=True)
    assert world.room is room
    assert room.source is standby
    assert room.publisher_state(world.now) is PublisherState.STOOD_IN
    assert not room.standbys


async def test_a_standby_that_comes_on_changes_places_with_who_was_on(world: World) -> None:
    first, standby = world.publish("ann"), world.publish("eve", stands_by=True)
    room = world.room
    assert room is not None
    told: list[object] = []
    for times, (on, off, rank) in enumerate(((standby, first, 1), (first, standby, 0)), 1):
        [called] = room.standbys
        called.tell_reports, called.resumption.begin = told.append, lambda: told.append("resumes")  # type: ignore[method-assign]
        called.feed.rx_packets = 7
        called.want(world.now, wanted=True)
        assert called.take([], world.now) is None
        world.now += LIVE_SECONDS
        called._came_at = world.now  # sound has come all the while, and no picture, with which to begin
        assert called.take([], world.now) is room.feed
        assert (room.source, room.standbys.rank, room.standbys.switches) == (on, rank, times)
        [relieved] = room.standbys
        assert (relieved.session, relieved.rank) == (off, 1 - rank)
        assert relieved.tracks[0].clock.publisher.unix_offset == 1e9
        assert called.feed.publisher is None
        room.feed.after_burst.pop(called)(world.now)
    assert told == ["resumes", room.publisher] * 2
    assert not first.ended
    relieved.feed.rx_packets = 7
    standby.end(EndReason.DELETED)
    totals = world.ledger.feeds.with_living(world.rooms.feeds())
    assert totals["rx_packets"] == 21  # a counter of Prometheus' must not decrease


async def test_a_standby_is_reported_what_arrives_of_it(world: World) -> None:
    world.publish("ann")
    world.publish("eve", stands_by=True)
    assert world.room is not None
    [standby], ticked = world.room.standbys, list[float]()
    standby._feedback.tick = ticked.append  # type: ignore[method-assign]
    standby.feed.sources[0].heard_at = world.now
    world.rooms.tick(world.now)
    assert ticked == [world.now]
    assert standby._is_wanted  # nothing comes of who is on


async def test_a_fault_of_a_standby_ends_it_alone(world: World) -> None:
    first, standby = world.publish("ann"), world.publish("eve", stands_by=True)
    assert world.room is not None
    [broken] = world.room.standbys
    broken.feed.breaks(RuntimeError("a bug"))
    world.rooms.tick(world.now)
    world.roster.tick(world.now)
    assert standby.ended
    assert not first.ended
    assert world.ledger.ended[Role.PUBLISH, EndReason.FAULT] == 1
    assert not world.room.standbys
