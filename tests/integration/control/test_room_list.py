"""The list of all rooms that a control process holds, on a real Valkey: always what the workers say."""

import asyncio
import json
import random
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from control.workers.room_list import RoomList
from control.workers.turns import SHORT
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId

ONE, TWO = WorkerId("w1"), WorkerId("w2")
IN_TIME = 5.0


@pytest.fixture
def rooms(redis: Redis) -> RoomList:
    directory, watch = Directory(redis), RedisWatch(redis)
    return RoomList(directory, Cluster(directory, watch, RedisClock(redis)), watch)


def status(worker: WorkerId) -> WorkerStatus:
    return WorkerStatus(id=worker, state=WorkerState.READY, http_url="")


def room(name: str, subscribers: int = 0, origin: str = "") -> RoomStatus:
    return RoomStatus(name=name, has_publisher=not origin, tracks=2, subscribers=subscribers, origin=origin)


async def listed(rooms: RoomList) -> list[str]:
    await rooms.catch_up()
    return [shown(rooms, name) for name in rooms.held_names()]


def shown(rooms: RoomList, name: str) -> str:
    """By its summary, which is kept, and by what is known of it."""
    room, summary = rooms.room(name), json.loads(rooms.summary(name) or b"")
    assert room is not None
    assert summary["name"] == name
    return f"{name}:{summary['subscribers']}@{'+'.join(room.workers)}"


def copy(name: str, worker: WorkerId) -> RoomStatus:
    """Its publisher is at "w0"."""
    return room(name, origin="" if worker == "w0" else "w0")


async def look(rooms: RoomList) -> None:
    """As it does each second."""
    await rooms._look()


async def test_rooms_come_change_and_go(redis: Redis, rooms: RoomList) -> None:
    one, two = Directory(redis), Directory(redis)
    assert await listed(rooms) == []
    await one.beat(status(ONE), [], [room("b", 1), room("a", 2)])
    assert await listed(rooms) == ["a:2@w1", "b:1@w1"]
    await two.beat(status(TWO), [], [room("a", 5, origin="w1")])
    await one.tell(status(ONE), [room("b", 3)], {RoomName("b")})
    assert await listed(rooms) == ["a:7@w1+w2", "b:3@w1"]
    await one.tell(status(ONE), [], {RoomName("a")})
    assert await listed(rooms) == ["a:5@w2", "b:3@w1"]
    assert list(rooms.rooms_of("w1")) == ["b"]
    await one.leave(ONE)
    assert await listed(rooms) == ["a:5@w2"]
    assert list(rooms.rooms_of("w1")) == []


async def test_a_process_that_starts_later_reads_what_there_is(redis: Redis, rooms: RoomList) -> None:
    await Directory(redis).beat(status(ONE), [], [room("a", 2)])
    await redis.delete(keys.CHANGES)
    assert await listed(rooms) == ["a:2@w1"]


async def test_a_look_reads_what_changed_once(redis: Redis, rooms: RoomList) -> None:
    """Along with the statuses; and it needs no worker's rooms for that."""
    one = Directory(redis)
    for subscribers in (0, 1):
        await one.beat(status(ONE), [], [room("a", subscribers)])
        await look(rooms)
    await one.beat(status(ONE), [], [room("a", 2)])
    await redis.config_resetstat()
    await look(rooms)
    asked = await redis.info("commandstats")
    assert asked["cmdstat_xrange"]["calls"] == 1
    assert "cmdstat_hgetall" not in asked
    assert await listed(rooms) == ["a:2@w1"]


async def test_missed_changes_are_noticed(redis: Redis, rooms: RoomList) -> None:
    one = Directory(redis)
    await one.beat(status(ONE), [], [room("a", 2)])
    assert await listed(rooms) == ["a:2@w1"]
    await one.beat(status(ONE), [], [room("a", 3), room("b")])
    await redis.delete(keys.CHANGES)  # as if nobody had asked for too long
    await one.beat(status(ONE), [], [room("a", 4), room("b")])
    assert await listed(rooms) == ["a:4@w1", "b:0@w1"]
    await one.beat(status(ONE), [], [room("b", 9)])
    await redis.delete(keys.CHANGES)
    await look(rooms)  # the worker's status tells
    assert await listed(rooms) == ["b:9@w1"]


