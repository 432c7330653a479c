"""A worker obeys rulings: it ends what they forbid, and lets nobody in, whatever control knows."""

import time
from collections.abc import AsyncIterator

import pytest

from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import OpenRelay
from shared.messages.rulings import Block, EndSession, Obeyed, ObeyRulings, Revocation, Ruling, TokenMark
from shared.messages.signalling import Role
from shared.names import RoomName, WorkerId, cut_session
from shared.rulings.ruling_book import RulingBook
from tests.integration.test_comeback import GRACE, left
from tests.support.peer import IN_TIME
from tests.support.plane import ROOM, Plane, running_plane
from tests.support.waiting import eventually

EVE = TokenMark("e1", "eve", 100.0)


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, GRACE) as plane:
        yield plane
        await plane.redis.delete(keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG)


def block(**more: bool) -> Block:
    return Block(room=ROOM, until=time.time() + 60, reason="why", **more)


async def obey(plane: Plane, ruling: Ruling) -> int:
    """A ruling that another process has made, and the bell after it."""
    await plane.book.put(ruling)
    return (await plane.moderation.obey_now(ObeyRulings())).sessions


async def test_a_worker_obeys_a_ruling_that_redis_has_lost_already(plane: Plane) -> None:
    await plane.connected(publishes=True)
    other = RulingBook(plane.redis, RedisClock(plane.redis))
    ruling = await other.put(block())
    await plane.redis.delete(keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG)
    told = ObeyRulings(name=ruling.document.name, data=ruling.data)
    assert (await plane.moderation.obey_now(told)).sessions == 1
    await assert_refused(plane, ErrorCode.ROOM_BLOCKED)


async def assert_refused(plane: Plane, code: ErrorCode, token: TokenMark | None = None) -> None:
    for publishes in (True, False):
        with pytest.raises(ServiceError) as error:
            await plane.ask(plane.peer(publishes=publishes), publishes=publishes, token=token)
        assert error.value.code is code


async def test_a_block_ends_a_room_and_nobody_gets_in(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    assert await obey(plane, block()) == 2
    assert plane.holds_nothing()
    await eventually("both are told", lambda: publisher.closed and viewer.closed, IN_TIME)
    await assert_refused(plane, ErrorCode.ROOM_BLOCKED)
    # what is left of the session opens nothing
    assert await plane.delete(viewer, Role.PLAY) is ErrorCode.SESSION_NOT_FOUND
    with pytest.raises(ServiceError) as error:
        await plane.patch(publisher, Role.PUBLISH, "a=mid:0\r\n", None)
    assert error.value.code is ErrorCode.SESSION_NOT_FOUND
    with pytest.raises(ServiceError):
        await plane.handlers.open_relay(OpenRelay(room=ROOM, edge="w2", ssrc=1, up=bytes(28)))
    assert await obey(plane, block(lifted=True)) == 0
    await plane.ask(plane.peer(publishes=True), publishes=True)


async def test_ffmpeg_is_told_nothing_when_its_session_ends(plane: Plane) -> None:
    """It would wait for ever after a close_notify."""
    ffmpeg = await plane.connected(publishes=True, name="FFmpegPublishSession")
    viewer = await plane.connected(publishes=False)
    assert await obey(plane, block()) == 2
    assert plane.holds_nothing()
    await eventually("the viewer is told", lambda: viewer.closed, IN_TIME)
    assert not ffmpeg.closed


async def test_a_publisher_that_is_away_does_not_come_back_into_a_blocked_room(plane: Plane) -> None:
    publisher, _ = await plane.pair()
    await left(plane, publisher)
    assert await obey(plane, block()) == 1  # the viewer that waited
    await assert_refused(plane, ErrorCode.ROOM_BLOCKED)


async def test_a_ruling_that_comes_while_the_room_is_claimed_counts(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Directory.claim_room

    async def claim_slowly(self: Directory, room: RoomName, worker: WorkerId, network: str) -> WorkerId:
        owner = await claim(self, room, worker, network)
        await obey(plane, block())
        return owner

    monkeypatch.setattr(Directory, "claim_room", claim_slowly)
    with pytest.raises(ServiceError) as error:
        await plane.ask(plane.peer(publishes=True), publishes=True)
    assert error.value.code is ErrorCode.ROOM_BLOCKED
    assert plane.holds_nothing()

    async def is_free() -> bool:
        return await Directory(plane.redis).room_owner(ROOM) is None

    await eventually("the claim is released", is_free, keys.CLAIM_TTL_MS / 1000 - 1)  # before it lapses
    assert await Directory(plane.redis).room_ends([ROOM]) == {}  # it never was open


async def test_a_revocation_ends_the_sessions_of_its_tokens_alone(plane: Plane) -> None:
    await plane.connected(publishes=True)
    eve, other = plane.peer(publishes=False), plane.peer(publishes=False)
    await plane.connect(eve, await plane.ask(eve, publishes=False, token=EVE))
    await plane.connect(other, await plane.ask(other, publishes=False, token=TokenMark("o", "ann", 100.0)))
    assert await obey(plane, Revocation(jti="e1", until=time.time() + 60)) == 1
    await eventually("eve is told", lambda: eve.closed, IN_TIME)
    assert plane.subscribers == 1
    await assert_refused(plane, ErrorCode.UNAUTHORIZED, EVE)
    assert await obey(plane, Revocation(issued_before=101.0, until=time.time() + 60)) == 1
    assert plane.subscribers == 0  # the publisher came without a JWT
    assert await plane.moderation.obey_now(ObeyRulings()) == Obeyed(sessions=0)


async def test_a_session_is_ended_by_its_cut_id(plane: Plane) -> None:
    _, viewer = await plane.pair()
    whole = plane.answers[id(viewer)].session
    ended = await plane.moderation.end_session(EndSession(session=cut_session(whole), room=ROOM))
    assert (ended.room, ended.role) == (ROOM, "play")
    await eventually("it is told", lambda: viewer.closed, IN_TIME)
    assert plane.subscribers == 0
