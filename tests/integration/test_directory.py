"""The directory in a real Valkey: one owner a room, workers that vanish when they fall silent, no scans."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.connection import connect
from shared.bus.directory import Directory, RoomLimits
from shared.errors import ErrorCode, ServiceError
from shared.messages.encoding import pack, to_map
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.support.waiting import eventually

ROOM, OTHER_ROOM = RoomName("demo"), RoomName("other")
ONE, TWO = WorkerId("w1"), WorkerId("w2")
WITHIN = 2.0


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def directory(redis: Redis) -> Directory:
    return Directory(redis)


def status(worker: WorkerId, *rooms: RoomStatus, state: WorkerState = WorkerState.READY) -> WorkerStatus:
    return WorkerStatus(id=worker, state=state, http_url="http://127.0.0.1:1", rooms=rooms)


async def expire(redis: Redis, key: str) -> None:
    """Make a key expire."""
    assert await redis.pexpire(key, 1)

    async def gone() -> bool:
        return not await redis.exists(key)

    await eventually(f"{key} expires", gone, WITHIN)


# --- claims


async def test_of_many_claims_at_once_exactly_one_wins(directory: Directory) -> None:
    workers = [WorkerId(f"w{n}") for n in range(50)]
    owners = await asyncio.gather(*(directory.claim_room(ROOM, worker) for worker in workers))
    assert len(set(owners)) == 1
    assert [worker for worker, owner in zip(workers, owners, strict=True) if worker == owner] == owners[:1]
    assert await directory.room_owner(ROOM) == owners[0]


async def test_an_owner_may_claim_again_and_nobody_else(directory: Directory) -> None:
    assert await directory.room_owner(ROOM) is None
    assert await directory.claim_room(ROOM, ONE) == ONE
    assert await directory.claim_room(ROOM, ONE) == ONE
    assert await directory.claim_room(ROOM, TWO) == ONE
    assert await directory.claim_room(OTHER_ROOM, TWO) == TWO


async def test_only_the_owner_can_release(directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    await directory.release_room(ROOM, TWO)
    assert await directory.room_owner(ROOM) == ONE
    await directory.release_room(ROOM, ONE)
    assert await directory.room_owner(ROOM) is None
    assert await directory.claim_room(ROOM, TWO) == TWO


async def test_a_claim_that_nobody_keeps_fresh_expires(redis: Redis, directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    assert 0 < await redis.pttl(keys.room_claim(ROOM)) <= keys.CLAIM_TTL_MS
    await expire(redis, keys.room_claim(ROOM))
    assert await directory.room_owner(ROOM) is None
    assert await directory.claim_room(ROOM, TWO) == TWO


async def test_a_heartbeat_keeps_claims_fresh(redis: Redis, directory: Directory) -> None:
    for room in (ROOM, OTHER_ROOM):
        await directory.claim_room(room, ONE)
        await redis.pexpire(keys.room_claim(room), 1_000)
    assert await directory.beat(status(ONE), [ROOM]) == []
    assert await redis.pttl(keys.room_claim(ROOM)) > keys.CLAIM_TTL_MS - 1_000
    assert await redis.pttl(keys.room_claim(OTHER_ROOM)) <= 1_000  # not among the claims


async def test_a_claim_that_expired_unnoticed_comes_back(redis: Redis, directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    await expire(redis, keys.room_claim(ROOM))
    assert await directory.beat(status(ONE), [ROOM]) == []
    assert await directory.room_owner(ROOM) == ONE


async def test_a_lost_claim_is_told_and_not_taken_back(redis: Redis, directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    await expire(redis, keys.room_claim(ROOM))
    await directory.claim_room(ROOM, TWO)
    await redis.pexpire(keys.room_claim(ROOM), 1_000)
    assert await directory.beat(status(ONE), [OTHER_ROOM, ROOM]) == [ROOM]
    assert await directory.room_owner(ROOM) == TWO
    assert await redis.pttl(keys.room_claim(ROOM)) <= 1_000
    assert await directory.room_owner(OTHER_ROOM) == ONE


# --- limits

HOME, AWAY = "192.0.2.1", "2001:db8::/64"


async def claims(directory: Directory, *rooms: str, network: str = HOME) -> list[ErrorCode | None]:
    """What each claim at once gets; None: the room."""

    async def claim(room: str) -> ErrorCode | None:
        try:
            await directory.claim_room(RoomName(room), ONE, network)
        except ServiceError as error:
            return error.code
        return None

    return await asyncio.gather(*map(claim, rooms))


async def test_of_many_claims_at_once_as_many_win_as_there_may_be_rooms(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=3))
    got = await claims(directory, *(f"r{n}" for n in range(20)))
    assert sorted(got, key=str) == [None] * 3 + [ErrorCode.ROOM_LIMIT] * 17


async def test_a_room_that_is_released_or_expires_makes_place(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=2))
    assert await claims(directory, "a", "b", "c") == [None, None, ErrorCode.ROOM_LIMIT]
    await directory.release_room(RoomName("a"), ONE)
    assert await claims(directory, "c", "d") == [None, ErrorCode.ROOM_LIMIT]
    await redis.zadd(keys.ROOMS, {"b": 1})  # as of a worker that died
    await redis.delete(keys.room_claim(RoomName("b")))
    assert await claims(directory, "d") == [None]
    assert await redis.hkeys(keys.PUBLISHERS) == [b"c", b"d"]


async def test_a_room_that_comes_back_needs_no_place(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=1, rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    assert await claims(directory, "a") == [None]  # its worker still holds it
    await redis.delete(keys.room_claim(RoomName("a")))
    assert await directory.claim_room(RoomName("a"), TWO, HOME) == TWO  # its worker died a moment ago


async def test_heartbeats_keep_the_places_of_their_rooms(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=1))
    assert await claims(directory, "a") == [None]
    await redis.zadd(keys.ROOMS, {"a": 1})
    await directory.beat(status(ONE), [RoomName("a")])
    assert await claims(directory, "b") == [ErrorCode.ROOM_LIMIT]
    await redis.flushall()
    await directory.beat(status(ONE), [RoomName("a")])  # Redis has come back, empty
    assert await claims(directory, "b") == [ErrorCode.ROOM_LIMIT]


async def test_a_network_publishes_in_so_many_rooms_and_others_in_theirs(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=2))
    got = await claims(directory, *(f"r{n}" for n in range(20)))
    assert sorted(got, key=str) == [None] * 2 + [ErrorCode.PUBLISHER_LIMIT] * 18
    assert await claims(directory, "a", "b", "c", network=AWAY) == [None, None, ErrorCode.PUBLISHER_LIMIT]
    assert await claims(directory, "x", "y", "z", network="") == [None] * 3  # not known


async def test_a_room_counts_for_its_latest_publisher(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    assert await claims(directory, "a", network=AWAY) == [None]  # it has changed networks
    assert await claims(directory, "b") == [None]
    assert await claims(directory, "c", network=AWAY) == [ErrorCode.PUBLISHER_LIMIT]
    assert await claims(directory, "a", network=HOME) == [ErrorCode.PUBLISHER_LIMIT]


# --- heartbeats


async def test_workers_are_found_as_they_announced_themselves(directory: Directory) -> None:
    assert await directory.workers() == []
    room = RoomStatus(name=ROOM, has_publisher=True, tracks=2, subscribers=5, codecs=("VP8", "opus"))
    announced = [status(TWO, state=WorkerState.DRAINING), status(ONE, room)]
    for one in announced:
        await directory.beat(one, [])
    assert await directory.workers() == sorted(announced, key=lambda one: one.id)


async def test_a_later_heartbeat_replaces_an_earlier_one(directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    await directory.beat(status(ONE, state=WorkerState.DRAINING), [])
    assert [worker.state for worker in await directory.workers()] == [WorkerState.DRAINING]


async def test_a_silent_worker_vanishes_and_is_swept_later(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    await directory.beat(status(TWO), [])
    assert 0 < await redis.pttl(keys.worker_status(ONE)) <= keys.HEARTBEAT_TTL_MS
    await expire(redis, keys.worker_status(ONE))
    assert [worker.id for worker in await directory.workers()] == [TWO]

    await redis.zincrby(keys.WORKERS, -keys.WORKER_SWEEP_SECONDS - 1, ONE)
    await directory.beat(status(TWO), [])
    assert await redis.zrange(keys.WORKERS, 0, -1) == [TWO.encode()]


async def test_a_worker_that_leaves_is_gone_at_once(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    await directory.leave(ONE)
    assert await directory.workers() == []
    assert await redis.keys("*") == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xc1",
        pack(None),
        pack([1]),
        pack({}),
        pack({"id": "w1"}),
        pack(to_map(status(ONE)) | {"state": "confused"}),
        pack(to_map(status(ONE)) | {"rooms": [{"name": 5}]}),
    ],
)
async def test_a_heartbeat_that_cannot_be_read_is_passed_over(
    redis: Redis, directory: Directory, garbage: bytes
) -> None:
    for worker in (ONE, TWO):
        await directory.beat(status(worker), [])
    await redis.set(keys.worker_status(ONE), garbage)
    assert [worker.id for worker in await directory.workers()] == [TWO]


async def test_heartbeats_of_other_versions_are_understood(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    older = {"id": ONE, "state": "ready", "http_url": "http://127.0.0.1:1"}
    await redis.set(keys.worker_status(ONE), pack(older))
    assert await directory.workers() == [status(ONE)]
    await redis.set(keys.worker_status(ONE), pack(older | {"mood": "good"}))
    assert await directory.workers() == [status(ONE)]


# --- what it costs


async def test_nothing_scans_the_keyspace_and_everything_expires(redis: Redis, directory: Directory) -> None:
    await redis.config_resetstat()
    await directory.claim_room(ROOM, ONE)
    await directory.claim_room(OTHER_ROOM, ONE)
    await directory.release_room(OTHER_ROOM, ONE)
    await directory.beat(status(ONE), [ROOM])
    await directory.beat(status(TWO), [])
    await directory.workers()
    await directory.room_owner(ROOM)
    await directory.leave(TWO)
    await directory.ping()
    used = {name.removeprefix("cmdstat_").split("|")[0] for name in await redis.info("commandstats")}
    directory_commands = {"get", "set", "del", "mget", "hset", "hdel", "expire", "time"}
    directory_commands |= {f"z{name}" for name in ("add", "rem", "range", "rangebyscore", "remrangebyscore")}
    connection_commands = {"config", "hello", "auth", "client", "ping", "select", "info"}
    assert used <= directory_commands | connection_commands | {"evalsha", "script"}

    left = set(await redis.keys("*"))
    expected = {keys.WORKERS, keys.ROOMS, keys.PUBLISHERS, keys.worker_status(ONE), keys.room_claim(ROOM)}
    assert left == {key.encode() for key in expected}
    for key in left - {keys.WORKERS.encode()}:  # that one is swept by every beat
        assert await redis.pttl(key) > 0, key
