"""Redundant, discontinuous and long packets of sound: through a whole worker, to viewers and into files.

Real Opus, in real time. One publisher of each kind takes over from the one before, while two watch.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest

from media.recording.ogg_opus import packet_samples
from media.rtp.packet import RtpPacket, parse
from media.rtp.red import Earlier, build
from media.rtp.red import parse as parse_red
from media.rtp.rtcp import ReportBlock, receiver_report
from shared.messages.signalling import Answer, Play, Publish
from tests.integration.worker.stage import ROOM, Worker, running
from tests.support.far_end import rtp
from tests.support.peer import IN_TIME, SSRCS, Peer
from tests.support.recorded import reads_without_a_word
from tests.support.rtp_source import Sent, audio, discontinuous
from tests.support.sdp import sent_offer
from tests.support.waiting import eventually

OPUS, RED = 111, 63
PLAIN_LINES = ("a=rtpmap:111 opus/48000/2",)
RED_LINES = (*PLAIN_LINES, "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111")
TICKS = 48_000
REPORT_SECONDS = 0.1
LOSES_EACH = 4  # of its packets that the viewer behind losses does not get: each fourth one


class Sound(NamedTuple):
    """A packet: when it plays, in ticks since the first one, and what is in it."""

    at: int
    payload: bytes


@dataclass(frozen=True)
class Kind:
    """What one publisher offers and sends. As `redundant` sound each packet goes out with the one before."""

    lines: Sequence[str]
    sent: Sequence[Sent]
    redundant: bool = False
    lost: frozenset[int] = frozenset()  # of its packets, on their way to us

    @property
    def sounds(self) -> list[Sound]:
        packets = [parse(sent.data) for sent in self.sent]
        return [Sound(each.timestamp - packets[0].timestamp, each.payload) for each in packets]


@pytest.fixture(scope="module")
def kinds() -> tuple[Kind, ...]:
    beeps = (0.2,)
    return (
        Kind(RED_LINES, audio(1.5, beeps=beeps), redundant=True, lost=frozenset((9, 30, 70))),
        Kind((*PLAIN_LINES, "a=fmtp:111 usedtx=1"), discontinuous(audio(0.8, beeps=beeps), 20)),
        Kind(PLAIN_LINES, audio(0.6, beeps=beeps, packet=0.06, bit_rate=64_000)),
    )


async def test_all_kinds_are_watched_recorded_and_taken_over(
    redis_url: str, tmp_path: Path, kinds: Sequence[Kind]
) -> None:
    records = tmp_path / "records"
    begins: list[int] = []  # what each kind begins with, among the packets of the viewer without losses
    (tmp_path / "log").mkdir()
    settings = {"RECORD_ENABLED": "true", "RECORD_DIR": str(records), "PUBLISHER_GRACE": "10"}
    async with running(redis_url, tmp_path / "log", **settings) as worker:
        publisher = await publish(worker, kinds[0])
        plain, lossy = await play(worker, PLAIN_LINES), await play(worker, RED_LINES)
        async with losing(lossy):
            for kind in kinds:
                if begins:
                    publisher.close()
                    publisher = await publish(worker, kind)
                begins.append(await send(publisher, kind, plain))
                after = begins[-1] + len(kind.sent)
                await eventually("all came", lambda after=after: len(plain.rtp) == after, IN_TIME)
                await eventually("to both", lambda: number(lossy.rtp[-1]) == number(plain.rtp[-1]), IN_TIME)
        for peer in (publisher, plain, lossy):
            peer.close()
    heard = [parse(packet) for packet in plain.rtp]
    assert_whole(heard)
    for kind, begin in zip(kinds, begins, strict=True):
        came = heard[begin : begin + len(kind.sent)]
        assert [Sound(each.timestamp - came[0].timestamp & 0xFFFFFFFF, each.payload) for each in came] == (
            kind.sounds
        )
    assert_recovered(heard, [parse(packet) for packet in lossy.rtp], before=heard[begins[1]])
    recorded = sorted(records.glob("demo_*"), key=lambda path: path.suffix)  # and perhaps their details
    assert [path.suffix for path in recorded] == [".ogg", ".webm"]
    ogg, webm = recorded
    assert_recorded(ogg, heard, precision=0)
    assert_recorded(webm, heard, precision=TICKS // 1000)


def assert_whole(packets: Sequence[RtpPacket]) -> None:
    first = packets[0].sequence
    assert [each.sequence for each in packets] == [first + n & 0xFFFF for n in range(len(packets))]


def assert_recovered(heard: Sequence[RtpPacket], came: Sequence[RtpPacket], before: RtpPacket) -> None:
    """Redundant sound begins before that packet, and then has all, although each fourth one is lost."""
    assert_whole(came)
    plain = [packet for packet in came if packet.payload_type == OPUS]
    redundant = came[len(plain) :]
    assert {packet.payload_type for packet in redundant} == {RED}
    found: dict[int, bytes] = {}
    for packet in redundant:
        if packet.sequence % LOSES_EACH:
            red = parse_red(packet.payload, OPUS)
            for offset, payload in (Earlier(0, red.primary), *red.earlier):
                found[packet.timestamp - offset & 0xFFFFFFFF] = payload
    expected = {packet.timestamp: packet.payload for packet in heard}
    timestamps = [packet.timestamp for packet in redundant]
    assert timestamps.index(before.timestamp) > 0
    assert {at: found.get(at) for at in timestamps[:-1]} == {at: expected[at] for at in timestamps[:-1]}


def assert_recorded(path: Path, heard: Sequence[RtpPacket], precision: int) -> None:
    """All is there at its time, within `precision` ticks and what is shorter than the shortest frame."""
    reads_without_a_word(path)
    with av.open(str(path)) as container:
        length = (container.duration or 0) * TICKS // av.time_base
        packets: list[Any] = [packet for packet in container.demux() if packet.size]
    read = [(int(each.pts * each.time_base * TICKS), bytes(each)) for each in packets]
    sounds = [(at, content) for at, content in read if len(content) > 2]  # the others are silence, put in
    assert [content for _, content in sounds] == [packet.payload for packet in heard]
    first = heard[0].timestamp
    for (at, _), packet in zip(sounds, heard, strict=True):
        assert -precision - 120 < at - (packet.timestamp - first & 0xFFFFFFFF) <= precision
    last, content = sounds[-1]
    assert length == pytest.approx(last + packet_samples(content), abs=TICKS // 100)


def number(datagram: bytes) -> int:
    return parse(datagram).sequence


async def publish(worker: Worker, kind: Kind) -> Peer:
    """A publisher that is connected. All have the same credentials."""
    peer = Peer(publishes=True, sound=kind.lines, picture=())
    message = Publish(room=ROOM, offer=sent_offer(peer.offer()), identity="one")
    return await peer.connect((await worker.call(message, Answer)).sdp)


async def play(worker: Worker, lines: Sequence[str]) -> Peer:
    peer = Peer(publishes=False, sound=lines, picture=())
    answer = await worker.call(Play(room=ROOM, offer=sent_offer(peer.offer())), Answer)
    return await peer.connect(answer.sdp)


async def send(publisher: Peer, kind: Kind, viewer: Peer) -> int:
    """Send it in real time; returns how many packets had come to `viewer` before it.

    Before it goes silence, until some of it has come.
    """
    loop, before = asyncio.get_running_loop(), len(viewer.rtp)
    lead, silence = 0, kind.sounds[0].payload
    ticks = packet_samples(silence)
    while len(viewer.rtp) == before:
        send_one(publisher, OPUS, lead, ticks * lead, silence)
        lead += 1
        await asyncio.sleep(ticks / TICKS)
    begin, began = len(viewer.rtp), loop.time()
    earlier: list[Earlier] = []
    for number, (sent, (at, payload)) in enumerate(zip(kind.sent, kind.sounds, strict=True)):
        await asyncio.sleep(max(0.0, began + sent.at - loop.time()))
        whole = build(OPUS, payload, [each._replace(offset=at - each.offset) for each in earlier])
        if number not in kind.lost:
            payload_type, content = (RED, whole) if kind.redundant else (OPUS, payload)
            send_one(publisher, payload_type, lead + number, ticks * lead + at, content)
        earlier = [Earlier(at, payload)]
    return begin


def send_one(publisher: Peer, payload_type: int, sequence: int, timestamp: int, payload: bytes) -> None:
    publisher.send_rtp(
        rtp(sequence, payload, payload_type=payload_type, timestamp=timestamp, ssrc=SSRCS[OPUS])
    )


@contextlib.asynccontextmanager
async def losing(viewer: Peer) -> AsyncIterator[None]:
    """It says again and again that a third of all packets is lost."""

    async def report() -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            if viewer.rtp:
                first, newest = parse(viewer.rtp[0]), parse(viewer.rtp[-1])
                lost = (newest.sequence - first.sequence & 0xFFFF) // 3
                block = ReportBlock(newest.ssrc, 0, lost, newest.sequence, 0, 0, 0)
                viewer.send_rtcp(receiver_report(9, [block]))

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()
