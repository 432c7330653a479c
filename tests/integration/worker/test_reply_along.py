"""A worker's reply goes to Redis behind what the directory must know first, in one round trip."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from time import time

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from media.worker.heartbeat import Heartbeat
from shared.bus import keys
from shared.bus.batch import Call, script
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.support.meanwhile import meanwhile
from tests.support.own_valkey import OwnValkey

WORKER = WorkerId("w1")
ROOM = RoomName("demo")
REPLIES = keys.rpc_replies("caller")


class OneRoom:
    def names(self) -> Iterable[RoomName]:
        return [ROOM]

    def statuses(self, of: Collection[RoomName] | None = None) -> Sequence[RoomStatus]:
        return [RoomStatus(name=ROOM, has_publisher=True, tracks=2, subscribers=self.viewers)]

    viewers = 0


def reply(text: str) -> Call:
    return Call("push_reply", [REPLIES], [text, 60, time() + 60])


@contextlib.asynccontextmanager
async def beating(redis: Redis, rooms: OneRoom) -> AsyncIterator[Heartbeat]:
    """One that has beaten once, and is at rest."""
    status = WorkerStatus(id=WORKER, state=WorkerState.READY, http_url="")
    heartbeat = Heartbeat(Directory(redis), WORKER, lambda: status, rooms, lambda _: None)
    async with meanwhile(heartbeat.run()):
        await heartbeat.registered.wait()
        await heartbeat.flush()
        yield heartbeat


async def test_a_reply_arrives_behind_what_changed(redis: Redis) -> None:
    rooms = OneRoom()
    async with beating(redis, rooms) as heartbeat:
        assert heartbeat.along(reply("nothing has changed")) is None
        await heartbeat.change(ROOM)
        assert await (heartbeat.along(reply("zeroth")) or asyncio.sleep(0)) == 1
        before = await redis.hget(keys.worker_rooms(WORKER), ROOM)
        rooms.viewers = 1
        await heartbeat.change(ROOM)
        first, second = heartbeat.along(reply("first")), heartbeat.along(reply("second"))
        assert first is not None
        assert second is not None
        assert await first == await second == 1
        assert await redis.hget(keys.worker_rooms(WORKER), ROOM) != before
        assert await redis.lrange(REPLIES, 0, -1) == [b"zeroth", b"first", b"second"]


async def test_a_reply_goes_once_where_redis_has_lost_the_records_or_the_scripts(redis: Redis) -> None:
    rooms = OneRoom()
    async with beating(redis, rooms) as heartbeat:
        for loss in (redis.delete(keys.worker_rooms(WORKER)), redis.script_flush()):
            await redis.delete(REPLIES)
            await loss
            await redis.script_load(script("push_reply").text)
            rooms.viewers += 1
            await heartbeat.change(ROOM)
            waiting = heartbeat.along(reply("once"))
            assert waiting is not None
            assert await waiting == 1
            await heartbeat.flush()
            assert await redis.hexists(keys.worker_rooms(WORKER), ROOM)
            assert await redis.lrange(REPLIES, 0, -1) == [b"once"]


async def test_a_reply_that_comes_while_changes_are_told_waits_for_the_next_time(redis: Redis) -> None:
    rooms = OneRoom()
    async with beating(redis, rooms) as heartbeat:
        heartbeat.wake(ROOM)
        while heartbeat._wake.is_set():
            await asyncio.sleep(0)
        waiting = heartbeat.along(reply("late"))
        assert waiting is not None
        assert await waiting == 1


async def test_a_claim_is_free_before_a_reply_can_go(redis: Redis) -> None:
    async with beating(redis, OneRoom()) as heartbeat:
        assert await heartbeat.claim(ROOM, "")
        heartbeat.release(ROOM)
        await heartbeat.change(ROOM)
        assert await redis.get(keys.room_claim(ROOM)) is None


async def test_a_room_that_ends_while_it_is_claimed_anew_stays_claimed(redis: Redis) -> None:
    async with beating(redis, OneRoom()) as heartbeat:
        claiming = asyncio.create_task(heartbeat.claim(ROOM, ""))
        await asyncio.sleep(0)  # the claim is on its way
        heartbeat.release(ROOM)
        assert await claiming
        await heartbeat.flush()
        assert await redis.get(keys.room_claim(ROOM)) is not None
        assert not await redis.exists(keys.room_ended(ROOM))


@pytest.mark.parametrize("was_open", [True, False])
async def test_of_a_room_that_was_open_the_end_is_kept(redis: Redis, was_open: bool) -> None:
    async with beating(redis, OneRoom()) as heartbeat:
        for _ in range(2):  # what is left of the first time does not count
            assert await heartbeat.claim(ROOM, "")
            heartbeat.release(ROOM, was_open=not was_open)
            assert await heartbeat.claim(ROOM, "")
            heartbeat.release(ROOM, was_open=was_open)
            await heartbeat.flush()
            assert await redis.get(keys.room_claim(ROOM)) is None
            assert await redis.exists(keys.room_ended(ROOM)) == was_open


async def test_without_redis_the_reply_fails(own_valkey: OwnValkey) -> None:
    async with connect(own_valkey.url) as redis, beating(redis, OneRoom()) as heartbeat:
        own_valkey.stop()
        await heartbeat.change(ROOM)
        waiting = heartbeat.along(reply("lost"))
        assert waiting is not None
        with pytest.raises(RedisError):
            await waiting
