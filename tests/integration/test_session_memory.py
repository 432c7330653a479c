"""The memory of an ended session is freed at once: a crowd leaves the garbage collector no work."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from media.transport.certificate import Certificate
from tests.support.peer import IN_TIME
from tests.support.plane import Plane, running_plane
from tests.support.waiting import eventually


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()  # connecting leaves exceptions (OpenSSL needs more data) and their frames behind
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize(("setup", "gcm"), [("active", True), ("passive", False)])
async def test_nothing_holds_on_to_a_session_that_has_ended(redis_url: str, setup: str, gcm: bool) -> None:
    async with running_plane(redis_url) as plane:
        publisher = await plane.connected(publishes=True, setup=setup, gcm=gcm)
        viewer = await plane.connected(publishes=False, setup=setup, gcm=gcm)
        await viewer.gets_media_of(publisher)
        held = [weakref.ref(part) for part in parts(plane)]
        assert len(held) == 6
        with without_collector():
            plane.media.rooms.close_all(EndReason.ROOM_CLOSED)
            await eventually("all is gone", lambda: not any(part() for part in held), IN_TIME)


@pytest.mark.parametrize("setup", ["active", "passive"])
async def test_nor_on_to_one_whose_handshake_failed(redis_url: str, setup: str) -> None:
    async with running_plane(redis_url) as plane:
        peer = plane.peer(publishes=True, setup=setup)
        answer = await plane.ask(peer, publishes=True)
        peer.certificate = Certificate.generate()  # not that of its offer
        await peer.take(answer.sdp)
        [session] = plane.media.roster
        held = [weakref.ref(session), weakref.ref(session._dtls)]
        del session
        with without_collector():
            assert await peer.check()
            shaking = asyncio.create_task(peer.shake_hands())
            await eventually("all is gone", lambda: not any(part() for part in held), IN_TIME)
        await asyncio.wait([shaking], timeout=IN_TIME)


def parts(plane: Plane) -> list[object]:
    sessions: list[Session] = list(plane.media.roster)
    links = [session._dtls for session in sessions]
    return [*sessions, *links, *(link._ssl for link in links)]
