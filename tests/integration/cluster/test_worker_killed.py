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
MOST_OFFERS = 20  # until each worker has a room

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


async def orphans(system: System) -> dict[str, str]:
    """Rooms whose publishers do not come back, one of each worker, by the workers' names."""
    found: dict[str, str] = {}
    for number in range(MOST_OFFERS):
        held = await post_offer(system.http, system.whip(f"orphan{number}"), PUBLISH_OFFER)
        found.setdefault(held.headers["Location"].rpartition("/")[2].partition(".")[0], f"orphan{number}")
        if len(found) == len(system.workers):
            return found
    raise AssertionError(f"only {found} after {MOST_OFFERS} offers")


async def test_its_rooms_are_claimed_in_time_its_clients_go_on_elsewhere_and_no_ghost_stays(
    redis_url: str,
) -> None:
    async with running_system(redis_url, controls=2, workers=3) as system:
        held = await orphans(system)
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
            won, at = await first_answer(
                lambda: post_offer(system.http, system.whip(held[dead], 1), PUBLISH_OFFER),
                CLAIMABLE_SECONDS + REQUEST_SECONDS,
            )
            print(f"claimed {at - killed:.1f} s after the worker's death")
            assert at - killed < CLAIMABLE_SECONDS
            assert f"/{dead}." not in won.headers["Location"]
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
    """Whether both control processes list this room once with its players, and not the dead worker."""
    entry = {"name": "moving", "hasPublisher": True, "tracks": 2, "subscribers": PLAYERS}
    for control in range(2):
        rooms = await system.rooms(control)
        if {name: room for name, room in rooms.items() if "orphan" not in name} != {"moving": entry}:
            return False
        base = system.controls[control].url
        workers = (await system.http.get(f"{base}/api/workers")).json()
        metrics = (await system.http.get(f"{base}/metrics")).text
        if dead in {worker["id"] for worker in workers}:
            return False
        if f'live_subscribers{{room="moving"}} {PLAYERS}' not in metrics.replace(".0", ""):
            return False
    return True
