"""A process with many simulated workers: `python -m tests.sim.host URL FIRST COUNT ROOMS`.

They are at rest: they answer requests, but their heartbeats would take this host more time than it has. So
what they announce lives for an hour. What heartbeats cost is measured apart.
"""

import asyncio
import signal
import sys
from contextlib import suppress

import uvloop

from shared.bus import keys
from shared.bus.connection import connect
from tests.sim.worker import SimulatedWorker

HOUR = 3_600
AT_ONCE = 8


async def main(url: str, first: int, count: int, rooms: int) -> None:
    keys.HEARTBEAT_TTL_MS = keys.CLAIM_TTL_MS = keys.PROCESS_TTL_MS = HOUR * 1000
    keys.SWEEP_SECONDS = HOUR
    redis = connect(url)
    workers = [SimulatedWorker(redis, url, f"w{number:04}", rooms) for number in range(first, first + count)]
    async with asyncio.TaskGroup() as tasks:
        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(worker.beat() for worker in workers[begin : begin + AT_ONCE]))
        serving = [tasks.create_task(worker.serve()) for worker in workers]
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        print("ready", flush=True)
        while not stop.is_set():  # as if each had just sent a heartbeat
            seconds, _ = await redis.time()
            await redis.zadd(keys.WORKERS, {worker.id: seconds for worker in workers})
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await stop.wait()
        for task in serving:
            task.cancel()
    await redis.aclose()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
