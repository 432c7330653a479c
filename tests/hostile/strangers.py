"""All attacks at once, in a process of their own on one core: `python -m tests.hostile.strangers TARGET`.

TARGET is JSON. They go on until the process is told to end; then it prints what they did, as JSON.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from collections import Counter

import uvloop

from tests.hostile import datagrams, requests, streams
from tests.hostile.requests import Attack
from tests.hostile.target import Target

ATTACKS: list[Attack] = [
    requests.header_floods,
    requests.idle_connections,
    requests.slow_bodies,
    requests.fat_offers,
    requests.event_streams,
    requests.stalled_downloads,
    requests.empty_seats,
    requests.proxied_streams,
    requests.two_hosts,
    datagrams.forged_checks,
    datagrams.rtcp_floods,
    datagrams.forged_datagrams,
    datagrams.changing_pictures,
    streams.tcp_streams,
]
RETRY_SECONDS = 1.0  # for an attack whose session the server has ended


async def attack(target: Target) -> None:
    """Run all attacks; whatever ends one, it begins again."""

    async def again(one: Attack) -> None:
        while True:
            try:
                await one(target)
            except Exception as error:  # a refusal, or the end of its session
                target.done[f"{one.__name__} ended: {type(error).__name__}"] += 1
            await asyncio.sleep(RETRY_SECONDS)

    chosen = [one for one in ATTACKS if len(sys.argv) < 3 or one.__name__ in sys.argv[2:]]
    tasks = [asyncio.create_task(again(one)) for one in chosen]
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    await told.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.nice(10)  # strangers have machines of their own: what they compute must not delay the server
    wanted = json.loads(sys.argv[1])
    viewers = tuple((host, port) for host, port in wanted.pop("viewers"))
    target = Target(**wanted, viewers=viewers, done=Counter())
    uvloop.run(attack(target))
    print(json.dumps(target.done))


if __name__ == "__main__":
    main()
