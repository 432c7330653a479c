"""A small simulated cluster with real heartbeats: clients are placed well, and all of control knows it."""

import asyncio
import json
from collections import Counter
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.connection import connect
from tests.support.offers import PLAY_OFFER
from tests.support.waiting import eventually
from tools.bench.http_client import Client, Reply
from tools.sim.measures import KINDS, SDP, Side, publish
from tools.sim.system import simulated
from tools.sim.worker import SimulatedWorker

IN_TIME = 5.0
SMALL, LARGE = 2, 200
REQUESTS = 40
MOST = 1.25  # times as many commands


async def play(client: Client, room: str) -> Reply:
    return await client.ask("POST", f"/api/whep/play/{room}", PLAY_OFFER, SDP)


async def rooms(client: Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((await client.ask("GET", f"/api/rooms{query}")).body)
    return found


def worker_of(reply: Reply) -> str:
    return reply.headers["location"].rpartition("/")[2].partition(".")[0]


async def test_clients_of_a_small_cluster() -> None:
    async with simulated(0, 0, controls=2) as system, AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        redis = await stack.enter_async_context(connect(system.url))
        workers = [
            SimulatedWorker(redis, system.url, name, rooms=2, max_viewers=4, most_in_room=6)
            for name in ("a", "b", "c")
        ]
        living = [tasks.create_task(run()) for worker in workers for run in (worker.live, worker.serve)]
        one, two = [await stack.enter_async_context(Client(port)) for port in system.ports]

        async def all_listed() -> bool:
            return len(await rooms(one)) == len(await rooms(two)) == 6

        await eventually("all rooms are listed", all_listed, IN_TIME)

        # publishers: over both control processes, evenly over the workers, known to both at once
        placed = Counter([worker_of(await publish((one, two)[number % 2])) for number in range(12)])
        assert max(placed.values()) - min(placed.values()) <= 1
        assert len(await rooms(one)) == len(await rooms(two)) == 18

        # viewers of one room: its worker, then one more with a copy, and the room's limit is exact
        replies = [await play((one, two)[number % 2], "a-000") for number in range(7)]
        assert [reply.status for reply in replies] == [201] * 6 + [403]
        assert [worker_of(reply) for reply in replies[:4]] == ["a"] * 4
        assert len({worker_of(reply) for reply in replies[4:6]} - {"a"}) == 1
        for client in (one, two):
            [room] = await rooms(client, "?name=a-000&detail=true")
            assert (room["subscribers"], len(room["workers"])) == (6, 2)
            assert (await rooms(client, "?limit=1"))[0]["subscribers"] == 6

        # a viewer leaves, and another one gets its place
        assert (await two.ask("DELETE", replies[0].headers["location"])).status == 200
        assert (await rooms(one, "?name=a-000"))[0]["subscribers"] == 5
        assert worker_of(await play(one, "a-000")) == "a"

        # a worker that goes takes its rooms along
        for task in living[:2]:
            task.cancel()

        async def without_it() -> bool:
            return not [room for room in await rooms(two, "?detail=true") if "a" in room["workers"]]

        await eventually("its rooms are gone", without_it, IN_TIME)
        for task in living:
            task.cancel()


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
    async with Client(system.ports[0]) as client:
        for kind, counts in commands.items():
            for number in range(REQUESTS):
                before = await _calls(system.redis)
                await side.ask(client, kind, number)
                counts.append(await _calls(system.redis) - before)
    return {kind: median(counts) for kind, counts in commands.items()}


async def _calls(redis: Redis) -> int:
    return sum(command["calls"] for command in (await redis.info("commandstats")).values())
