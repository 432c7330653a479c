"""A process with many simulated workers: `python -m tools.sim.host URL WORKERS ROOMS [quick]`.

They are at rest: they answer requests, but their heartbeats would take this host more time than it has. So
what they announce lives for an hour. What heartbeats cost is measured apart.

It says "ready" when all have announced themselves. Then it answers each line of its input with one of its
own: the seconds of its longest stall since the line before.
"""

import asyncio
import gc
import sys

import uvloop

from shared.bus import connection, keys
from shared.bus.connection import connect
from tools.sim.stalls import Stalls
from tools.sim.worker import HOUR, SimulatedWorker, be_patient, live_long

# Longer than a measure takes: a thousand workers that ask Redis anew would take this host's time.
BLOCK_SECONDS = float(HOUR)
AT_ONCE = 8


async def main(url: str, count: int, rooms: int, quick: bool) -> None:
    live_long()
    be_patient()
    connection.BLOCK_SECONDS = BLOCK_SECONDS
    redis = connect(url)
    workers = [SimulatedWorker(redis, url, f"w{number:04}", rooms, quick=quick) for number in range(count)]
    async with asyncio.TaskGroup() as tasks:
        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(worker.beat() for worker in workers[begin : begin + AT_ONCE]))
        for worker in workers:
            tasks.create_task(worker.serve())
        stalls = Stalls()
        tasks.create_task(stalls.run())
        keep()
        print("ready", flush=True)
        asyncio.get_running_loop().add_reader(sys.stdin, _answer, stalls)
        while True:  # as if each had just sent a heartbeat, until this process is killed
            seconds, _ = await redis.time()
            await redis.zadd(keys.WORKERS, {worker.id: seconds for worker in workers})
            await asyncio.sleep(2.0)


def keep() -> None:
    """What there is now lives as long as this process: no garbage collection looks through it any more.

    With a thousand times as many rooms as a worker has, a full one took half a second.
    """
    gc.collect()
    gc.freeze()


def _answer(stalls: Stalls) -> None:
    if sys.stdin.readline():
        print(stalls.take(), flush=True)
    else:
        asyncio.get_running_loop().remove_reader(sys.stdin)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "quick" in sys.argv[4:]))
