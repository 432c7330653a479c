"""Sessions that come and go leave nothing behind, in the worker, in control, or in Redis."""

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urljoin

import psutil
from redis.asyncio import Redis

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

WARM_UP_CYCLES = 50
CYCLES = 200
CONNECTED_EVERY = 10  # every tenth cycle connects by ICE and DTLS and relays; the others stop at the answer
GROWTH_BYTES = 4 << 20
SPARE_FILES = 3  # the pools may hold a connection more or less
SETTLE_SECONDS = 15.0  # empty lists in Redis expire after 10 s


async def light_cycle(system: System, room: str) -> None:
    """Publish, play and close with offers alone."""
    published = await post_offer(system.http, system.whip(room), PUBLISH_OFFER)
    assert published.status_code == 201, published.text
    played = await post_offer(system.http, system.whep(room), PLAY_OFFER)
    assert played.status_code == 201, played.text
    for answer in (played, published):
        deleted = await system.http.delete(urljoin(system.whip(room), answer.headers["Location"]))
        assert deleted.status_code == 200, deleted.text


async def connected_cycle(system: System, room: str) -> None:
    """Publish, play and close with media that arrives."""
    async with (
        publisher(system.http, system.whip(room)) as sender,
        viewer(system.http, system.whep(room)) as receiver,
    ):
        await receiver.received(within=15, video=1, audio=1)
        for client in (receiver, sender):
            assert (await client.delete()).status_code == 200


async def cycles(system: System, numbers: Iterable[int]) -> None:
    for number in numbers:
        cycle = connected_cycle if number % CONNECTED_EVERY == 0 else light_cycle
        await cycle(system, f"cycle-{number}")


async def gauges(system: System, worker: Member) -> Counter[str]:
    """What the worker reports that it holds."""
    text = (await system.http.get(f"{worker.url}/metrics")).text
    names = "roomcast_sessions|roomcast_tasks|live_rooms"
    held: Counter[str] = Counter()
    for name, value in re.findall(rf"^({names})(?:{{.*}})? (\S+)$", text, re.MULTILINE):
        held[name] += float(value)
    return held


async def test_two_hundred_cycles_leave_nothing_behind(redis_url: str) -> None:
    async with running_system(redis_url) as system, Redis.from_url(redis_url) as redis:
        worker = system.workers[0]
        processes = [psutil.Process(member.pid) for member in system.members]
        held = await gauges(system, worker)
        assert held.keys() >= {"roomcast_sessions", "roomcast_tasks", "live_rooms"}
        keys = set(await redis.keys())

        await cycles(system, range(WARM_UP_CYCLES))
        files = [process.num_fds() for process in processes]
        memory = [process.memory_info().rss for process in processes]
        await cycles(system, range(WARM_UP_CYCLES, CYCLES))

        async def as_before() -> bool:
            ends = set(await redis.keys("*}:ended"))  # of rooms, which end by themselves
            return await gauges(system, worker) == held and set(await redis.keys()) - ends == keys

        await eventually("sessions, rooms and keys are as before", as_before, SETTLE_SECONDS, every=0.2)
        for member, process, opened, before in zip(system.members, processes, files, memory, strict=True):
            assert process.num_fds() <= opened + SPARE_FILES, f"{member.name} keeps files open"
            grown = process.memory_info().rss - before
            assert grown < GROWTH_BYTES, f"{member.name} has grown by {grown} bytes"
