"""However many ask for something long at once, others have their turns in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

from control.workers.turns import MOST, SHORT, TURN_SECONDS, Turns
from tests.support.meanwhile import meanwhile

NAMES = [f"r{number}" for number in range(2 * MOST + 7)]


async def test_each_name_comes_once_and_in_order() -> None:
    for count in (0, 1, SHORT, SHORT + 1, len(NAMES)):
        parts = [some async for some in Turns().render(iter(NAMES[:count]), str.upper)]
        assert [name for some in parts for name in some] == [name.upper() for name in NAMES[:count]]
        assert all(0 < len(some) <= MOST for some in parts)


async def test_between_two_turns_of_anybody_others_have_theirs() -> None:
    turns, seen = Turns(), list[str]()

    async def read(name: str) -> None:
        async for _ in turns.render(NAMES, str.upper):
            seen.append(name)

    async def pass_by() -> None:
        while True:
            seen.append("other")
            await asyncio.sleep(0)

    async with meanwhile(pass_by()):
        await asyncio.gather(*(read(f"reader {number}") for number in range(20)))
    assert all("other" in pair for pair in pairwise(seen))
    firsts = [name for name in dict.fromkeys(seen) if name != "other"]
    assert [name for name in seen if name != "other"][:40] == firsts * 2  # one after the other


async def test_what_takes_long_to_render_comes_in_shorter_turns() -> None:
    def slow(name: str) -> str:
        time.sleep(TURN_SECONDS)
        return name

    names = NAMES[: SHORT + 5]
    assert [len(some) async for some in Turns().render(names, slow)] == [1] * len(names)


async def test_a_short_list_does_not_queue_behind_long_ones() -> None:
    turns = Turns()
    long_ones = [turns.render(NAMES, str.upper) for _ in range(50)]
    queue = [asyncio.ensure_future(anext(each)) for each in long_ones]
    await asyncio.sleep(0)
    assert await anext(turns.render(NAMES[:SHORT], str.upper))
    assert not any(each.done() for each in queue)
    await asyncio.gather(*queue)


async def test_who_reads_slowly_or_goes_holds_up_nobody() -> None:
    turns = Turns()
    slow = turns.render(NAMES, str.upper)
    await anext(slow)
    gone: AsyncIterator[list[str]] = turns.render(NAMES, str.upper)
    leaving = asyncio.ensure_future(anext(gone))
    await asyncio.sleep(0)  # it has its turn now
    leaving.cancel()
    async with asyncio.timeout(5):
        assert sum([len(some) async for some in turns.render(NAMES, str.upper)]) == len(NAMES)


async def test_names_are_taken_as_they_are_needed() -> None:
    taken: list[str] = []

    def names() -> Iterator[str]:
        for name in NAMES:
            taken.append(name)
            yield name

    await anext(Turns().render(names(), str.upper))
    assert len(taken) <= MOST + 1
