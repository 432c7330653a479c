"""What reaches the worker's UDP sockets: STUN, DTLS, RTP, RTCP, and the state that they change."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

from aioice import stun as other_stun
from aiortc.rtp import RtpPacket as OtherPacket
from msgspec.structs import replace

from media.feedback.receiver_estimate import ReceiverEstimate
from media.relay.messages import (
    MOST_LAYERS,
    read_figures,
    read_starved,
    read_takes,
    read_wanted,
    says_leaves,
)
from media.rtp.extensions import extension_block
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import RtpError, build_header, parse
from media.rtp.rtcp import Nack, ReceiverReport, RtcpError, SenderReport, parse_compound, receiver_report
from media.rtp.rtx import RtxError, unwrap
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import ReceptionStats
from media.tracks.transport_feedback import TransportFeedback
from media.transport.address import udp_address
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsError, DtlsLink
from media.transport.ice import Credentials, IceLite
from media.transport.mapping import Question
from media.transport.stun import StunError, parse_binding_request, parse_mapped_address
from tests.fuzz.rtcp_seeds import RTCP
from tests.fuzz.target import Take, Target, parser, stateless
from tests.support.far_end import one_byte, rtp, two_byte
from tests.support.far_publisher import SOURCES
from tests.support.layered import RID, RIDS, RTX_TYPE, LayeredWorld, layers
from tests.support.published import AUDIO, sound, video
from tests.support.stun_server import mapped
from tests.support.waiting import eventually
from tests.support.world import SSRCS, World

CREDENTIALS, REMOTE = Credentials("local", "p" * 24), Credentials("remote", "q" * 24)
RTP = [
    rtp(),
    rtp(payload_type=97, payload=b"\x00\x07rest", extension=one_byte((1, b"\x10"), (5, b"\x00\x09"))),
    rtp(padding=4, csrcs=(1, 2), extension=two_byte((1, b"v" * 20), (200, b""))),
    rtp(ssrc=SSRCS[0], payload=b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(30), marker=True),
]
# A publisher's sound, and redundant sound behind a gap.
RED = [
    rtp(1, payload_type=111, timestamp=960, ssrc=SOURCES[AUDIO]),
    *(
        rtp(
            n,
            bytes.fromhex("ef1e0002ef0f00036f") + b"abone" + bytes(n),
            payload_type=63,
            timestamp=960 * n,
            ssrc=SOURCES[AUDIO],
        )
        for n in (2, 5)
    ),
]
LAYERS = [
    *(
        rtp(ssrc=ssrc, payload=b"\x90\x80\x81\x23\x00" + bytes(20), extension=one_byte((RID, rid.encode())))
        for ssrc, rid in enumerate(RIDS)
    ),
    rtp(ssrc=2, payload=b"\x90\x80\x12\x01" + bytes(20)),
    rtp(ssrc=9, payload_type=RTX_TYPE, payload=b"\x00\x02rest", extension=one_byte((2, b"h"), (3, b"\0\7"))),
]


def _checks() -> list[bytes]:
    made = []
    for named in (
        {"USERNAME": "local:remote", "PRIORITY": 1, "ICE-CONTROLLING": 2, "USE-CANDIDATE": None},
        {"USERNAME": "local:remote", "PRIORITY": 1, "ICE-CONTROLLED": 2},
        {"USERNAME": "local:other", "PRIORITY": 1},
    ):
        message = other_stun.Message(other_stun.Method.BINDING, other_stun.Class.REQUEST, b"t" * 12, named)
        message.add_message_integrity(CREDENTIALS.password.encode())
        message.add_fingerprint()
        made.append(bytes(message))
    answer = other_stun.Message(other_stun.Method.BINDING, other_stun.Class.RESPONSE, b"t" * 12)
    answer.add_message_integrity(REMOTE.password.encode())
    return [*made, bytes(answer)]


@contextmanager
def _ice() -> Iterator[Take]:
    agent = IceLite(CREDENTIALS, REMOTE, 0.0)
    now = 0.0

    def take(data: bytes) -> None:
        nonlocal now
        now += 0.1
        address = ("192.0.2.1", len(data) % 5)
        try:
            request = parse_binding_request(data)
        except StunError:
            assert not agent.receive_response(data, address, now)
            return
        result = agent.receive_check(request, address, now)
        assert not result.valid or request.is_authentic(CREDENTIALS.password)
        other_stun.parse_message(result.reply)
        agent.due_request(now)

    yield take


@contextmanager
def _question() -> Iterator[Take]:
    server = udp_address("192.0.2.1", 3478)
    asked = Question([server])
    ((request, _),) = asked.due(0.0)

    def take(data: bytes) -> None:
        with suppress(StunError):
            ip, port = parse_mapped_address(data)
            assert ip_address(ip).packed
            assert 0 < port <= 0xFFFF
        asked.take(data[:8] + request[8:20] + data[20:], server)
        assert len(asked.mapping.seen) <= 1

    yield take


def _server_answers() -> list[bytes]:
    seen = ("192.0.2.7", 7100), ("2001:db8::7", 7100)
    return [mapped(b"t" * 12, address) for address in seen]


def _rtcp(data: bytes) -> None:
    try:
        packets = parse_compound(data)
    except RtcpError:
        return
    for packet in packets:
        if isinstance(packet, Nack):
            assert all(0 <= sequence <= 0xFFFF for sequence in packet.sequences())
        if isinstance(packet, SenderReport | ReceiverReport):
            again = receiver_report(packet.ssrc, packet.blocks)
            assert parse_compound(again) == [ReceiverReport(packet.ssrc, packet.blocks)]
        assert len(read_wanted(packet) or ()) <= MOST_LAYERS
        assert len(read_starved(packet) or ()) <= MOST_LAYERS
        assert len(read_figures(packet) or ()) <= MOST_LAYERS
        assert 0 <= (read_takes(packet) or 0) <= 0xFFFFFFFF
        says_leaves(packet)


def _rtp(data: bytes) -> None:
    """What is read can be sent on."""
    packet = parse(data)
    block = extension_block(packet.extensions)
    again = parse(build_header(packet, 96, 1, 2, 3, block) + packet.payload)
    assert again == replace(packet, payload_type=96, sequence=1, timestamp=2, ssrc=3)
    OtherPacket.parse(build_header(replace(packet, padding=False), 96, 1, 2, 3, block) + packet.payload)


def _rtx(data: bytes) -> None:
    with suppress(RtpError):
        packet = parse(data)
        original = unwrap(packet, 96, 1)
        assert packet.payload.startswith(original.sequence.to_bytes(2) + original.payload)
        assert build_header(original, 96, original.sequence, 0, 1, b"")


@contextmanager
def _viewer() -> Iterator[Take]:
    world = World()
    viewer = world.join()
    world.media(count=20)

    def take(data: bytes) -> None:
        world.now += 0.01
        viewer.says(data)
        viewer.inbox.clear()

    yield take


@contextmanager
def _publisher_reports() -> Iterator[Take]:
    world = World()
    world.join()
    world.media(count=5)

    def take(data: bytes) -> None:
        world.now += 0.01
        world.feedback.receive(data, world.now)
        world.feedback.tick(world.now)
        world.publisher.told.clear()

    yield take


@contextmanager
def _switch() -> Iterator[Take]:
    """Packets of a publisher, authentic, and damaged before he encrypted them: without layers, and with."""
    extensions = {"urn:ietf:params:rtp-hdrext:ssrc-audio-level": 1}
    single = World((video(rtx=97, feedback=("nack", "nack pli")), sound(extensions=extensions, red=63)))
    single.media(count=3)
    layered = LayeredWorld([*layers(codec="VP8"), sound()])
    viewers = [single.join(), layered.watch()]

    def take(data: bytes) -> None:
        for world in (single, layered):
            world.now += 0.001
            with suppress(SrtpError, ValueError):  # libsrtp encrypts no malformed header
                world.receive(world.publisher.protect(data))
            world.publisher.told.clear()
            assert world.feed.fault is None
        assert layered.feed.layers is not None
        assert len(layered.feed.layers) <= 3 * len(RIDS)
        for viewer in viewers:
            viewer.inbox.clear()

    yield take


@contextmanager
def _numbers() -> Iterator[Take]:
    """Sequence numbers, timestamps and arrival times in any order."""
    nacks, feedback, reception = NackGenerator(), TransportFeedback(1, 5), ReceptionStats(1, 90_000)
    estimate = ReceiverEstimate(0, 0.0)
    now = 0.0

    def take(data: bytes) -> None:
        nonlocal now
        for at in range(0, len(data) - 7, 8):
            sequence, timestamp = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 6])
            now += data[at + 6] / 100
            nacks.received(sequence, now)
            feedback.received(sequence, now)
            reception.received(sequence, (timestamp,), now)
        assert len(nacks.due(now)) <= 1000
        if feedback.due(now):
            assert all(len(packet) <= 1200 for packet in feedback.build(now, 1))
        reception.take_block(now)
        estimate.report(len(data), data[0] / 255 if data else 0.0, now)

    yield take


@contextmanager
def _dtls() -> Iterator[Take]:
    """The server's end, before and during a handshake."""
    loop = asyncio.new_event_loop()
    certificate = Certificate.generate()
    task: asyncio.Task[object] | None = None
    link: DtlsLink | None = None

    async def turns(data: bytes) -> None:
        nonlocal link, task
        if link is None or task is None or task.done():
            link = _link(certificate, is_client=False)
            task = asyncio.create_task(link.handshake())
            await asyncio.sleep(0)
        link.receive(data)
        for _ in range(4):
            await asyncio.sleep(0)
        if task.done():
            with suppress(DtlsError):
                task.result()
            link.close()

    def take(data: bytes) -> None:
        if data and 20 <= data[0] <= 63:  # others never come here (RFC 7983)
            loop.run_until_complete(turns(data))

    yield take
    if link is not None and task is not None:
        link.close()
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    loop.close()


