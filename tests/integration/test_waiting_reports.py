"""When a viewer's reports are read: with the next tick, if nothing in them is urgent."""

from media.rtp.rtcp import ReportBlock, pli, receiver_report, remb
from media.sessions.viewer_session import ViewerSession
from tests.integration.test_forged_moves import arrive, protected
from tests.support.peer import IN_TIME, OPUS, VP8, Peer
from tests.support.plane import Plane
from tests.support.waiting import eventually

VIDEO = 96
KEYFRAME = b"\x10\x10\x00\x00\x9d\x01\x2a\x00\x05\xd0\x02"  # VP8, 1280 x 720
REPORT = receiver_report(1, [ReportBlock(1, 64, 0, 0, 0, 0, 0)])  # a quarter was lost
WITH_ESTIMATE = REPORT + remb(1, 5_000_000, [1])


async def connected(plane: Plane, *further: str) -> Peer:
    """A viewer whose sections have further attributes."""
    viewer = Peer(publishes=False, sound=(*OPUS, *further), picture=(*VP8, "a=rtcp-fb:96 nack pli", *further))
    plane.peers.append(viewer)
    return await plane.connect(viewer, await plane.ask(viewer, publishes=False))


async def watching(plane: Plane, *further: str) -> Peer:
    """One that has seen a picture, gets the best one, and whose line shows nothing."""
    publisher = await plane.connected(publishes=True)
    viewer = await connected(plane, *further)

    session = plane.session(viewer)
    assert isinstance(session, ViewerSession)

    def rests() -> bool:
        publisher.send_packet(VIDEO, KEYFRAME, timestamp=3000 * publisher._sequences[VIDEO])
        plane.tick(0)
        return session._playback is not None and session._playback.rests

    await eventually("the viewer rests", rests, IN_TIME)
    return viewer


def loss(plane: Plane, viewer: Peer) -> float | None:
    return plane.session(viewer).traffic().loss


async def test_an_estimate_waits_for_the_tick(plane: Plane) -> None:
    viewer = await watching(plane, "a=rtcp-rsize")
    arrive(plane, viewer, protected(viewer, WITH_ESTIMATE))
    assert loss(plane, viewer) is None
    plane.tick(0)
    assert loss(plane, viewer) == 0.25


async def test_what_a_viewer_asks_for_does_not_wait(plane: Plane) -> None:
    viewer = await watching(plane, "a=rtcp-rsize")
    arrive(plane, viewer, protected(viewer, pli(1, 1) + WITH_ESTIMATE))
    assert plane.media.ledger.viewers.keyframe_requests == 1
    assert loss(plane, viewer) == 0.25


async def test_nothing_waits_that_may_hold_a_request(plane: Plane) -> None:
    """A viewer without reduced-size RTCP puts its requests behind reports."""
    viewer = await watching(plane)
    arrive(plane, viewer, protected(viewer, REPORT + pli(1, 1)))
    assert plane.media.ledger.viewers.keyframe_requests == 1


async def test_nothing_waits_while_what_the_viewer_gets_is_being_decided(plane: Plane) -> None:
    await plane.connected(publishes=True)
    viewer = await connected(plane, "a=rtcp-rsize")
    arrive(plane, viewer, protected(viewer, WITH_ESTIMATE))
    assert loss(plane, viewer) == 0.25
