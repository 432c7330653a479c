"""What a request costs Redis, in a small simulated cluster and in a large one."""

from contextlib import AsyncExitStack
from statistics import median

from redis.asyncio import Redis

from shared.bus import keys
from tools.bench.http_client import Client
from tools.sim.measures import KINDS, Side
from tools.sim.system import simulated

SMALL, LARGE = 2, 200
REQUESTS = 40
MOST = 1.25  # times as many commands


async def test_a_request_needs_as_many_commands_in_a_cluster_of_any_size() -> None:
    """Also when half of it has just died: no publisher clears up after all of these rooms."""
    async with AsyncExitStack() as stack:
        small, large = [await _commands(size, stack) for size in (SMALL, LARGE)]
    assert all(number >= 5 for number in small.values())
    assert {kind for kind in KINDS if large[kind] > MOST * small[kind]} == set(), (small, large)


async def _commands(size: int, stack: AsyncExitStack) -> dict[str, float]:
    """For one request of each kind: how many commands Redis runs, those of its scripts included.

    The median: beside some requests something else happens, and a busy host may need two tries for one.
    """
    system = await stack.enter_async_context(simulated(size, REQUESTS))
    side = Side(size, system)
    await side.prepare(REQUESTS)
    rooms = await system.redis.zrange(keys.ROOMS, 0, -1)
    await system.redis.zadd(keys.ROOMS, dict.fromkeys(rooms[::2], 1))
    commands: dict[str, list[int]] = {kind: [] for kind in KINDS}
    async with Client(system.port) as client:
        for kind, counts in commands.items():
            for number in range(REQUESTS):
                before = await _calls(system.redis)
                await side.ask(client, kind, number)
                counts.append(await _calls(system.redis) - before)
    return {kind: median(counts) for kind, counts in commands.items()}


async def _calls(redis: Redis) -> int:
    return sum(command["calls"] for command in (await redis.info("commandstats")).values())
