"""The script that puts documents into a book, in a real Valkey: which of two stays, and for how long."""

from typing import Any

from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.batch import Batch

KEYS = [keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG]
FAR = 4_000_000_000  # Unix time
LOG_SECONDS = 600


async def put(redis: Redis, *rulings: tuple[str, str, float, str], most: int = 100) -> int:
    """Each by name, stamp, end and body; returns how many were put."""
    batch = Batch(redis)
    flat: list[Any] = [part for ruling in rulings for part in ruling]
    batch.call("put_documents", KEYS, [most, 1000, LOG_SECONDS, 0, *flat])
    [[count, *_]] = await batch.execute()
    return int(count)


async def held(redis: Redis) -> dict[str, str]:
    found = await redis.hgetall(keys.RULINGS)
    return {name.decode(): value[16:].decode() for name, value in found.items() if name != b"@"}


async def stamp_of(redis: Redis, name: str) -> int:
    value = await redis.hget(keys.RULINGS, name)
    assert value is not None
    return int(value[:16])


def stamp(number: int) -> str:
    return f"{number:016d}"


async def test_of_two_of_one_name_the_later_one_stays(redis: Redis) -> None:
    assert await put(redis, ("a", stamp(5), FAR, "five")) == 1
    for number, body, is_put in ((4, "four", 0), (5, "again", 0), (6, "six", 1)):
        assert await put(redis, ("a", stamp(number), FAR, body)) == is_put
    assert await held(redis) == {"a": "six"}
    assert await redis.xlen(keys.RULING_LOG) == 2


async def test_one_that_is_made_now_is_stamped_by_the_clock_of_redis(redis: Redis) -> None:
    seconds, microseconds = await redis.time()
    await put(redis, ("a", "", FAR, "now"))
    assert 0 <= await stamp_of(redis, "a") - (seconds * 1_000_000 + microseconds) < 60_000_000


async def test_one_that_is_made_now_counts_though_the_clock_was_set_back(redis: Redis) -> None:
    """Else an operator's ruling would silently do nothing."""
    await put(redis, ("a", stamp(9_000_000_000_000_000), FAR, "of the future"))
    assert await put(redis, ("a", "", FAR, "now")) == 1
    assert await stamp_of(redis, "a") == 9_000_000_000_000_001
    assert await held(redis) == {"a": "now"}


async def test_one_takes_the_place_of_what_has_the_stamp_that_was_seen_only(redis: Redis) -> None:
    assert await put(redis, ("a", "=" + stamp(1), FAR, "of nothing")) == 0
    assert await put(redis, ("a", "=", FAR, "first")) == 1
    seen = await stamp_of(redis, "a")
    assert await put(redis, ("a", "=", FAR, "first again")) == 0
    assert await put(redis, ("a", f"={seen}", FAR, "second")) == 1
    assert await put(redis, ("a", f"={seen}", FAR, "late")) == 0
    assert await held(redis) == {"a": "second"}
    assert await redis.xlen(keys.RULING_LOG) == 2


async def test_what_has_ended_is_as_good_as_nothing_for_who_puts_the_next(redis: Redis) -> None:
    """Also before it is taken away, which happens to a hundred at a time."""
    over = (await redis.time())[0] - 10
    many = [(f"b{number}", stamp(5), over, "x") for number in range(200)]
    last = ("a", stamp(9_000_000_000_000_000), over + 1, "x")
    await put(redis, ("goes on", "", FAR, "x"), last, *many, most=300)
    assert await redis.hexists(keys.RULINGS, "a")
    assert await put(redis, ("a", "=", FAR, "first again"), most=300) == 1
    assert await stamp_of(redis, "a") == 9_000_000_000_000_001


async def test_there_are_so_many_and_who_is_held_may_change(redis: Redis) -> None:
    for name in ("a", "b"):
        assert await put(redis, (name, "", FAR, "first"), most=2) == 1
    assert await put(redis, ("c", "", FAR, "first"), most=2) == -1
    assert await put(redis, ("b", "", FAR, "second"), most=2) == 1
    assert await held(redis) == {"a": "first", "b": "second"}
    assert await put(redis, ("c", "", FAR, "first"), most=3) == 1


async def test_of_several_those_are_put_that_fit(redis: Redis) -> None:
    assert await put(redis, ("a", "", FAR, "x"), ("b", "", FAR, "x"), ("c", "", FAR, "x"), most=2) == -1
    assert set(await held(redis)) == {"a", "b"}


async def test_what_has_ended_makes_place_and_leaves_nothing(redis: Redis) -> None:
    now = (await redis.time())[0]
    await put(redis, ("ended", "", now - 1, "x"), ("ends now", "", now, "x"), ("goes on", "", now + 60, "x"))
    await put(redis, ("new", "", FAR, "x"), most=2)
    assert set(await held(redis)) == {"goes on", "new"}
    assert await redis.zcard(keys.RULING_ENDS) == 2


async def test_each_entry_of_the_log_names_the_one_before(redis: Redis) -> None:
    """So who follows the log notices that it lacks something."""
    for name in ("a", "b", "a"):
        await put(redis, (name, "", FAR, "x"))
    entries = await redis.xrange(keys.RULING_LOG)
    ids = [entry for entry, _ in entries]
    assert [fields[b"before"] for _, fields in entries] == [b"", *ids[:-1]]
    assert [fields[b"name"] for _, fields in entries] == [b"a", b"b", b"a"]
    assert await redis.hget(keys.RULINGS, "@") == ids[-1]
    last = await redis.hget(keys.RULINGS, "a")
    assert entries[-1][1][b"document"] == last


async def test_who_puts_some_hears_what_they_made_of_which_version(redis: Redis) -> None:
    batch = Batch(redis)
    for names in ("a", "bc"):
        flat = [part for name in names for part in (name, "", FAR, "x")]
        batch.call("put_documents", KEYS, [100, 1000, LOG_SECONDS, 0, *flat])
    first, second = await batch.execute()
    ids = [entry for entry, _ in await redis.xrange(keys.RULING_LOG)]
    assert [*first[:3], *second[:3]] == [1, b"", ids[0], 2, ids[0], ids[2]]
    assert [int(first[3]), int(second[3])] == [await stamp_of(redis, name) for name in "ac"]


async def test_the_book_lives_until_its_last_ruling_ends(redis: Redis) -> None:
    now = (await redis.time())[0]
    await put(redis, ("long", "", now + 1000.5, "x"), ("short", "", now + 10, "x"))
    for key in (keys.RULINGS, keys.RULING_ENDS):
        assert (now + 1002) * 1000 <= await redis.pexpiretime(key) < (now + 1003) * 1000
    assert 0 < await redis.ttl(keys.RULING_LOG) <= LOG_SECONDS


async def test_a_ruling_that_is_lifted_early_shortens_the_book_s_life(redis: Redis) -> None:
    now = (await redis.time())[0]
    await put(redis, ("a", "", now + 1000, "x"))
    await put(redis, ("a", "", now + 100, "y"))
    assert await redis.ttl(keys.RULINGS) <= 102
