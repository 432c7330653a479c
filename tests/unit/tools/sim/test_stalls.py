"""Stalls of a loop are told once."""

import asyncio
import time

from tools.sim.stalls import LOOK_SECONDS, Stalls

STALL_SECONDS = 0.1


async def test_a_stall_is_told_once_whether_the_loop_has_turned_since_or_not() -> None:
    stalls = Stalls()
    watch = asyncio.create_task(stalls.run())
    for turns in (0, 2):
        await asyncio.sleep(LOOK_SECONDS)
        stalls.take()
        time.sleep(STALL_SECONDS)  # noqa: ASYNC251
        for _ in range(turns):
            await asyncio.sleep(LOOK_SECONDS)
        assert stalls.take() >= STALL_SECONDS - LOOK_SECONDS
        assert stalls.take() < STALL_SECONDS / 2
    watch.cancel()
