"""All that encrypts, at work: no key, SSRC and index serves two packets."""

import ast
from pathlib import Path
from typing import cast

import pytest

from media.counts import ViewerStats
from media.relay.link import SILENT_SECONDS
from media.relay.origin_relay import EXPIRY_SECONDS
from media.rtp.rtcp import nack, pli, receiver_report
from media.rtp.srtp import Profile, SrtpKeys
from media.sessions.end_reason import EndReason
from media.sessions.publisher_session import PublisherSession
from media.sessions.session import Setup
from media.sessions.viewer_session import ViewerSession
from media.switch.padding import pad
from media.switch.wire import Wire
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.ice import new_credentials
from shared.errors import ServiceError
from shared.names import SessionId
from shared.sdp.offer import parse_offer
from tests.support.far_end import BOTH_PROFILES, new_keys
from tests.support.far_viewer import PLAIN, FarViewer
from tests.support.nonce_watch import NonceWatch
from tests.support.offers import REAL_OFFERS
from tests.support.picture_world import Camera, PictureWorld
from tests.support.published import AUDIO, VIDEO
from tests.support.relay_world import EDGE_AT, ROOM, Cluster
from tests.support.world import SSRCS, World

MEDIA = Path(__file__).parents[3] / "media"
SENDS = {"seal_run", "protect", "protect_again", "protect_rtcp"}  # of `SrtpSender` and its cipher
BESIDE = {"media.rtp.srtp_sender", "media.rtp.libsrtp", "media.rtp.cipher"}
WIRES = (PLAIN, (Wire(96, {}, nack=True, rtx=97), Wire(111, {}, nack=True)), (Wire(96, {}, nack=True), None))


def senders() -> set[str]:
    """The modules that have something encrypted, as their code shows."""
    found = set()
    for path in MEDIA.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if any(isinstance(node, ast.Attribute) and node.attr in SENDS for node in nodes):
            found.add(".".join(path.relative_to(MEDIA.parent).with_suffix("").parts))
    return found - BESIDE


async def test_all_that_encrypts_uses_each_index_once() -> None:
    """A new sender has to take part here."""
    with NonceWatch().everything() as watch:
        play_room()
        play_relays()
        play_relay_that_ends()
        await play_sessions()
    assert watch.twice == []
    assert watch.callers == senders()
    # the same bytes again are no second packet
    assert watch.repeated > 0


def play_room() -> None:
    """Joins, losses, late packets, three publishers, and two turns of the sequence number."""
    world = PictureWorld(index=0x10000 - 400, mode="on")
    everyone = []
    for turn in range(4):
        for wires in WIRES:
            for profile in BOTH_PROFILES:
                everyone.append(world.join(wires, profile))
        world.run(0.5)
        for viewer in world.viewers:
            for ssrc, track in zip(SSRCS, (VIDEO, AUDIO), strict=True):
                newest = world.feed.sent[track].history.next_index - 1
                for _ in range(2):
                    viewer.loses(ssrc, newest, newest - 1, newest - 30, newest + 5, newest - 500)
            pad(viewer.viewer, 1000, world.now)
        late = [world.publisher.packet(VIDEO, b"\0\0late %d" % n) for n in range(8)]
        world.receive(*late[::-2], late[0])
        world.receive(*late)
        world.run(0.2)
        world.publisher.sequences[VIDEO] += 0x7000  # far ahead, as after a long loss
        world.run(0.2)
        if turn % 2:
            former = world.publisher
            world.succeed(publisher=Camera(world.published, gop=4.0, answers=False, amid=None))
            world.publisher.sequences = list(former.sequences)
            world.run(0.2)
        world.viewers[0].leave()
    assert world.feed.sent[VIDEO].history.next_index > 2 << 16
    assert any(viewer.stats.join_bursts for viewer in everyone)
    assert sum(viewer.stats.retransmissions > 0 for viewer in everyone) >= len(everyone) * 2 // 3
    assert not any(viewer.stats.srtp_refused for viewer in everyone)


def play_relays() -> None:
    """A relay loses packets, is requested twice, is lost and comes back, and its worker drains."""
    cluster = Cluster()
    cluster.open()
    for silence in (0.0, SILENT_SECONDS + 0.1, EXPIRY_SECONDS + 0.1):
        for _ in range(5):
            cluster.media()
            cluster.pass_time(0.3)
        stats = cluster.edge.room.feed.sources[VIDEO].stats
        assert stats is not None
        newest = cluster.origin.room.feed.sent[VIDEO].history.next_index - 1
        lost = [newest & 0xFFFF, newest - 1 & 0xFFFF]
        for _ in range(2):
            cluster.relay.send_rtcp(nack(1, stats.ssrc, lost) + pli(1, stats.ssrc))
        cluster.ask(cluster.order)
        cluster.media()
        cluster.cut()
        cluster.pass_time(silence)
        cluster.network.lost = lambda _: False
        cluster.reopen()
    cluster.media()
    assert cluster.stats.retransmissions
    cluster.relays.room_closed(ROOM, EndReason.WORKER_STOPS)
    cluster.reopen()
    last = cluster.media()
    assert [packet.payload for packet in cluster.watched[-2:]] == [last, last]


def play_relay_that_ends() -> None:
    """RTCP comes behind the BYE, and so does the request for the relay that the BYE has ended."""
    cluster = Cluster()
    relay = cluster.open()
    for _ in range(3):
        cluster.media()
        cluster.pass_time(1.0)
    cluster.cut()
    sent = len(cluster.edge.sent)
    relay.send_rtcp(receiver_report(1, ()))
    relay.end(EndReason.NO_VIEWERS)
    report, goodbye = [datagram for _, datagram in cluster.edge.sent[sent:]]
    cluster.clock.now += 2.0
    cluster.origin.receive([(goodbye, EDGE_AT), (report, EDGE_AT)])
    with pytest.raises(ServiceError):
        cluster.ask(cluster.order)
    cluster.clock.now += 2.0
    cluster.media()
    cluster.relays.tick(cluster.clock.now)
    cluster.ask(cluster.order)  # another relay, under a key of its own
    cluster.origin.receive([(report, EDGE_AT)])
    cluster.media()


class _Shaken:
    """A DTLS association whose handshake is done."""

    def __init__(self, profile: Profile) -> None:
        self.keys = new_keys(profile)

    async def handshake(self) -> SrtpKeys:
        return self.keys

    def close(self) -> None: ...


async def play_sessions() -> None:
    """Reports to viewers, and requests to publishers."""
    for profile in BOTH_PROFILES:
        world = World()
        publisher = PublisherSession(setup("whip-chromium-156-VP8"), world.switch, world.feed)
        stats = ViewerStats()
        viewer = ViewerSession(
            setup("whep-chromium-156"), world.switch, world.feed, world.feedback, (), WIRES[1], stats
        )
        for session in (publisher, viewer):
            session._dtls = cast(DtlsLink, _Shaken(profile))
            session.ice.selected = world.arrives(FarViewer(world))
            await session._connect()
        for _ in range(3):
            publisher.send_rtcp(pli(1, 2))
            viewer.send_rtcp(receiver_report(1, ()))
        for session in (publisher, viewer):
            session.end(EndReason.DELETED)


def setup(offer: str) -> Setup:
    return Setup(
        id=SessionId("w1.0"),
        offer=parse_offer(REAL_OFFERS[offer]),
        local=new_credentials(),
        certificate=Certificate.generate(),
        send=lambda _datagram, _address: None,
        now=0.0,
        expires_at=None,
        connected=lambda _session, _since_answer, _handshake: None,
        ended=lambda _session, _reason: None,
    )
