"""A viewer in Python behind a line: real ICE, DTLS and SRTP; a browser's estimate, sound, picture as models.

Thirty of them take the processor time of one browser.
"""

import asyncio
import contextlib
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urljoin

import httpx

from media.rtp.libsrtp import SrtpError
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import SenderReport, nack, parse_compound, pli, receiver_report, remb
from media.rtp.rtx import RtxError, unwrap
from media.rtp.srtp import InboundSession
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import ReceptionStats
from tests.support.modelled_picture import ModelledPicture
from tests.support.modelled_receiver import ModelledEstimate
from tests.support.modelled_sound import FRAME_SECONDS, ModelledSound
from tests.support.peer import Peer
from tests.support.seen_line import SAMPLE_RATE, Look, SeenLine
from tests.support.sequence_unwrapper import SequenceUnwrapper

VP8, RTX, OPUS = 96, 97, 111
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
SEND_TIME_ID = 3
PICTURE = (
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    f"a=extmap:{SEND_TIME_ID} {ABS_SEND_TIME}",
)
SOUND = ("a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 goog-remb", f"a=extmap:{SEND_TIME_ID} {ABS_SEND_TIME}")
ASSUMED_RTT = 0.1  # browsers that only receive know no better
TICK_SECONDS = 0.005
LOOK_SECONDS = 0.1
REPORT_SECONDS = 1.0
CONSENT_SECONDS = 5.0
BATCH = 64
HEADERS = 28  # octets of IP and UDP


