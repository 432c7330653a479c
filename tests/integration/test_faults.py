"""Bugs of ours: each ends the session it concerns, is logged once with a traceback, disturbs nobody else."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.support.peer import IN_TIME
from tests.support.plane import Plane
from tests.support.waiting import eventually


def break_(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("part", ["receive_check", "receive_response", "receive_dtls", "receive_media"])
async def test_a_fault_that_a_client_brings_ends_it_alone(plane: Plane, part: str) -> None:
    """Datagrams of other sessions that were read in the same batch are handled."""
    publisher, viewer = await plane.pair()
    session = plane.session(viewer)
    address = session.ice.selected
    assert address is not None
    other = await plane.connected(publishes=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, part, break_)
        if part == "receive_check":
            checking = asyncio.create_task(viewer.check())
            await eventually("it broke", lambda: session._fault, IN_TIME)
            checking.cancel()
            await asyncio.wait([checking])
        else:
            first = {"receive_response": b"\x01\x01", "receive_dtls": b"\x16", "receive_media": b"\x80"}[part]
            plane.media.pump.turn([(first + bytes(40), address)])
    await other.gets_media_of(publisher)
    with capture_logs() as logs:
        plane.tick(0)
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["unexpected session error"]
    assert plane.subscribers == 1
    await other.gets_media_of(publisher)
