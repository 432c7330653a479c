"""A worker is killed: its rooms are free soon, its clients continue elsewhere, nothing of it stays."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.support.http_peer import Player, Publisher, running
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.peer import IN_TIME
from tests.support.system import System, running_system
from tests.support.waiting import eventually

CLAIMABLE_SECONDS = 5.0
REQUEST_SECONDS = 2.0
ASK_EVERY_SECONDS = 0.2
PLAYERS = 4

pytestmark = pytest.mark.alone


async def first_answer(
    ask: Callable[[], Awaitable[httpx.Response]], within: float
) -> tuple[httpx.Response, float]:
    """The first 201 and its time. A new request is sent at a steady pace, even while others are under way."""
    until = time.monotonic() + within
    won: list[tuple[httpx.Response, float]] = []

    async def timed() -> None:
        started = time.monotonic()
        response = await ask()
        assert time.monotonic() - started < REQUEST_SECONDS
        assert response.status_code in (201, 409, 503), response.text
        if response.status_code == 201:
            won.append((response, time.monotonic()))

    async with asyncio.TaskGroup() as requests:
        while not won and time.monotonic() < until:
            requests.create_task(timed())
            await asyncio.sleep(ASK_EVERY_SECONDS)
    assert won, f"not claimed within {within:g} s"
    return won[0]


async def test_a_killed_worker_s_room_is_claimed_in_time(redis_url: str) -> None:
    async with running_system(redis_url, controls=2, workers=2) as system:
        held = await post_offer(system.http, system.whip("orphan"), PUBLISH_OFFER)
        dead = held.headers["Location"].rpartition("/")[2].partition(".")[0]
        next(worker for worker in system.workers if worker.name == dead).kill()
        killed = time.monotonic()
        won, at = await first_answer(
            lambda: post_offer(system.http, system.whip("orphan", 1), PUBLISH_OFFER),
            CLAIMABLE_SECONDS + REQUEST_SECONDS,
        )
        took = at - killed
        print(f"claimed {took:.1f} s after the worker's death")
        assert took < CLAIMABLE_SECONDS
        assert f"/{dead}." not in won.headers["Location"]


async def test_its_clients_go_on_at_living_workers_and_no_ghost_stays(redis_url: str) -> None:
    async with running_system(redis_url, controls=2, workers=3) as system:
        publisher = Publisher(system.http, lambda: system.whip("moving"))
        players = [
            Player(system.http, lambda control=n % 2: system.whep("moving", control))  # type: ignore[misc]
            for n in range(PLAYERS)
        ]
        async with running(publisher, *players):
            for player in players:
                await eventually("all play", lambda: player.arrivals, 3 * IN_TIME)  # noqa: B023
            dead = publisher.worker
            next(worker for worker in system.workers if worker.name == dead).kill()
            killed = time.monotonic()
            await eventually("the publisher is back", lambda: publisher.sessions == 2, IN_TIME)
            await eventually(
                "all play again", lambda: all(p.arrivals[-1] > killed + 1.0 for p in players), IN_TIME
            )
            print(f"all play again {time.monotonic() - killed:.1f} s after the worker's death")
            await eventually("no ghost is listed", lambda: has_no_ghost(system, dead), IN_TIME)
            assert publisher.worker != dead
            assert dead not in {player.worker for player in players}
            assert max(client.longest_request for client in (publisher, *players)) < REQUEST_SECONDS


async def has_no_ghost(system: System, dead: str) -> bool:
    """Whether both control processes list exactly this room and its players, and not the dead worker."""
    entry = {"name": "moving", "hasPublisher": True, "tracks": 2, "subscribers": PLAYERS}
    for control in range(2):
        if await system.rooms(control) != {"moving": entry}:
            return False
        base = system.controls[control].url
        workers = (await system.http.get(f"{base}/api/workers")).json()
        metrics = (await system.http.get(f"{base}/metrics")).text
        if dead in {worker["id"] for worker in workers}:
            return False
        if f'live_subscribers{{room="moving"}} {PLAYERS}' not in metrics.replace(".0", ""):
            return False
    return True
