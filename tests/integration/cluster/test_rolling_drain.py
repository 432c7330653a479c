"""All workers are drained and replaced one by one: viewers that move along hardly notice."""

import asyncio
import signal
import time

import pytest

from tests.support.http_peer import Player, Publisher, running
from tests.support.peer import IN_TIME
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

ROOMS = ("one", "two")
PLAYERS = 4  # of each room
DRAIN_SECONDS = 2.5
LONGEST_GAP_SECONDS = 1.0


async def is_ready(system: System, worker: Member) -> bool:
    listed = (await system.http.get(f"{system.controls[0].url}/api/workers")).json()
    return any((entry["id"], entry["state"]) == (worker.name, "ready") for entry in listed)


@pytest.mark.alone
async def test_a_rolling_drain_loses_no_viewer_that_follows(redis_url: str) -> None:
    async with running_system(
        redis_url, controls=2, workers=3, DRAIN_SECONDS=str(DRAIN_SECONDS), WORKER_MAX_VIEWERS="5"
    ) as system:
        publishers = [Publisher(system.http, lambda room=room: system.whip(room)) for room in ROOMS]  # type: ignore[misc]
        players = [
            Player(system.http, lambda room=room, control=number % 2: system.whep(room, control))  # type: ignore[misc]
            for room in ROOMS
            for number in range(PLAYERS)
        ]
        async with running(*publishers, *players):
            for player in players:
                await eventually("all play", lambda: player.arrivals, 3 * IN_TIME)  # noqa: B023
            began = time.monotonic()
            for worker in system.workers:
                worker.process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(worker.process.wait, DRAIN_SECONDS + IN_TIME) == 0
                worker.restart()
                await eventually("it is back", lambda: is_ready(system, worker), IN_TIME)  # noqa: B023
            await asyncio.sleep(1.0)
            ended = time.monotonic()
            gaps = sorted(player.longest_gap(began, ended) for player in players)
            moves = sum(player.moves for player in players)
            print(f"longest gap of each viewer: {', '.join(f'{gap:.2f}' for gap in gaps)} s; {moves} moves")
            assert moves >= len(players)
            assert gaps[-1] < LONGEST_GAP_SECONDS
