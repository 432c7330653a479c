"""The directory in a real Valkey: one owner a room, workers that vanish when they fall silent, no scans."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.announcer import WorkerIdTakenError
from shared.directory.claims import REFRESHED_AT_ONCE
from shared.directory.directory import Directory, Records
from shared.messages.encoding import pack, to_map
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.support.waiting import eventually

ROOM, OTHER_ROOM = RoomName("demo"), RoomName("other")
ONE, TWO, THREE, GONE = (WorkerId(f"w{number}") for number in range(1, 5))
WITHIN = 2.0


@pytest.fixture
def directory(redis: Redis) -> Directory:
    return Directory(redis)


def status(worker: WorkerId, state: WorkerState = WorkerState.READY, **more: Any) -> WorkerStatus:
    return WorkerStatus(id=worker, state=state, http_url="http://127.0.0.1:1", **more)


def without_versions(workers: list[WorkerStatus]) -> list[WorkerStatus]:
    return [replace(worker, rooms_version="") for worker in workers]


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
    await directory.release_rooms([ROOM, OTHER_ROOM], TWO)  # one of another worker, and one of nobody
    assert await directory.room_owner(ROOM) == ONE
    assert await directory.room_ends([ROOM, OTHER_ROOM]) == {}
    await directory.release_rooms([ROOM], ONE)
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
    assert await directory.beat(status(ONE), [OTHER_ROOM, ROOM]) == [ROOM]
    assert await directory.room_owner(ROOM) == TWO
    assert await directory.room_owner(OTHER_ROOM) == ONE


async def test_a_claim_of_garbage_is_not_ours(redis: Redis, directory: Directory) -> None:
    for garbage in (b"", b"\xff\xfe", "…".encode()):
        await redis.set(keys.room_claim(ROOM), garbage)
        assert await directory.room_owner(ROOM) not in (None, ONE)
        assert await directory.claim_room(ROOM, ONE) != ONE
        assert await directory.beat(status(ONE), [ROOM]) == [ROOM]


async def test_garbage_in_the_list_of_workers_is_passed_over(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    await redis.zadd(keys.WORKERS, {b"\xff\xfe": 1e18, b"": 1e18})
    assert [worker.id for worker in await directory.workers()] == [ONE]


# --- heartbeats


async def test_workers_are_found_as_they_announced_themselves(directory: Directory) -> None:
    assert await directory.workers() == []
    announced = [status(TWO, state=WorkerState.DRAINING), status(ONE, load=0.5, sessions=3, new_rooms=1)]
    for one in announced:
        await directory.beat(one, [])
    found = without_versions(await directory.workers())
    assert found == sorted(announced, key=lambda one: one.id)
    assert await directory.statuses([TWO, WorkerId("w3")]) == {TWO: (await directory.workers())[1]}


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

    await redis.zincrby(keys.WORKERS, -keys.SWEEP_SECONDS - 1, ONE)
    await directory.beat(status(TWO), [])
    assert await redis.zrange(keys.WORKERS, 0, -1) == [TWO.encode()]
    assert not await redis.exists(keys.WAS_DEAF)  # it has heard the other one


def copy_of(room: RoomName) -> RoomStatus:
    return RoomStatus(name=room, has_publisher=False, tracks=2, subscribers=1, origin=TWO)


async def test_a_worker_that_leaves_takes_its_copies_along(redis: Redis, directory: Directory) -> None:
    """Viewers would be sent to it for as long as a copy may be there."""
    await directory.beat(status(ONE), [], [copy_of(ROOM)])
    assert (await directory.room_holders(ROOM)).copies == {ONE}
    await directory.leave(ONE)
    assert (await directory.room_holders(ROOM)).copies == set()


async def test_a_copy_that_has_ended_is_held_no_longer(redis: Redis, directory: Directory) -> None:
    copies = [copy_of(room) for room in (ROOM, OTHER_ROOM)]
    await directory.beat(status(ONE), [], copies)
    for room in (ROOM, OTHER_ROOM):
        assert 0 < await redis.ttl(keys.room_copies(room)) <= keys.SWEEP_SECONDS
        await redis.persist(keys.room_copies(room))
    await directory.beat(status(ONE), [], copies[1:])
    assert 0 < await redis.ttl(keys.room_copies(OTHER_ROOM)) <= keys.SWEEP_SECONDS
    assert (await directory.room_holders(ROOM)).copies == set()
    assert (await directory.room_holders(OTHER_ROOM)).copies == {ONE}
    await directory.tell(status(ONE), copies[:1], [ROOM])  # of this one alone
    holders = await directory.room_holders(ROOM), await directory.room_holders(OTHER_ROOM)
    assert [each.copies for each in holders] == [{ONE}, {ONE}]
    await directory.tell(status(ONE), [], [OTHER_ROOM])
    assert (await directory.room_holders(OTHER_ROOM)).copies == set()


async def test_a_worker_that_leaves_is_gone_at_once(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    await directory.leave(ONE)
    assert await directory.workers() == []
    assert set(await redis.keys("*")) - {keys.EPOCH.encode()} == {
        keys.CHANGES.encode()
    }  # which ends by itself
    assert await redis.ttl(keys.CHANGES) > 0


async def test_a_heartbeat_that_cannot_be_read_is_passed_over(redis: Redis, directory: Directory) -> None:
    for worker in (ONE, TWO):
        await directory.beat(status(worker), [])
    odd = ({"state": "confused"}, {"sessions": -1})
    packed = (None, [1], {}, {"id": "w1"}, *(to_map(status(ONE)) | one for one in odd))
    for garbage in (b"", b"\xc1", *map(pack, packed)):
        await redis.set(keys.worker_status(ONE), garbage)
        assert [worker.id for worker in await directory.workers()] == [TWO], garbage


async def test_heartbeats_of_other_versions_are_understood(redis: Redis, directory: Directory) -> None:
    await directory.beat(status(ONE), [])
    older = {"id": ONE, "state": "ready", "http_url": "http://127.0.0.1:1", "rooms_version": "a:1"}
    await redis.set(keys.worker_status(ONE), pack(older))
    assert without_versions(await directory.workers()) == [status(ONE)]
    await redis.set(keys.worker_status(ONE), pack(older | {"mood": "good"}))
    assert without_versions(await directory.workers()) == [status(ONE)]


# --- two processes with the same id


async def test_of_two_processes_with_the_same_id_the_first_has_it(redis: Redis, directory: Directory) -> None:
    second = Directory(redis)
    await directory.beat(status(ONE), [ROOM])
    before = {key: await redis.dump(key) for key in await redis.keys("*")}
    copy = RoomStatus(name=OTHER_ROOM, has_publisher=True, tracks=1, subscribers=0, origin=TWO)
    with pytest.raises(WorkerIdTakenError):
        await second.beat(status(ONE, state=WorkerState.DRAINING), [OTHER_ROOM], [copy])
    await second.leave(ONE)
    assert {key: await redis.dump(key) for key in await redis.keys("*")} == before
    await directory.beat(status(ONE), [ROOM])
    await second.beat(status(TWO), [])


async def test_an_id_is_free_once_its_process_has_left_or_fallen_silent(
    redis: Redis, directory: Directory
) -> None:
    second, third = Directory(redis), Directory(redis)
    await directory.beat(status(ONE), [])
    await directory.leave(ONE)
    await second.beat(status(ONE), [])
    assert 0 < await redis.pttl(keys.worker_process(ONE)) <= keys.PROCESS_TTL_MS
    await expire(redis, keys.worker_process(ONE))
    await third.beat(status(ONE), [])
    with pytest.raises(WorkerIdTakenError):
        await second.beat(status(ONE), [])


# --- what it costs


async def test_nothing_scans_the_keyspace_and_everything_expires(redis: Redis, directory: Directory) -> None:
    await redis.config_resetstat()
    await directory.claim_room(ROOM, ONE)
    await directory.claim_room(OTHER_ROOM, ONE)
    await directory.release_rooms([OTHER_ROOM], ONE)
    await directory.beat(status(ONE), [ROOM])
    await directory.beat(status(TWO), [])
    await directory.workers()
    await directory.room_owner(ROOM)
    await directory.leave(TWO)
    await directory.ping()
    used = {name.removeprefix("cmdstat_").split("|")[0] for name in await redis.info("commandstats")}
    directory_commands = {"get", "getex", "set", "del", "mget", "exists", "hset", "expire", "pexpire", "time"}
    directory_commands |= {"xadd", "zadd", "zrem", "zrange", "zremrangebyscore"}
    connection_commands = {"config", "hello", "auth", "client", "ping", "select", "info"}
    assert {"ping"} <= used <= directory_commands | connection_commands | {"evalsha", "script"}

    left = {key.decode() for key in await redis.keys("*")}
    kept = {
        keys.worker_status(ONE),
        keys.worker_process(ONE),
        keys.room_claim(ROOM),
        keys.worker_rooms(ONE),
        keys.TAKES_PUBLISHERS,
        keys.TAKES_VIEWERS,
        keys.CHANGES,
        keys.room_ended(OTHER_ROOM),
    }
    assert left == {keys.WORKERS, keys.EPOCH} | kept
    for key in kept:  # the list of workers is swept by every beat
        assert await redis.pttl(key) > 0, key


# --- about rooms


async def test_claims_by_the_hundred_are_kept_and_the_lost_ones_told(
    redis: Redis, directory: Directory
) -> None:
    rooms = [RoomName(f"r{number:03}") for number in range(2 * REFRESHED_AT_ONCE + 7)]
    lost = [rooms[0], rooms[REFRESHED_AT_ONCE], rooms[-1]]
    for room in lost:
        await directory.claim_room(room, TWO)
    assert await directory.beat(status(ONE), rooms) == lost
    owners = [await directory.room_owner(room) for room in rooms]
    assert owners == [TWO if room in lost else ONE for room in rooms]


async def test_what_some_workers_say_of_a_room(directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    await directory.beat(status(ONE), [ROOM], [copy_of(OTHER_ROOM), own(ROOM)])
    await directory.beat(status(TWO), [], [copy_of(ROOM)])
    await directory.beat(status(THREE), [])
    found = await directory.in_room(ROOM, [THREE, TWO, ONE, GONE])
    assert [(worker, said and said.id) for worker, (said, _) in found.items()] == [
        (THREE, THREE), (TWO, TWO), (ONE, ONE), (GONE, None)
    ]  # fmt: skip
    assert [room for _, room in found.values()] == [None, copy_of(ROOM), own(ROOM), None]
    holders = await directory.room_holders(ROOM)
    assert (holders.owner, holders.copies) == (ONE, {TWO})


async def test_all_records_of_some_workers(directory: Directory) -> None:
    await directory.beat(status(ONE), [], [own(ROOM), own(OTHER_ROOM)])
    records = await directory.records([TWO, ONE])
    assert records[TWO] == Records("", {})
    assert set(records[ONE].packed) == {ROOM, OTHER_ROOM}
    [worker] = await directory.workers()
    assert records[ONE].version == worker.rooms_version != ""


async def test_changes_are_read_on_from_any_place_and_what_is_none_is_passed_over(
    redis: Redis, directory: Directory
) -> None:
    await directory.beat(status(ONE), [], [own(ROOM)])
    first = await directory.changes("0-0")
    assert [set(change.records) for change in first.changes] == [{ROOM}]
    assert not first.more
    for garbage in ({"c": b"\xc1"}, {"other": b"x"}, {"c": b""}):
        await redis.xadd(keys.CHANGES, garbage)  # type: ignore[arg-type]
    await directory.tell(status(ONE), [], [ROOM])
    second = await directory.changes(first.at)
    assert [change.records for change in second.changes] == [{ROOM: None}]
    assert second.at == await directory.last_change()
    assert await directory.changes(second.at) == (second.at, [], False)


@pytest.mark.parametrize("leaves", [False, True])
async def test_the_log_of_changes_forgets_what_is_old(
    redis: Redis, directory: Directory, leaves: bool
) -> None:
    """A hundred entries at a time: so many are one piece of a stream."""
    await directory.beat(status(ONE), [])
    await redis.delete(keys.CHANGES)
    seconds, microseconds = await redis.time()
    now = seconds * 1000 + microseconds // 1000
    async with redis.pipeline() as pipe:
        for at in (now - keys.CHANGE_TTL_MS - 1, now - 1):
            for number in range(150):
                pipe.xadd(keys.CHANGES, {"c": b""}, id=f"{at}-{number}")
        await pipe.execute()
    await (directory.leave(ONE) if leaves else directory.tell(status(ONE), [own(ROOM)], [ROOM]))
    assert await redis.xlen(keys.CHANGES) == 201
    assert 0 < await redis.ttl(keys.CHANGES) <= keys.SWEEP_SECONDS


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("is_far", [False, True])
async def test_the_log_of_changes_begins_anew_when_the_clock_was_set_back_for_longer_than_it_holds(
    redis: Redis, directory: Directory, leaves: bool, is_far: bool
) -> None:
    """Entries' ids never go back, so that nothing there would be old before the clock has caught up."""
    await directory.beat(status(ONE), [])
    seconds, _ = await redis.time()
    ahead = seconds * 1000 + keys.CHANGE_TTL_MS + (60_000 if is_far else -500)
    await redis.xadd(keys.CHANGES, {"c": b""}, id=f"{ahead}-0")
    await (directory.leave(ONE) if leaves else directory.tell(status(ONE), [own(ROOM)], [ROOM]))
    ids = [id_.decode() for id_, _ in await redis.xrange(keys.CHANGES)]
    if is_far:
        [id_] = ids
        assert seconds * 1000 <= int(id_.partition("-")[0]) < ahead
    else:
        assert ids[1:] == [f"{ahead}-0", f"{ahead}-1"]
    assert 0 < await redis.ttl(keys.CHANGES) <= keys.SWEEP_SECONDS


def own(room: RoomName) -> RoomStatus:
    return RoomStatus(name=room, has_publisher=True, tracks=2, subscribers=0)
