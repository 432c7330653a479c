"""A worker counts by Redis' clock what others compare, and ends what its answer came too late for."""

import time

import pytest

from media.worker.drain import Drain
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Closed
from tests.support.plane import Plane

SKEWS = [-3600.0, 3600.0]


async def wrong_clock(plane: Plane, seconds: float) -> RedisClock:
    """Redis' clock as a host reads it whose own clock is ahead by so much."""
    clock = RedisClock(plane.redis, wall=lambda: time.time() + seconds)
    await clock.read()
    return clock


@pytest.mark.parametrize("seconds", SKEWS)
async def test_a_token_s_end_is_that_of_its_session(plane: Plane, seconds: float) -> None:
    plane.handlers._unix_clock = (await wrong_clock(plane, seconds)).now
    publisher = await plane.connected(publishes=True)
    viewer = await plane.connected(publishes=False, expires_at=time.time() + 20)
    await viewer.gets_media_of(publisher)
    plane.tick(18)
    assert plane.subscribers == 1
    plane.tick(21)
    assert plane.subscribers == 0


@pytest.mark.parametrize("seconds", SKEWS)
async def test_a_drain_s_times_are_redis_times(plane: Plane, seconds: float) -> None:
    drain = Drain(30.0, lambda: 1, lambda on: None, (await wrong_clock(plane, seconds)).now)
    drain.begin()
    assert drain.began_at == pytest.approx(time.time(), abs=5.0)
    assert drain.until == pytest.approx(time.time() + 30.0, abs=5.0)


@pytest.mark.parametrize("seconds", SKEWS)
async def test_a_room_s_age_is_counted_by_redis_clock(plane: Plane, seconds: float) -> None:
    plane.media.rooms._unix_clock = (await wrong_clock(plane, seconds)).now
    await plane.connected(publishes=True)
    assert plane.room.status().started_at == pytest.approx(time.time(), abs=5.0)


async def test_a_publisher_whose_answer_came_too_late_may_come_again_at_once(plane: Plane) -> None:
    late = plane.peer(publishes=True)
    answer = await plane.ask(late, publishes=True)
    with pytest.raises(ServiceError) as refused:
        await plane.ask(plane.peer(publishes=True), publishes=True)
    assert refused.value.code is ErrorCode.PUBLISHER_EXISTS
    plane.handlers.unanswered(answer)
    assert len(plane.media.roster) == 0
    await plane.ask(plane.peer(publishes=True), publishes=True)


async def test_what_has_ended_already_and_other_replies_are_nothing_to_undo(plane: Plane) -> None:
    answer = await plane.ask(plane.peer(publishes=True), publishes=True)
    for reply in (answer, answer, Closed(sessions=1), None):
        plane.handlers.unanswered(reply)
    assert len(plane.media.roster) == 0
