"""Processes are killed at random while clients stream and retry. Afterwards everything works again."""

import asyncio
import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest

from deploy.valkey import EmbeddedValkey
from media.rtp.packet import parse
from shared.bus.connection import connect
from tests.support.free_ports import free_port
from tests.support.http_peer import Client, Player, Publisher, SessionLog, running
from tests.support.peer import IN_TIME
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

ROOMS = [f"room{number}" for number in range(5)]
PLAYERS = 8  # of each room
SHORT_SECONDS, LONG_SECONDS = 20.0, 180.0
SEED = 7
DOWN_SECONDS = 1.0  # until a supervisor starts it again
CONVERGED_SECONDS = 25.0
LONGEST_REQUEST_SECONDS = 5.0


class Chaos:
    """Kills processes at random. `killed` has the times of each worker's deaths."""

    def __init__(self, system: System, valkey: EmbeddedValkey, seed: int) -> None:
        self._system, self._valkey = system, valkey
        self._chance = random.Random(seed)
        self.killed: dict[str, list[float]] = {worker.name: [] for worker in system.workers}
        self.counts = {"worker": 0, "control": 0, "redis": 0}

    async def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind = self._chance.choice(list(self.counts))
            self.counts[kind] += 1
            if kind == "redis":
                self._valkey.stop()
                await asyncio.sleep(self._chance.uniform(0.0, 2 * DOWN_SECONDS))
                self._valkey.start()
            else:
                await self._kill(self._chance.choice(self._members(kind)))
            await asyncio.sleep(self._chance.uniform(0.5, 3.0))

    def _members(self, kind: str) -> list[Member]:
        return self._system.workers if kind == "worker" else self._system.controls

    async def _kill(self, member: Member) -> None:
        if member.name in self.killed:
            self.killed[member.name].append(time.monotonic())
        member.kill()
        await asyncio.sleep(DOWN_SECONDS)
        member.restart()


def whichever(system: System, url: Callable[[str, int], str], room: str, first: int) -> Callable[[], str]:
    """The endpoint of one control process after the other."""
    turn = first

    def next_url() -> str:
        nonlocal turn
        turn += 1
        return url(room, turn % len(system.controls))

    return next_url


# Each of these deaths by itself is in test_worker_killed.py, test_redis_gone.py, test_drain.py and
# test_control_lost.py: what only their mixture shows is rare, and needs longer than a run of `make test`.
@pytest.mark.alone
@pytest.mark.soak
@pytest.mark.parametrize("seconds", [SHORT_SECONDS, LONG_SECONDS])
async def test_after_the_chaos_everything_converges(seconds: float) -> None:
    valkey = EmbeddedValkey(free_port())
    valkey.start()
    try:
        async with running_system(valkey.url, controls=2, workers=3) as system:
            publishers = {
                room: Publisher(system.http, whichever(system, system.whip, room, n))
                for n, room in enumerate(ROOMS)
            }
            players = {
                room: [Player(system.http, whichever(system, system.whep, room, n)) for n in range(PLAYERS)]
                for room in ROOMS
            }
            audience = [player for room in ROOMS for player in players[room]]
            everybody: list[Publisher | Player] = [*publishers.values(), *audience]
            async with running(*everybody):
                await eventually("all is well", lambda: is_well(system), 6 * IN_TIME, every=0.5)
                chaos = Chaos(system, valkey, SEED)
                await chaos.run(seconds)
                calm = time.monotonic()
                await eventually("all is well again", lambda: is_well(system), CONVERGED_SECONDS, every=0.5)
                print(f"{chaos.counts}; converged in {time.monotonic() - calm:.1f} s")
                before = {player: len(player.arrivals) for player in audience}
                await eventually(
                    "all play", lambda: all(len(p.arrivals) > seen for p, seen in before.items()), IN_TIME
                )
            longest = max(client.longest_request for client in everybody)
            spans = [
                span
                for room in ROOMS
                for player in players[room]
                for span in untouched(player, publishers[room], chaos.killed)
            ]
            print(f"longest request {longest:.1f} s; {len(spans)} spans of untouched workers")
            assert longest < LONGEST_REQUEST_SECONDS
            assert spans
            for session, since, until in spans:
                assert_nothing_lost(session, since, until)
            await eventually(
                "nothing is left", lambda: is_empty(system, valkey), CONVERGED_SECONDS, every=0.5
            )
    finally:
        valkey.stop()


async def is_well(system: System) -> bool:
    """Whether every control process lists all rooms and viewers, and the workers count the same."""
    expected = dict.fromkeys(ROOMS, (True, PLAYERS))
    try:
        for control in range(len(system.controls)):
            rooms = await system.rooms(control)
            if {name: (r["hasPublisher"], r["subscribers"]) for name, r in rooms.items()} != expected:
                return False
        workers = await listed_workers(system)
        counts = [await counted(system, worker) for worker in system.workers]
    except httpx.HTTPError:
        return False
    return (
        {worker["id"]: worker["state"] for worker in workers} == {w.name: "ready" for w in system.workers}
        and sum(rooms for rooms, _ in counts) == len(ROOMS)
        and sum(viewers for _, viewers in counts) == len(ROOMS) * PLAYERS
    )


async def is_empty(system: System, valkey: EmbeddedValkey) -> bool:
    """Whether no room, session or claim is left."""
    try:
        workers = await listed_workers(system)
        rooms = [await system.rooms(control) for control in range(len(system.controls))]
    except httpx.HTTPError:
        return False
    async with connect(valkey.url) as redis:
        claims = await redis.keys("roomcast:room:*")
    return rooms == [{}, {}] and not claims and [w["sessions"] for w in workers] == [0] * len(system.workers)


async def listed_workers(system: System) -> list[dict[str, Any]]:
    response = await system.http.get(f"{system.controls[0].url}/api/workers")
    response.raise_for_status()
    listed: list[dict[str, Any]] = response.json()
    return listed


async def counted(system: System, worker: Member) -> tuple[int, int]:
    """Rooms and viewers by a worker's metrics."""
    lines = (await system.http.get(f"{worker.url}/metrics")).text.splitlines()
    rooms = next(line for line in lines if line.startswith("live_rooms "))
    viewers = [line for line in lines if line.startswith("live_subscribers{")]
    return int(float(rooms.split()[1])), sum(int(float(line.split()[1])) for line in viewers)


def untouched(
    player: Player, publisher: Client, killed: dict[str, list[float]]
) -> list[tuple[SessionLog, float, float]]:
    """The spans in which one living worker served publisher and viewer."""
    spans = []
    for session in player.log:
        for source in publisher.log:
            since, until = max(session.began, source.began), min(session.ended, source.ended)
            if source.worker == session.worker and until - since > 1.0:
                deaths = [death for death in killed[session.worker] if since - 1.0 < death < until + 1.0]
                if not deaths:
                    spans.append((session, since + 0.5, until - 0.5))
    return spans


def assert_nothing_lost(session: SessionLog, since: float, until: float) -> None:
    timed: Any = session.peer.rtp
    for payload_type in (96, 111):
        numbers = [
            packet.sequence
            for packet, at in zip(map(parse, timed), timed.own_times, strict=True)
            if packet.payload_type == payload_type and since <= at <= until
        ]
        lost = sum((later - earlier) % 65536 - 1 for earlier, later in pairwise(numbers))
        assert lost == 0, f"{lost} packets of {len(numbers)} at {session.worker}"
