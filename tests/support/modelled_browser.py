"""What a browser does with the media that it gets: it requests, estimates, reports, plays and shows.

It takes packets and times and gives RTCP back, both decrypted. Its estimate, sound and picture are models.
"""

import secrets
from collections.abc import Callable

from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import SenderReport, nack, parse_compound, pli, receiver_report, remb
from media.rtp.rtx import RtxError, unwrap
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import ReceptionStats
from media.tracks.transport_feedback import TransportFeedback
from tests.support.modelled_picture import ModelledPicture
from tests.support.modelled_receiver import ModelledEstimate
from tests.support.modelled_sound import FRAME_SECONDS, ModelledSound
from tests.support.seen_line import SAMPLE_RATE, Look, SeenLine
from tests.support.sequence_unwrapper import SequenceUnwrapper

VP8, RTX, OPUS = 96, 97, 111
SEND_TIME_ID, NUMBER_ID = 3, 5
ASSUMED_RTT = 0.1  # browsers that only receive know no better
LOOK_SECONDS = 0.1
REPORT_SECONDS, ARRIVALS_SECONDS = 1.0, 0.1
HEADERS = 28  # octets of IP and UDP


class ModelledBrowser:
    """One viewer, from `now` on, in seconds of a steady clock. `say` takes the RTCP that it sends."""

    def __init__(self, say: Callable[[bytes], None], now: float) -> None:
        self.asked = 0  # keyframes
        self.nacks = 0  # messages
        self.octets = self.padding = 0
        self.told = 0.0  # bit/s of the latest REMB
        self._say = say
        self._seen = SeenLine()
        self._picture = ModelledPicture()
        self._sound = ModelledSound()
        self._estimate: ModelledEstimate | None = None
        self._missing = NackGenerator()
        self._trains: TransportFeedback | None = None
        self._arrivals_at = now
        self._statistics: dict[int, ReceptionStats] = {}  # by SSRC
        self._ssrcs: dict[int, int] = {}  # by payload type
        self._own = secrets.randbelow(1 << 32)
        self._sound_numbers: SequenceUnwrapper | None = None
        self._sent_at = 0.0  # the latest send time, unwrapped
        self._play_at: float | None = None
        self._concealed = self._played = 0
        self._look_at = self._report_at = now

    def estimates(self) -> None:
        """Send REMB from now on."""
        self._estimate = ModelledEstimate()

    def tells_arrivals(self) -> None:
        """Tell from now on when numbered packets came."""
        self._trains = TransportFeedback(self._own, NUMBER_ID)

    def seen(self) -> SeenLine:
        """All that it has seen and heard so far."""
        self._seen.pictures = self._picture.shown
        return self._seen

    def tick(self, now: float) -> None:
        """Play, and say what is due. Called every few milliseconds."""
        while self._play_at is not None and self._play_at <= now:
            self._sound.play(self._play_at)
            self._play_at += FRAME_SECONDS
        video = self._ssrcs.get(VP8)
        self._missing.rtt = ASSUMED_RTT
        if video is not None:
            if missing := self._missing.due(now):
                self.nacks += 1
                self._say(receiver_report(self._own, []) + nack(self._own, video, missing))
            if self._picture.wants_keyframe(now):
                self.asked += 1
                self._say(receiver_report(self._own, []) + pli(self._own, video))
        if self._trains is not None and now >= self._arrivals_at:
            self._arrivals_at = now + ARRIVALS_SECONDS
            if self._trains.due(now):
                for report in self._trains.build(now, 0):
                    self._say(report)
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            blocks = [block for each in self._statistics.values() if (block := each.take_block(now))]
            self._say(receiver_report(self._own, blocks))
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
                keyframes=self._picture.keyframes,
                plis=self.asked,
                nacks=self.nacks,
                samples=self._played * samples,
                concealed=self._concealed * samples,
                buffered=0.0,
                emitted=0,
            )
        )

    def take_rtcp(self, compound: bytes, size: int, now: float) -> None:
        """Take RTCP that came in a datagram of `size` octets."""
        self.octets += size + HEADERS
        for packet in parse_compound(compound):
            if isinstance(packet, SenderReport) and packet.ssrc in self._statistics:
                self._statistics[packet.ssrc].sender_report(packet, now)

    def take_packet(self, plain: bytes, size: int, now: float) -> None:
        """Take an RTP packet that came in a datagram of `size` octets."""
        self.octets += size + HEADERS
        packet = parse(plain)
        kind = packet.payload_type
        if kind == OPUS:
            self._count(packet, 48_000, now)
            self._hear(packet, now)
            return
        numbered = next((value for number, value in packet.extensions if number == NUMBER_ID), None)
        sent = next((value for number, value in packet.extensions if number == SEND_TIME_ID), None)
        if self._trains is not None and numbered is not None:  # such a packet is not for the estimate, too
            self._trains.received(int.from_bytes(numbered), now)
        elif self._estimate is not None and sent is not None:
            self._tell(self._estimate.take(self._unwrapped(sent), now, size))
        if kind == RTX:
            try:
                self._see(unwrap(packet, VP8, self._ssrcs.get(VP8, 0)), now)
            except RtxError:
                self.padding += size + HEADERS
        elif kind == VP8:
            self._count(packet, 90_000, now)
            self._see(packet, now)

    def _tell(self, bitrate: float | None) -> None:
        video = self._ssrcs.get(VP8)
        if bitrate is not None and video is not None:
            self.told = bitrate
            self._say(receiver_report(self._own, []) + remb(self._own, int(bitrate), [video]))

    def _count(self, packet: RtpPacket, clock_rate: int, now: float) -> None:
        self._ssrcs[packet.payload_type] = packet.ssrc
        statistics = self._statistics.get(packet.ssrc)
        if statistics is None:
            statistics = self._statistics[packet.ssrc] = ReceptionStats(packet.ssrc, clock_rate)
        statistics.received(packet.sequence, (packet.timestamp,), now)

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
