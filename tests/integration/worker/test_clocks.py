"""A worker counts by Redis' clock what others compare, and ends what its answer came too late for."""

import time

import pytest

from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Closed
from tests.support.plane import Plane


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
async def test_a_token_s_end_is_that_of_its_session(plane: Plane, seconds: float) -> None:
    """On a host whose own clock is ahead by so much."""
    clock = RedisClock(plane.redis, wall=lambda: time.time() + seconds)
    await clock.read()
    plane.handlers._unix_clock = clock.now
    publisher = await plane.connected(publishes=True)
    viewer = await plane.connected(publishes=False, expires_at=time.time() + 20)
    await viewer.gets_media_of(publisher)
    plane.tick(18)
    assert plane.subscribers == 1
    plane.tick(21)
    assert plane.subscribers == 0


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
