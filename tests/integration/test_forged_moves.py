"""A viewer whose checks come from somebody else's address has no media sent there."""

import contextlib
import os
import socket
from collections.abc import Iterator
from time import monotonic

import pytest

from media.feedback.viewer_feedback import RTCP_BYTES_AT_ONCE, RTCP_BYTES_PER_SECOND
from media.rtp.rtcp import ReportBlock, pli, receiver_report
from media.transport.ice import CONSENT_SECONDS
from tests.support.peer import IN_TIME, Peer, payload_of
from tests.support.plane import Plane
from tests.support.waiting import eventually

MEDIA_PACKETS = 300
# The answers to three checks, and our own requests: 4 of 120 bytes for each check.
LITTLE = 2000
PLI_BYTES = 12
REPORT = receiver_report(1, [ReportBlock(1, 64, 0, 0, 0, 0, 0)])
BOTH = pytest.mark.parametrize("gcm", [True, False])


class Victim:
    """Somebody who has nothing to do with it; the attacker's forged datagrams leave from this socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.bytes = 0

    def forge(self, attacker: Peer, datagram: bytes) -> None:
        self.socket.sendto(datagram, attacker._server)

    def received(self) -> int:
        """All bytes so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.bytes += len(self.socket.recv(2048))
        return self.bytes


@pytest.fixture
def victim() -> Iterator[Victim]:
    victim = Victim()
    with victim.socket:
        yield victim


async def test_a_forged_nomination_sends_the_victim_no_media(plane: Plane, victim: Victim) -> None:
    publisher, attacker = await plane.pair()
    home = plane.session(attacker).ice.selected
    for _ in range(3):  # also right after each other, and again after the attacker was back
        victim.forge(attacker, bytes(attacker.new_check()))
        await eventually("it was answered", lambda: victim.received() > 0, IN_TIME)
        assert await attacker.check()
    victim.forge(attacker, bytes(attacker.new_check()))
    for number in range(MEDIA_PACKETS):
        publisher.send_packet(96, payload_of(number) + bytes(1000))
    await eventually("all is relayed", lambda: plane.room.feed.rx_packets >= MEDIA_PACKETS, IN_TIME)
    for later in range(60):  # our requests end
        plane.tick(later / 10)
    assert 0 < victim.received() < LITTLE
    assert plane.session(attacker).ice.selected == home
    await attacker.gets_media_of(publisher)


async def test_what_comes_from_another_than_the_selected_address_renews_no_consent(plane: Plane) -> None:
    """Otherwise an attacker would renew it from where it is, for media that goes where it is not."""
    _, attacker = await plane.pair()
    session, stats = plane.session(attacker), plane.media.ledger.viewers
    session.ice._consented_at -= CONSENT_SECONDS
    attacker.proves_address = False
    await attacker.move()
    assert await attacker.check(nominate=False)
    attacker.send_rtcp(pli(1, 1))
    await eventually("it was read", lambda: stats.keyframe_requests == 1, IN_TIME)
    assert await attacker.check()
    plane.tick(0)
    assert plane.subscribers == 0


async def test_reports_that_were_heard_before_ask_nobody_else(plane: Plane, victim: Victim) -> None:
    """Who sees a viewer's datagrams may repeat them from anywhere."""
    publisher, viewer = await plane.pair()
    report = protected(viewer, REPORT)
    arrive(plane, viewer, report)
    plane.tick(0)
    victim.forge(viewer, report)
    victim.forge(viewer, forged(viewer, REPORT))
    await viewer.gets_media_of(publisher)
    assert victim.received() == 0


async def test_reports_from_elsewhere_send_no_media_to_who_gives_no_proof(
    plane: Plane, victim: Victim
) -> None:
    publisher, attacker = await plane.pair()
    arrive(plane, attacker, protected(attacker, REPORT))
    plane.tick(0)
    victim.forge(attacker, protected(attacker, REPORT))
    await eventually("it was asked", lambda: victim.received() > 0, IN_TIME)
    for _ in range(10):
        await attacker.gets_media_of(publisher)
    for later in range(60):  # our requests end
        plane.tick(later / 10)
    assert victim.received() < LITTLE


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
