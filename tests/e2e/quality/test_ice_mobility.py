"""Real clients restart ICE or change their address, and their sessions continue."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.support.aiortc_client import publisher, viewer
from tests.support.bare_page import BarePage, BarePeer
from tests.support.browser import chromium
from tests.support.nat import Nat
from tests.support.system import System, running_system
from tests.support.waiting import eventually

ROOM = "mobile"
IN_TIME = 15.0
MOVED_SECONDS = 12.0  # a client asks for consent every 4 to 6 s (RFC 7675 5.1)
FRAMES = 10

pytestmark = pytest.mark.e2e


@contextlib.asynccontextmanager
async def stage(redis_url: str) -> AsyncIterator[tuple[System, BarePage]]:
    async with running_system(redis_url) as system, chromium() as browser:
        yield system, await BarePage.open(await browser.new_page(), system.controls[0].url, system.http)


def media_of(system: System) -> tuple[str, int]:
    address = system.workers[0].media
    assert address is not None
    return address


async def goes_on(receiver: BarePeer, within: float = IN_TIME) -> None:
    """Wait until more pictures were decoded."""
    before = await receiver.stat("inbound-rtp", "framesDecoded")

    async def more() -> bool:
        return bool(await receiver.stat("inbound-rtp", "framesDecoded") >= before + FRAMES)

    await eventually(f"{FRAMES} more pictures", more, within, every=0.2)


async def restart_ice(peer: BarePeer) -> None:
    """Restart ICE as in RFC 9725 4.3.2; try every refusal on the way."""
    fragment = await peer.begin_restart()
    assert (await peer.patch(fragment, None)).status_code == 428
    assert (await peer.patch(fragment, '"stale"')).status_code == 412
    answer = await peer.patch(fragment, peer.etag)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/trickle-ice-sdpfrag"
    former, peer.etag = peer.etag, answer.headers["ETag"]
    assert former != peer.etag
    await peer.finish_restart(answer.text)
    assert (await peer.patch(fragment, former)).status_code == 412
    assert (await peer.patch(fragment, peer.etag)).status_code == 204  # same credentials: no restart
    assert (await peer.patch(fragment, "*")).status_code == 204


async def test_both_ends_of_chromium_restart_ice(redis_url: str) -> None:
    async with stage(redis_url) as (system, page):
        sender, receiver = page.peer(), page.peer()
        await sender.connect(system.whip(ROOM), publishes=True)
        await receiver.connect(system.whep(ROOM), publishes=False)
        await goes_on(receiver)
        for peer in (sender, receiver, sender, receiver):
            pair = await peer.pair()
            await restart_ice(peer)

            async def uses_another_pair() -> bool:
                return await peer.pair() != pair  # noqa: B023

            await eventually("the new ICE session is used", uses_another_pair, IN_TIME)
            await goes_on(receiver)
        for peer in (sender, receiver):
            assert {"failed", "closed"}.isdisjoint(await peer.states())
        room = (await system.rooms())[ROOM]
        assert (room["hasPublisher"], room["subscribers"]) == (True, 1)


async def test_clients_behind_a_nat_that_forgets_them_go_on(redis_url: str) -> None:
    async with stage(redis_url) as (system, page), Nat(media_of(system)) as nat:
        sender, receiver = page.peer(), page.peer()
        await sender.connect(system.whip(ROOM), publishes=True, through=nat.lead)
        await receiver.connect(system.whep(ROOM), publishes=False, through=nat.lead)
        other_sender = publisher(system.http, system.whip("other"), through=nat.lead)
        other_receiver = viewer(system.http, system.whep("other"), through=nat.lead)
        async with other_sender, other_receiver:
            await goes_on(receiver)
            await other_receiver.received(IN_TIME)
            for _ in range(2):
                nat.rebind()
                await goes_on(receiver, MOVED_SECONDS)
                await other_receiver.received(MOVED_SECONDS)
            for name in (ROOM, "other"):
                await system.room_live(name, IN_TIME)
                assert (await system.rooms())[name]["subscribers"] == 1
            assert other_sender.pc.connectionState == other_receiver.pc.connectionState == "connected"
        for peer in (sender, receiver):
            assert {"failed", "closed"}.isdisjoint(await peer.states())
