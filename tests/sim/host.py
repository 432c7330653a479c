"""A process with many simulated workers: `python -m tests.sim.host URL WORKERS ROOMS [quick]`.

They are at rest: they answer requests, but their heartbeats would take this host more time than it has. So
what they announce lives for an hour. What heartbeats cost is measured apart.
"""

import asyncio
import sys

import uvloop

from shared.bus import connection, keys, rpc
from shared.bus.connection import connect
from tests.sim.worker import SimulatedWorker, live_long

PATIENCE_SECONDS = 30.0  # with Redis: all of a cluster shares this host
AT_ONCE = 8


async def main(url: str, count: int, rooms: int, quick: bool) -> None:
    live_long()
    connection.CALL_TIMEOUT_SECONDS = PATIENCE_SECONDS
    rpc.BLOCK_SECONDS = 60.0  # of a thousand workers that ask Redis for requests, most ask in vain
    redis = connect(url)
    workers = [SimulatedWorker(redis, url, f"w{number:04}", rooms, quick=quick) for number in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(worker.beat() for worker in workers[begin : begin + AT_ONCE]))
        for worker in workers:
            tasks.create_task(worker.serve())
        print("ready", flush=True)
        while True:  # as if each had just sent a heartbeat, until this process is killed
            seconds, _ = await redis.time()
            await redis.zadd(keys.WORKERS, {worker.id: seconds for worker in workers})
            await asyncio.sleep(2.0)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "quick" in sys.argv[4:]))