async def test_the_rooms_of_a_dead_worker_end(redis: Redis, rooms: RoomList) -> None:
    await Directory(redis).beat(status(ONE), [], [room("a", 2)])
    assert await listed(rooms) == ["a:2@w1"]
    await redis.delete(keys.worker_status(ONE), keys.worker_rooms(ONE))
    await look(rooms)
    assert await listed(rooms) == []


async def test_the_next_process_with_a_worker_s_id_begins_anew(redis: Redis, rooms: RoomList) -> None:
    await Directory(redis).beat(status(ONE), [], [room("a", 2)])
    assert await listed(rooms) == ["a:2@w1"]
    await redis.delete(keys.worker_process(ONE))
    with capture_logs() as logs:
        await Directory(redis).beat(status(ONE), [], [room("b")])
        assert await listed(rooms) == ["b:0@w1"]
        await look(rooms)
        assert await listed(rooms) == ["b:0@w1"]
    assert [line["event"] for line in logs] == ["worker lost", "worker is back"]
    assert logs[0]["rooms"] == ["a"]


class PausedCluster(Cluster):
    """It has read the statuses, and keeps them until it may `go_on`."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(Directory(redis), RedisWatch(redis), RedisClock(redis))
        self.has_read, self.go_on = asyncio.Event(), asyncio.Event()

    async def workers(self) -> list[WorkerStatus]:
        found = await super().workers()
        self.has_read.set()
        await self.go_on.wait()
        return found


async def test_a_list_does_not_wait_until_all_statuses_are_read(redis: Redis) -> None:
    """What begins meanwhile stays, although the statuses do not have it."""
    cluster = PausedCluster(redis)
    cluster.go_on.set()
    rooms = RoomList(Directory(redis), cluster, RedisWatch(redis))
    await Directory(redis).beat(status(ONE), [], [room("a", 2)])
    assert await listed(rooms) == ["a:2@w1"]
    await redis.delete(keys.worker_status(ONE), keys.worker_rooms(ONE), keys.worker_process(ONE))  # it died
    cluster.has_read.clear()
    cluster.go_on.clear()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(IN_TIME):
        looking = tasks.create_task(look(rooms))
        await cluster.has_read.wait()
        await Directory(redis).beat(status(ONE), [], [room("b")])
        await Directory(redis).beat(status(TWO), [], [room("c")])
        assert await listed(rooms) == ["b:0@w1", "c:0@w2"]
        assert not looking.done()
        cluster.go_on.set()
    assert await listed(rooms) == ["b:0@w1", "c:0@w2"]


async def test_redis_comes_back_empty(redis: Redis, rooms: RoomList) -> None:
    one = Directory(redis)
    await one.beat(status(ONE), [], [room("a", 2), room("b")])
    assert await listed(rooms) == ["a:2@w1", "b:0@w1"]
    await redis.flushall()
    await look(rooms)
    assert await listed(rooms) == []
    await one.tell(status(ONE), [room("a", 3)], {RoomName("a")})  # the worker has not noticed it
    await look(rooms)
    assert await listed(rooms) == ["a:3@w1", "b:0@w1"]


async def test_redis_comes_back_with_what_it_had_a_while_ago(redis: Redis, rooms: RoomList) -> None:
    """A replica that was behind takes over, on a host whose clock is late."""
    one = Directory(redis)
    await one.beat(status(ONE), [], [room("a", 2)])
    written = keys.worker_status(ONE), keys.worker_rooms(ONE)
    before = {key: await redis.dump(key) or b"" for key in written}
    await one.beat(status(ONE), [], [room("a", 3), room("b")])
    assert await listed(rooms) == ["a:3@w1", "b:0@w1"]
    await redis.delete(keys.CHANGES)
    for key, value in before.items():
        await redis.restore(key, keys.HEARTBEAT_TTL_MS, value, replace=True)
    await one.beat(status(ONE), [], [room("a", 4), room("b")])
    await look(rooms)
    assert await listed(rooms) == ["a:4@w1", "b:0@w1"]


async def test_the_clock_of_redis_is_set_back(redis: Redis, rooms: RoomList) -> None:
    """The log begins anew with earlier ids; what was in it is read from the workers' records."""
    one = Directory(redis)
    await one.beat(status(ONE), [], [room("a", 2)])
    seconds, _ = await redis.time()
    await redis.xadd(keys.CHANGES, {"c": b""}, id=f"{seconds + 3600}000-0")
    assert await listed(rooms) == ["a:2@w1"]
    await one.beat(status(ONE), [], [room("a", 3), room("b")])
    await look(rooms)
    assert await listed(rooms) == ["a:3@w1", "b:0@w1"]
    await one.tell(status(ONE), [room("b", 1)], {RoomName("b")})
    assert await listed(rooms) == ["a:3@w1", "b:1@w1"]
    assert await redis.xlen(keys.CHANGES) == 2