def _link(
    certificate: Certificate, *, is_client: bool, send: Callable[[bytes], None] = lambda _: None
) -> DtlsLink:
    fingerprints = [("sha-256", certificate.fingerprint)]
    return DtlsLink(certificate, fingerprints, is_client=is_client, send=send, on_closed=lambda: None)


def _flights() -> list[bytes]:
    """The first flight of a client, and records of the other kinds."""
    sent: list[bytes] = []

    async def begin() -> None:
        link = _link(Certificate.generate(), is_client=True, send=sent.append)
        task = asyncio.create_task(link.handshake())
        await eventually("the first flight", lambda: sent, within=10)
        task.cancel()
        link.close()

    asyncio.run(begin())
    alert = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"
    data = b"\x17\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x18" + bytes(24)
    finished = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x0c\x14" + bytes(11)
    return [*sent, alert, data, finished]


def targets() -> list[Target]:
    return [
        Target("STUN checks, answers and ICE", _checks(), _ice),
        Target("answers of STUN servers", _server_answers(), _question),
        Target("DTLS records", _flights(), _dtls, fresh_after=10_000),
        parser("RTP packets and header extensions", RTP, _rtp, RtpError),
        parser("RTX packets", RTP, _rtx, RtxError),
        stateless("RTCP compounds", RTCP, _rtcp),
        Target("RTCP of a viewer", RTCP, _viewer),
        Target("RTCP of a publisher", RTCP, _publisher_reports),
        Target("RTP of a publisher in the switch", RTP + RED + LAYERS, _switch),
        Target("sequence numbers, timestamps and times", [bytes(range(64))], _numbers),
    ]
