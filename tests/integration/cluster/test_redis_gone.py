"""Redis goes away and comes back empty: media does not notice, the directory is soon right again."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.support.free_ports import free_port
from tests.support.http_peer import Player, Publisher, open_session, running
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.own_valkey import OwnValkey
from tests.support.peer import IN_TIME, Peer
from tests.support.system import System, running_system
from tests.support.waiting import eventually

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "60"))  # of the long run
SHORT_SECONDS = 8.0  # longer than heartbeats and claims live
KNOWN_SECONDS = 2.0  # for a control process to know that Redis is away
AT_ONCE_SECONDS = 0.5  # a request on a busy machine
ANNOUNCED_SECONDS = 2.0
CUT_OFF_SECONDS = 3.0


@asynccontextmanager
async def own_system(workers: int = 2, **settings: str) -> AsyncIterator[tuple[OwnValkey, System]]:
    valkey = OwnValkey(free_port())
    valkey.start()
    try:
        async with running_system(valkey.url, controls=2, workers=workers, **settings) as system:
            yield valkey, system
    finally:
        valkey.stop()


@pytest.mark.alone
@pytest.mark.parametrize(
    "seconds", [SHORT_SECONDS, pytest.param(OUTAGE_SECONDS, marks=pytest.mark.soak, id="long")]
)
async def test_media_flows_through_an_outage_without_a_lost_packet(seconds: float) -> None:
    async with own_system() as (valkey, system):
        publishers, players = [], []
        for room in ("one", "two"):
            publishers.append(Publisher(system.http, lambda room=room: system.whip(room)))  # type: ignore[misc]
            players += [Player(system.http, lambda room=room: system.whep(room)) for _ in range(2)]  # type: ignore[misc]
        async with running(*publishers, *players):
            for player in players:
                await eventually("media flows", lambda: player.arrivals, 2 * IN_TIME)  # noqa: B023
            began = time.monotonic()
            valkey.stop()
            await asyncio.gather(*(refused_at_once(system, control, seconds) for control in (0, 1)))
            valkey.start()
            back = time.monotonic()
            await announced(system, {"one": 2, "two": 2})
            took = time.monotonic() - back
            await asyncio.sleep(1.0)
            ended = time.monotonic()
            gaps = [player.longest_gap(began, ended) for player in players]
            print(f"outage {seconds:g} s: announced again in {took:.2f} s, longest gap {max(gaps):.2f} s")
            assert took < ANNOUNCED_SECONDS + 1.0  # the time that the test itself takes to look
            assert max(gaps) < 1.0
            for player in players:
                assert player.sessions == 1
                player.assert_unbroken()
            assert [publisher.sessions for publisher in publishers] == [1, 1]
            assert (await post_offer(system.http, system.whep("one", 1), PLAY_OFFER)).status_code == 201

            async def published() -> bool:
                return (await post_offer(system.http, system.whip("new"), PUBLISH_OFFER)).status_code == 201

            await eventually("rooms are opened again", published, IN_TIME)


async def refused_at_once(system: System, control: int, seconds: float) -> None:
    """For `seconds`, every offer gets 503 and Retry-After; without delay once the outage is known."""
    known = time.monotonic() + KNOWN_SECONDS
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for url, offer in (
            (system.whip("new", control), PUBLISH_OFFER),
            (system.whep("one", control), PLAY_OFFER),
        ):
            started = time.monotonic()
            response = await post_offer(system.http, url, offer)
            assert response.status_code == 503
            assert int(response.headers["Retry-After"]) >= 1
            if started > known:
                assert time.monotonic() - started < AT_ONCE_SECONDS
        assert (await system.http.get(f"{system.controls[control].url}/healthz")).status_code == 200
        await asyncio.sleep(0.25)


async def announced(system: System, viewers: dict[str, int]) -> None:
    """Wait until both control processes list the rooms with their viewers."""

    async def listed() -> bool:
        for control in (0, 1):
            try:
                rooms = await system.rooms(control)
            except httpx.HTTPStatusError:
                return False
            if {name: room["subscribers"] for name, room in rooms.items()} != viewers:
                return False
        return True

    await eventually("all is announced again", listed, IN_TIME)


async def test_where_settings_say_so_a_worker_that_is_cut_off_ends_what_may_be_forbidden_by_now() -> None:
    async with own_system(workers=1, WORKER_CUT_OFF_SECONDS=f"{CUT_OFF_SECONDS:g}") as (valkey, system):
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        await open_session(system.http, system.whip("held"), publisher)
        await open_session(system.http, system.whep("held"), viewer)
        valkey.stop()
        began = time.monotonic()
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, CUT_OFF_SECONDS + IN_TIME)  # noqa: B023
            peer.close()
        assert time.monotonic() - began > CUT_OFF_SECONDS - 1.5  # since it last knew, a second before at most
        [worker] = system.workers
        told = '"reason": "worker cut off from Redis"'
        await eventually("its log says why", lambda: told in worker.log.read_text(), IN_TIME)
        valkey.start()

        async def published() -> bool:
            return (await post_offer(system.http, system.whip("held"), PUBLISH_OFFER)).status_code == 201

        await eventually("it takes rooms again", published, 2 * IN_TIME, every=0.2)
