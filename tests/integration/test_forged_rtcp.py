"""Forged RTCP silences no viewer; a viewer's own RTCP is charged by what it contains."""

import os
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from media.feedback.viewer_feedback import RTCP_BYTES_AT_ONCE, RTCP_BYTES_PER_SECOND
from media.rtp.rtcp import ReportBlock, pli, receiver_report
from tests.support.peer import Peer
from tests.support.plane import Plane, running_plane

PLI_BYTES = 12
REPORT = receiver_report(1, [ReportBlock(1, 64, 0, 0, 0, 0, 0)])
BOTH = pytest.mark.parametrize("gcm", [True, False])


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url) as plane:
        yield plane


async def watching(plane: Plane, gcm: bool = True) -> Peer:
    await plane.connected(publishes=True)
    return await plane.connected(publishes=False, gcm=gcm)


def arrive(plane: Plane, viewer: Peer, *datagrams: bytes) -> None:
    """Let these arrive from the viewer's address, whoever sends them."""
    address = plane.session(viewer).ice.selected
    assert address is not None
    plane.media.pump.turn([(datagram, address) for datagram in datagrams])


def protected(viewer: Peer, compound: bytes) -> bytes:
    assert viewer._outbound
    return viewer._outbound.protect_rtcp(compound)


def forged(viewer: Peer, compound: bytes) -> bytes:
    """It has the form of that compound, and none of its authenticity."""
    genuine = protected(viewer, compound)
    return genuine[:8] + os.urandom(len(genuine) - 8)


@BOTH
@pytest.mark.parametrize("compound", [pli(1, 1), REPORT], ids=["request", "report"])
async def test_forged_rtcp_does_not_silence_a_viewer(plane: Plane, compound: bytes, gcm: bool) -> None:
    viewer = await watching(plane, gcm)
    flood = forged(viewer, compound)
    arrive(plane, viewer, *[flood] * 2000, protected(viewer, pli(1, 1)), *[flood] * 100)
    assert plane.media.ledger.viewers.keyframe_requests == 1
    assert plane.media.ledger.viewers.rtcp_dropped == 0


@BOTH
async def test_a_forged_report_replaces_no_report(plane: Plane, gcm: bool) -> None:
    viewer = await watching(plane, gcm)
    arrive(plane, viewer, protected(viewer, REPORT), forged(viewer, REPORT))
    plane.tick(0)
    assert plane.session(viewer).traffic().loss == 0.25


async def test_rtcp_that_was_heard_before_is_not_charged_again(plane: Plane) -> None:
    """Who sees a viewer's datagrams may repeat them."""
    viewer = await watching(plane)
    arrive(plane, viewer, *[protected(viewer, pli(1, 1))] * 5000, protected(viewer, pli(1, 1)))
    assert plane.media.ledger.viewers.keyframe_requests == 2


async def test_many_requests_in_one_compound_cost_as_much_as_many_compounds(plane: Plane) -> None:
    viewer = await watching(plane)
    stats = plane.media.ledger.viewers
    began = monotonic()
    arrive(plane, viewer, *(protected(viewer, pli(1, 1) * 64) for _ in range(200)))
    allowed = RTCP_BYTES_AT_ONCE + (monotonic() - began) * RTCP_BYTES_PER_SECOND
    assert 0 < stats.keyframe_requests <= allowed / PLI_BYTES + 64
    assert stats.rtcp_dropped > 0