async def test_pages_and_turns_have_every_room_once(redis: Redis, rooms: RoomList) -> None:
    names = [f"r{number:04}" for number in range(2 * SHORT + 7)]
    await Directory(redis).beat(status(ONE), [], [room(name) for name in names])
    await rooms.catch_up()
    assert list(rooms.held_names()) == names
    assert [name async for some in rooms.in_turns(rooms.held_names(), str) for name in some] == names
    for after in ("r", "r0003", "r0003x", names[-1], "s"):
        assert list(rooms.held_names(after)) == [name for name in names if name > after]


async def test_rooms_that_begin_and_end_do_not_confuse_a_slow_reader(redis: Redis, rooms: RoomList) -> None:
    names = [f"r{number:04}" for number in range(3 * SHORT)]
    directory = Directory(redis)
    await directory.beat(status(ONE), [], [room(name) for name in names])
    await rooms.catch_up()
    reader = rooms.held_names()
    read = [next(reader) for _ in range(SHORT)]
    ended, begun = set(names[::3]), ["a", "r0101x", "z"]
    await directory.beat(status(ONE), [], [room(name) for name in [*begun, *names] if name not in ended])
    await rooms.catch_up()
    read += reader
    assert read == sorted(set(read))
    assert set(names) - ended <= set(read)
    assert {"r0101x", "z"} <= set(read)


async def test_whatever_happens_it_ends_up_with_what_the_workers_have(redis: Redis, rooms: RoomList) -> None:
    chance = random.Random(16)
    workers = [WorkerId(f"w{number}") for number in range(4)]
    directories = {worker: Directory(redis) for worker in workers}
    held: dict[WorkerId, dict[str, RoomStatus]] = {worker: {} for worker in workers}
    for _ in range(150):
        worker = chance.choice(workers)
        mine, name = held[worker], f"r{chance.randrange(12)}"
        if name in mine and chance.random() < 0.4:
            del mine[name]
        else:
            mine[name] = replace(mine.get(name, copy(name, worker)), subscribers=chance.randrange(100))
        if chance.random() < 0.5:
            await directories[worker].beat(status(worker), [], list(mine.values()))
        else:
            some = [mine[name]] if name in mine else []
            await directories[worker].tell(status(worker), some, {RoomName(name)})
        match chance.randrange(12):
            case 0:
                await redis.delete(keys.CHANGES)
            case 1:
                await redis.flushall()
            case 2:
                await rooms.catch_up()
            case 3:
                await look(rooms)
    for worker in workers:
        await directories[worker].beat(status(worker), [], list(held[worker].values()))
    await look(rooms)
    total = {
        name: sum(mine[name].subscribers for mine in held.values() if name in mine)
        for name in sorted({name for mine in held.values() for name in mine})
    }
    assert [line.partition("@")[0] for line in await listed(rooms)] == [
        f"{name}:{count}" for name, count in total.items()
    ]


async def test_a_worker_that_dies_is_logged_with_its_rooms_and_so_is_its_return(
    redis: Redis, rooms: RoomList
) -> None:
    directory = Directory(redis)
    for worker in (ONE, TWO):
        await directory.beat(status(worker), [], [room(f"of-{worker}")])
    await look(rooms)
    with capture_logs() as logs:
        await redis.delete(keys.worker_status(ONE))  # as after five seconds without a heartbeat
        await directory.leave(TWO)
        for _ in range(2):
            await look(rooms)
        await directory.beat(status(ONE), [], [])
        for _ in range(2):
            await look(rooms)
    assert [(line["event"], line["worker"]) for line in logs] == [
        ("worker lost", ONE),
        ("worker is back", ONE),
    ]
    assert logs[0]["rooms"] == ["of-w1"]
    assert logs[0]["since"].endswith("+00:00")