class LineViewer(Peer):
    """One viewer. Its times are those of a steady clock, whose beginning is Unix time 0."""

    def __init__(self) -> None:
        super().__init__(publishes=False, picture=PICTURE, sound=SOUND)
        self.asked = 0  # keyframes
        self.nacks = self.nacked = 0  # messages, and packets that these asked for
        self.octets = 0
        self.told = 0.0  # bit/s of the latest REMB
        self._seen = SeenLine()
        self._picture = ModelledPicture()
        self._sound = ModelledSound()
        self._estimate: ModelledEstimate | None = None
        self._missing = NackGenerator()
        self._statistics: dict[int, ReceptionStats] = {}  # by SSRC
        self._ssrcs: dict[int, int] = {}  # by payload type
        self._own = secrets.randbelow(1 << 32)
        self._sound_numbers: SequenceUnwrapper | None = None
        self._sent_at = 0.0  # the latest send time, unwrapped
        self._play_at: float | None = None
        self._concealed = self._played = 0
        now = clock()
        self._look_at = self._report_at = self._consent_at = now

    async def watch(self, http: httpx.AsyncClient, whep: str, lead: Callable[[str], str]) -> str:
        """Play `whep`; `lead` turns the answer so that it leads to the line. Returns the session's URL."""
        headers = {"Content-Type": "application/sdp"}
        response = await http.post(whep, content=self.offer(), headers=headers)
        assert response.status_code == 201, response.text
        answer = lead(response.text)
        if ABS_SEND_TIME in answer and re.search(r"a=rtcp-fb:\S+ goog-remb", answer):
            self._estimate = ModelledEstimate()
        await self.connect(answer)
        self._consent_at = clock() + CONSENT_SECONDS
        return urljoin(whep, response.headers["Location"])

    async def move(self) -> None:
        """As `Peer`, but many datagrams are read at once: what waits for its turn is not late."""
        self._transport = _Socket(self)

    async def seen(self) -> SeenLine:
        """All that it has seen and heard so far."""
        self._seen.pictures = self._picture.shown
        return self._seen

    def tick(self, now: float) -> None:
        """Play, and say what is due. Called each `TICK_SECONDS` or so while connected."""
        while self._play_at is not None and self._play_at <= now:
            self._sound.play(self._play_at)
            self._play_at += FRAME_SECONDS
        video = self._ssrcs.get(VP8)
        self._missing.rtt = ASSUMED_RTT
        if video is not None:
            if missing := self._missing.due(now):
                self.nacks += 1
                self.nacked += len(missing)
                self.send_rtcp(receiver_report(self._own, []) + nack(self._own, video, missing))
            if self._picture.wants_keyframe(now):
                self.asked += 1
                self.send_rtcp(receiver_report(self._own, []) + pli(self._own, video))
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            blocks = [block for each in self._statistics.values() if (block := each.take_block(now))]
            self.send_rtcp(receiver_report(self._own, blocks))
        if now >= self._consent_at:
            self._consent_at = now + CONSENT_SECONDS
            self.send(bytes(self.new_check()))
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(now)

    def _look(self, now: float) -> None:
        played = self._sound.played
        self._concealed += sum(concealed for _, concealed in played[self._played :])
        self._played = len(played)
        samples = round(FRAME_SECONDS * SAMPLE_RATE)
        height = self._picture.shown[-1][1] if self._picture.shown else 0
        self._seen.looks.append(
            Look(
                at=now,
                octets=self.octets,
                estimate=self.told,
                decoded=len(self._picture.shown),
                height=height,
                freezes=0,
                keyframes=self._picture.keyframes,
                plis=self.asked,
                nacks=self.nacks,
                samples=self._played * samples,
                concealed=self._concealed * samples,
                buffered=0.0,
                emitted=0,
                sound_lost=0,
            )
        )

    def _take_media(self, session: InboundSession, data: bytes) -> None:
        now = clock()
        self.octets += len(data) + HEADERS
        with contextlib.suppress(SrtpError):
            if 192 <= data[1] <= 223:
                self._take_rtcp(session.unprotect_rtcp(data), now)
            else:
                self._take_packet(parse(session.unprotect(data)), len(data), now)

    def _take_rtcp(self, compound: bytes, now: float) -> None:
        for packet in parse_compound(compound):
            if isinstance(packet, SenderReport) and packet.ssrc in self._statistics:
                self._statistics[packet.ssrc].sender_report(packet, now)

    def _take_packet(self, packet: RtpPacket, size: int, now: float) -> None:
        kind = packet.payload_type
        if kind == OPUS:
            self._count(packet, 48_000, now)
            self._hear(packet, now)
            return
        sent = next((value for number, value in packet.extensions if number == SEND_TIME_ID), None)
        if self._estimate is not None and sent is not None:
            self._tell(self._estimate.take(self._unwrapped(sent), now, size))
        if kind == RTX:
            with contextlib.suppress(RtxError):  # padding
                self._see(unwrap(packet, VP8, self._ssrcs.get(VP8, 0)), now)
        elif kind == VP8:
            self._count(packet, 90_000, now)
            self._see(packet, now)

    def _tell(self, bitrate: float | None) -> None:
        video = self._ssrcs.get(VP8)
        if bitrate is not None and video is not None:
            self.told = bitrate
            self.send_rtcp(receiver_report(self._own, []) + remb(self._own, int(bitrate), [video]))

    def _count(self, packet: RtpPacket, clock_rate: int, now: float) -> None:
        self._ssrcs[packet.payload_type] = packet.ssrc
        statistics = self._statistics.get(packet.ssrc)
        if statistics is None:
            statistics = self._statistics[packet.ssrc] = ReceptionStats(packet.ssrc, clock_rate)
        statistics.received(packet.sequence, packet.timestamp, now)

    def _see(self, packet: RtpPacket, now: float) -> None:
        self._missing.received(packet.sequence, now)
        self._picture.receive(packet.sequence, packet.marker, packet.payload, now)

    def _hear(self, packet: RtpPacket, now: float) -> None:
        if self._sound_numbers is None:
            self._sound_numbers = SequenceUnwrapper(packet.sequence)
            self._play_at = now + FRAME_SECONDS
        number = self._sound_numbers.unwrap(packet.sequence)
        self._sound.arrive(number, number * FRAME_SECONDS, now)

    def _unwrapped(self, value: bytes) -> float:
        """Seconds of abs-send-time: 24 bits, of which 18 are the fraction."""
        seconds = int.from_bytes(value) / (1 << 18)
        ahead = (seconds - self._sent_at) % 64.0
        if ahead < 32.0:
            self._sent_at += ahead
            return self._sent_at
        return self._sent_at + ahead - 64.0


def clock() -> float:
    """Steady, and near to Unix time."""
    return _EPOCH + time.monotonic()


_EPOCH = time.time() - time.monotonic()


class _Socket(asyncio.DatagramTransport):
    """A transport that reads all that is there."""

    def __init__(self, viewer: LineViewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        with contextlib.suppress(OSError):  # nothing is left, or the session has ended
            for _ in range(BATCH):
                data, address = self._socket.recvfrom(2048)
                self._viewer.datagram_received(data, address)

    def sendto(self, data: Any, addr: Any = None) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(data, addr)

    def is_closing(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        if not self.is_closing():
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()


@contextlib.asynccontextmanager
async def line_viewer(
    http: httpx.AsyncClient, whep: str, lead: Callable[[str], str]
) -> AsyncIterator[LineViewer]:
    """A viewer that watches until left."""
    viewer = LineViewer()
    session = await viewer.watch(http, whep, lead)

    async def live() -> None:
        while True:
            viewer.tick(clock())
            await asyncio.sleep(TICK_SECONDS)

    living = asyncio.create_task(live())
    try:
        yield viewer
    finally:
        living.cancel()
        await asyncio.wait([living])
        viewer.close()
        await http.delete(session)
    assert living.cancelled(), living.exception()
