"""Redis keeps when a room ended: until it is claimed again, or for a day."""

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.directory import Directory
from shared.names import RoomName, WorkerId

ROOM, OTHER_ROOM = RoomName("demo"), RoomName("other")
ONE, TWO = WorkerId("w1"), WorkerId("w2")


@pytest.fixture
def directory(redis: Redis) -> Directory:
    return Directory(redis)


async def test_the_end_is_kept_by_the_clock_of_redis_for_a_day(redis: Redis, directory: Directory) -> None:
    await directory.claim_room(ROOM, ONE)
    assert await directory.room_ends([ROOM]) == {}
    before, _ = await redis.time()
    await directory.release_rooms([ROOM], ONE)
    after, _ = await redis.time()
    ends = await directory.room_ends([OTHER_ROOM, ROOM])
    assert list(ends) == [ROOM]
    assert before <= ends[ROOM].at <= after
    assert 86_390 < await redis.ttl(keys.room_ended(ROOM)) <= keys.ENDED_TTL_SECONDS == 86_400


async def test_a_later_end_takes_its_place(redis: Redis, directory: Directory) -> None:
    await redis.set(keys.room_ended(ROOM), 1_000)
    await directory.claim_room(ROOM, ONE)
    await directory.release_rooms([ROOM], ONE)
    assert (await directory.room_ends([ROOM]))[ROOM].at > 1_000


async def test_a_room_that_is_claimed_again_has_no_end(redis: Redis, directory: Directory) -> None:
    """Otherwise, when its worker dies, an end would be told that was long before."""
    await directory.claim_room(ROOM, ONE)
    await directory.release_rooms([ROOM], ONE)
    await redis.set(keys.room_since(ROOM), "1 1")
    await directory.claim_room(ROOM, TWO)
    assert not await redis.exists(keys.room_ended(ROOM), keys.room_since(ROOM))
    await redis.delete(keys.room_claim(ROOM))  # its worker died
    assert await directory.room_ends([ROOM]) == {}


async def test_a_room_that_was_never_open_has_not_ended(directory: Directory) -> None:
    for room in (ROOM, OTHER_ROOM):
        await directory.claim_room(room, ONE)
    await directory.release_rooms([ROOM, OTHER_ROOM], ONE, never_open=[OTHER_ROOM])
    assert await directory.room_owner(OTHER_ROOM) is None
    assert list(await directory.room_ends([ROOM, OTHER_ROOM])) == [ROOM]


async def test_an_end_says_whether_the_room_was_closed(directory: Directory) -> None:
    for room in (ROOM, OTHER_ROOM):
        await directory.claim_room(room, ONE)
    await directory.release_rooms([ROOM, OTHER_ROOM], ONE, closed=[ROOM])
    ends = await directory.room_ends([ROOM, OTHER_ROOM])
    assert [ends[room].closed for room in (ROOM, OTHER_ROOM)] == [True, False]


async def test_garbage_is_no_end(redis: Redis, directory: Directory) -> None:
    for garbage in (b"", b"\xff\xfe", b"-1", b"1.5", b"9" * 12, "١".encode(), b"1\n", b"1 open"):
        await redis.set(keys.room_ended(ROOM), garbage)
        assert await directory.room_ends([ROOM]) == {}, garbage


async def test_an_end_is_small(redis: Redis, directory: Directory) -> None:
    """Publishers make names up, and each takes this memory for a day."""
    longest = RoomName("x" * 64)
    await directory.claim_room(longest, ONE)
    await directory.release_rooms([longest], ONE)
    assert await redis.memory_usage(keys.room_ended(longest)) <= 250
