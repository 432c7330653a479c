"""A draining worker takes nobody new, tells everybody, and ends in time."""

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest

from media.recording.journal import Journal
from shared.names import WorkerId, new_session_id
from tests.support.http_peer import Player, Publisher, open_session, running
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.peer import IN_TIME, Peer
from tests.support.s3_server import s3_server
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

ADMIN = {"Authorization": "Bearer chief"}
ROOM = "leaving"
ROOMS = ("one", "two")
PLAYERS = 4  # of each room
DRAIN_SECONDS = 2.5
LONGEST_GAP_SECONDS = 1.0


async def exit_code(worker: Member, within: float = IN_TIME) -> int:
    return await asyncio.to_thread(worker.process.wait, within)


async def states(system: System) -> dict[str, str]:
    workers = await system.http.get(f"{system.controls[0].url}/api/workers", headers=ADMIN)
    return {worker["id"]: worker["state"] for worker in workers.json()}


async def drain(system: System, worker: str, method: str = "POST") -> httpx.Response:
    url = f"{system.controls[0].url}/api/admin/workers/{worker}/drain"
    return await system.http.request(method, url, headers=ADMIN)


async def test_a_draining_worker_takes_nobody_and_a_second_signal_ends_who_is_left(redis_url: str) -> None:
    async with running_system(redis_url, ADMIN_TOKEN="chief", DRAIN_SECONDS="60") as system:
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        await open_session(system.http, system.whip(ROOM), publisher)
        await open_session(system.http, system.whep(ROOM), viewer)
        system.workers[0].process.send_signal(signal.SIGTERM)

        async def draining() -> bool:
            return await states(system) == {"worker0": "draining"}

        await eventually("it says so", draining, IN_TIME)
        for url, offer in ((system.whip("other"), PUBLISH_OFFER), (system.whep(ROOM), PLAY_OFFER)):
            refused = await post_offer(system.http, url, offer)
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) >= 1
        taken = await post_offer(system.http, system.whip(ROOM), PUBLISH_OFFER)
        assert taken.status_code == 409
        await viewer.gets_media_of(publisher)  # media still flows
        system.workers[0].process.send_signal(signal.SIGTERM)
        assert await exit_code(system.workers[0]) == 0
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()


async def test_nobody_waits_for_a_worker_that_leaves(redis_url: str) -> None:
    """OBS sends its DELETE at the DTLS close, and requires a 200. Whoever comes later gets a 404 at once."""
    async with running_system(redis_url, DRAIN_SECONDS="0") as system:
        statuses: set[int] = set()

        async def keep_asking() -> None:
            """DELETE sessions that never were: 404, whoever answers."""
            worker = WorkerId(system.workers[0].name)
            while not gone.is_set():
                url = f"{system.whip(ROOM)}/{new_session_id(worker)}"
                statuses.add((await system.http.delete(url)).status_code)

        gone = asyncio.Event()
        publisher = Peer(publishes=True)
        session = await open_session(system.http, system.whip(ROOM), publisher)
        url = f"{system.controls[0].url}{session.headers['Location']}"
        asking = [asyncio.create_task(keep_asking()) for _ in range(8)]
        await eventually("they are answered", lambda: statuses, IN_TIME)
        system.workers[0].process.send_signal(signal.SIGTERM)
        await eventually("it is told", lambda: publisher.closed, IN_TIME)
        assert (await system.http.delete(url)).status_code == 200
        assert await exit_code(system.workers[0]) == 0
        assert (await system.http.delete(url)).status_code == 404
        gone.set()
        await asyncio.gather(*asking)
        assert statuses == {404}
        publisher.close()


async def test_a_worker_leaves_as_soon_as_nobody_is_left(redis_url: str) -> None:
    async with running_system(redis_url, DRAIN_SECONDS="60") as system:
        publisher = Peer(publishes=True)
        session = await open_session(system.http, system.whip(ROOM), publisher)
        system.workers[0].process.send_signal(signal.SIGTERM)
        deleted = await system.http.delete(f"{system.controls[0].url}{session.headers['Location']}")
        assert deleted.status_code == 200
        assert await exit_code(system.workers[0]) == 0
        publisher.close()


async def test_a_drain_is_taken_back(redis_url: str) -> None:
    async with running_system(redis_url, ADMIN_TOKEN="chief", DRAIN_SECONDS="60") as system:
        drained = await drain(system, "worker0")
        assert drained.json()["state"] == "draining"
        assert 50 < drained.json()["stopsIn"] < 61  # by the two processes' estimates of one clock
        assert await states(system) == {"worker0": "draining"}
        assert (await post_offer(system.http, system.whip(ROOM), PUBLISH_OFFER)).status_code == 503
        assert (await system.http.get(f"{system.controls[0].url}/readyz")).status_code == 503
        assert (await drain(system, "worker0", "DELETE")).json() == {
            "id": "worker0",
            "state": "ready",
            "stopsIn": None,
        }
        assert (await post_offer(system.http, system.whip(ROOM), PUBLISH_OFFER)).status_code == 201


async def test_recordings_are_uploaded_before_the_worker_is_gone(redis_url: str, tmp_path: Path) -> None:
    with s3_server() as s3:
        settings = {name.upper(): str(value) for name, value in s3.settings.items()}
        settings |= {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), "RECORD_FORMATS": "tracks"}
        async with running_system(redis_url, DRAIN_SECONDS="1", **settings) as system:
            publisher = Publisher(system.http, lambda: system.whip(ROOM))
            async with running(publisher):
                await eventually("a file grows", lambda: list(tmp_path.glob("*.ogg")), IN_TIME)
                s3.stop()  # it comes back while the worker waits for it
                system.workers[0].process.send_signal(signal.SIGTERM)
                await eventually("it has been ended", lambda: publisher.peer is None, IN_TIME)
                s3.start()
                assert await exit_code(system.workers[0], within=2 * IN_TIME) == 0
            assert any(name.endswith(".ogg") for name in s3.objects())
            assert not Journal(tmp_path).names()


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
