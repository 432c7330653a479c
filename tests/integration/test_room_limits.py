"""How many rooms there may be, in the cluster and of one network: claims in a real Valkey."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.claims import RoomLimits
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId, check_name
from tests.support.emptied import empty

ONE, TWO = WorkerId("w1"), WorkerId("w2")
STATUS = WorkerStatus(id=ONE, state=WorkerState.READY, http_url="http://10.0.0.1:9100", load=0.0)
HOME, AWAY = "192.0.2.1", "2001:db8::/64"


async def claim(directory: Directory, room: str, network: str = HOME) -> ErrorCode | None:
    """What a claim gets; None: the room."""
    try:
        await directory.claim_room(RoomName(room), ONE, network)
    except ServiceError as error:
        return error.code
    return None


async def claims(directory: Directory, *rooms: str, network: str = HOME) -> list[ErrorCode | None]:
    """What each of them gets, one after the other."""
    return [await claim(directory, room, network) for room in rooms]


async def claims_at_once(directory: Directory, number: int) -> list[ErrorCode | None]:
    return sorted(await asyncio.gather(*(claim(directory, f"r{n}") for n in range(number))), key=str)


async def test_of_many_claims_at_once_as_many_win_as_there_may_be_rooms(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=3))
    assert await claims_at_once(directory, 20) == [None] * 3 + [ErrorCode.ROOM_LIMIT] * 17


async def test_a_room_that_is_released_or_expires_makes_place(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=2, rooms_of_network=2))
    assert await claims(directory, "a", "b", "c") == [None, None, ErrorCode.ROOM_LIMIT]
    for never_open in ([], [RoomName("a")]):
        await directory.release_rooms([RoomName("a")], TWO, never_open)  # which does not own it
        assert await claims(directory, "c") == [ErrorCode.ROOM_LIMIT]
    await directory.release_rooms([RoomName("a")], ONE)
    held = *directory._claims._since, *directory._claims._heard, *directory._claims._networks
    assert RoomName("a") not in {room for _, room in held}
    assert await claims(directory, "c", "d") == [None, ErrorCode.ROOM_LIMIT]
    await redis.zadd(keys.ROOMS, {"b": 1})  # as of a worker that died
    await redis.delete(keys.room_claim(RoomName("b")))
    assert await claims(directory, "d") == [None]
    assert await redis.hkeys(keys.NETWORKS) == [b"c", b"d"]
    assert await redis.zcard(keys.PUBLISHERS) == 2


async def test_a_room_that_comes_back_needs_no_place(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=1, rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    assert await claims(directory, "a") == [None]  # its worker still holds it
    await redis.delete(keys.room_claim(RoomName("a")))
    assert await directory.claim_room(RoomName("a"), TWO, HOME) == TWO  # its worker died a moment ago


async def is_counted(redis: Redis, since: int) -> bool:
    """Whether room "a" counts from some moment since then for as long as it should; all of it expires."""
    for key in (keys.ROOMS, keys.NETWORKS, keys.PUBLISHERS):
        assert 0 < await redis.ttl(key) <= keys.SWEEP_SECONDS
    until = await redis.zscore(keys.ROOMS, "a") or 0.0
    return since <= until - keys.PLACE_TTL_MS <= await unix_ms(redis)


async def unix_ms(redis: Redis) -> int:
    seconds, microseconds = await redis.time()
    return int(seconds * 1000 + microseconds // 1000)


async def test_heartbeats_keep_the_places_of_their_rooms_now_and_then(
    redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.directory.claims.monotonic", lambda: now)
    directory, since = Directory(redis, RoomLimits(rooms=1, rooms_of_network=1)), await unix_ms(redis)
    assert await claims(directory, "a") == [None]
    assert await is_counted(redis, since)
    for seconds, is_kept in ((0.0, True), (keys.PLACE_SECONDS - 0.1, False), (0.1, True)):
        now += seconds
        await redis.zadd(keys.ROOMS, {"a": 1})
        for key in (keys.ROOMS, keys.NETWORKS, keys.PUBLISHERS) if is_kept else ():
            await redis.persist(key)
        since = await unix_ms(redis)
        await directory.beat(STATUS, [RoomName("a")])
        assert await is_counted(redis, since) is is_kept
    empty(redis_url)
    await directory.beat(STATUS, [RoomName("a")])  # Redis has come back, empty
    assert await claims(directory, "b") == [ErrorCode.ROOM_LIMIT]


@pytest.mark.parametrize("is_emptied", [True, False], ids=["of a Redis that was emptied", "that were over"])
async def test_heartbeats_bring_back_the_places_of_their_network(
    redis_url: str, redis: Redis, is_emptied: bool
) -> None:
    """Also those of a room that changed its network, and no place of one whose claim was refused."""
    directory, others = (Directory(redis, RoomLimits(rooms_of_network=2)) for _ in range(2))
    assert await claims(directory, "a", network=AWAY) == [None]
    assert await claims(directory, "a", "b", "c") == [None, None, ErrorCode.PUBLISHER_LIMIT]
    assert await claims(directory, "x", network="") == [None]  # not known
    if is_emptied:
        empty(redis_url)
    else:  # Redis was away for longer than a place lives, and others forget what is over
        await redis.delete(*(keys.room_claim(RoomName(room)) for room in "abx"))
        await redis.zadd(keys.ROOMS, dict.fromkeys("abx", 1))
        assert await claims(others, "other", network=AWAY) == [None]
        assert not await redis.hexists(keys.NETWORKS, "a")
    await directory.beat(STATUS, [RoomName(room) for room in "abx"])
    assert await claims(directory, "c") == [ErrorCode.PUBLISHER_LIMIT]
    places = {f"{HOME} a".encode(), f"{HOME} b".encode()}
    found = set(await redis.zrange(keys.PUBLISHERS, 0, -1))
    assert found == places | (set() if is_emptied else {f"{AWAY} other".encode()})
    for key in (keys.NETWORKS, keys.PUBLISHERS):
        assert 0 < await redis.ttl(key) <= keys.SWEEP_SECONDS


async def test_a_heartbeat_that_comes_late_leaves_a_room_to_its_later_network(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    await redis.hset(keys.NETWORKS, "a", AWAY)  # as of a claim whose answer is on its way
    await directory.beat(STATUS, [RoomName("a")])
    assert await redis.hgetall(keys.NETWORKS) == {b"a": AWAY.encode()}
    assert await redis.zrange(keys.PUBLISHERS, 0, -1) == [f"{HOME} a".encode()]


async def test_a_network_publishes_in_so_many_rooms_and_others_in_theirs(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=2))
    assert await claims_at_once(directory, 20) == [None] * 2 + [ErrorCode.PUBLISHER_LIMIT] * 18
    assert await claims(directory, "a", "b", "c", network=AWAY) == [None, None, ErrorCode.PUBLISHER_LIMIT]
    assert await claims(directory, "x", "y", "z", network="") == [None] * 3  # not known


async def test_a_room_counts_for_its_latest_publisher(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    assert await claims(directory, "a", network=AWAY) == [None]  # it has changed networks
    assert await claims(directory, "b") == [None]
    assert await claims(directory, "c", network=AWAY) == [ErrorCode.PUBLISHER_LIMIT]
    assert await claims(directory, "a", network=HOME) == [ErrorCode.PUBLISHER_LIMIT]
    assert await directory.room_owner(RoomName("a")) == ONE  # which it was before


async def test_without_a_limit_for_networks_nobody_s_network_is_kept(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=9))
    assert await claims(directory, "a", "b") == [None, None]
    assert not await redis.exists(keys.NETWORKS, keys.PUBLISHERS)


async def test_a_room_counts_for_no_network_when_its_publisher_s_is_not_known(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms_of_network=1))
    assert await claims(directory, "a") == [None]
    assert await claims(directory, "a", network="") == [None]
    assert not await redis.exists(keys.NETWORKS, keys.PUBLISHERS)
    assert await claims(directory, "b") == [None]


async def test_a_claim_beyond_a_limit_is_given_back(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=1))
    assert await claims(directory, "a", "b") == [None, ErrorCode.ROOM_LIMIT]
    assert await directory.room_owner(RoomName("b")) is None
    assert await directory.room_ends([RoomName("b")]) == {}


async def test_the_places_of_many_rooms_are_counted_by_their_network(redis: Redis) -> None:
    """Networks whose names begin alike are others, and rooms whose time is over do not count."""
    directory = Directory(redis, RoomLimits(rooms_of_network=2))
    assert await claims(directory, "a", network="192.0.2.1") == [None]
    assert await claims(directory, "b", "c", network="192.0.2.10") == [None, None]
    assert await claims(directory, "d", network="192.0.2.1") == [None]
    await redis.zadd(keys.ROOMS, {"b": 1})
    assert await claims(directory, "e", network="192.0.2.10") == [None]
    assert await claims(directory, "f", network="192.0.2.10") == [ErrorCode.PUBLISHER_LIMIT]


async def test_rooms_of_workers_that_died_count_no_longer_and_are_forgotten_bit_by_bit(redis: Redis) -> None:
    """A claim must not pay for a thousand of them: they died all at once, and others wait meanwhile."""
    directory = Directory(redis, RoomLimits(rooms=50, rooms_of_network=50))
    assert await claims(directory, *(f"r{number}" for number in range(51))) == [None] * 50 + [
        ErrorCode.ROOM_LIMIT
    ]
    await redis.zadd(keys.ROOMS, {f"r{number}": 1 for number in range(50)})
    assert await claims(directory, "a", network=AWAY) == [None]
    assert await redis.zcard(keys.ROOMS) == 47
    assert await claims(directory, "b") == [None]  # none of its network counts
    for number in range(48):
        assert await claims(directory, f"new{number}", network="") == [None]
    assert await claims(directory, "c") == [ErrorCode.ROOM_LIMIT]
    assert await redis.zcard(keys.ROOMS) == await redis.zcount(keys.ROOMS, 2, "+inf") == 50
    assert sorted(await redis.hkeys(keys.NETWORKS)) == [b"a", b"b"]
    assert await redis.zrange(keys.PUBLISHERS, 0, -1) == [b"192.0.2.1 b", b"2001:db8::/64 a"]


async def test_the_room_that_is_over_longest_is_forgotten_first(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=9))
    await redis.zadd(keys.ROOMS, {"dead": 1})
    assert await claims(directory, "a") == [None]
    assert await redis.zrange(keys.ROOMS, 0, -1) == [b"a"]


async def test_a_room_whose_time_was_over_counts_anew(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=12, rooms_of_network=1))
    await redis.zadd(keys.ROOMS, {f"dead{number:02}": number for number in range(20)} | {"z": 99})
    await redis.hset(keys.NETWORKS, "z", HOME)
    await redis.zadd(keys.PUBLISHERS, {f"{HOME} z": 0})
    assert await claims(directory, "a") == [None]  # "z" waits to be forgotten
    assert await claims(directory, "z") == [ErrorCode.PUBLISHER_LIMIT]


async def test_checks_of_an_uplink_take_no_place_of_a_room(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=2, rooms_of_network=2))
    demo = [check_name(RoomName("demo"), caller) for caller in ("ada", "ben", "cleo")]
    assert await claims(directory, *demo[:2]) == [None, None]
    assert await claims(directory, demo[0]) == [None]  # the same caller again
    with pytest.raises(ServiceError, match="room_limit") as of_all:
        await directory.claim_room(demo[2], ONE, AWAY)
    assert of_all.value.detail == "too many checks of uplinks at once: MAX_ROOMS is 2"
    assert await claims(directory, "a", "b", "c") == [None, None, ErrorCode.ROOM_LIMIT]
    await directory.beat(STATUS, [*demo[:2], RoomName("a"), RoomName("b")])
    await directory.release_rooms([*demo[:2]], ONE)
    assert await claims(directory, demo[2]) == [None]
    await directory.release_rooms([demo[2], RoomName("a"), RoomName("b")], ONE)
    assert await claims(directory, "c") == [None]
    left = [key.decode() for key in await redis.keys("*")]
    assert not [key for key in left if "~" in key or "checks" in key]


async def test_a_full_server_names_its_limit(redis: Redis) -> None:
    directory = Directory(redis, RoomLimits(rooms=1))
    assert await claims(directory, "a") == [None]
    with pytest.raises(ServiceError, match="room_limit") as full:
        await directory.claim_room(RoomName("b"), ONE, HOME)
    assert full.value.detail == "the server is full: MAX_ROOMS is 1"
