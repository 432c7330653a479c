"""RTCP between a room and its publisher: keyframe requests, reports, and when each track plays."""

import math
from collections.abc import Callable, Sequence

from media.counts import PublisherStats
from media.feedback.clocks import PublisherClock, SenderClock
from media.feedback.receiver_estimate import ReceiverEstimate
from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.extensions import TRANSPORT_CC_EXTENSION
from media.rtp.rtcp import (
    ReportBlock,
    RtcpError,
    SenderReport,
    fir,
    nack,
    parse_compound,
    pli,
    receiver_report,
    remb,
    sdes,
)
from media.switch.feed import Feed
from media.tracks.keyframe_requests import KeyframeRequests
from media.tracks.transport_feedback import TransportFeedback

REPORT_SECONDS = 1.0
OUR_SSRC = 1  # as a receiver of the publisher's media
MOST_BITS_PER_SECOND = 50_000_000  # that a publisher is told to send by REMB


class Feedback:
    """Owns what a room and its publisher say to each other.

    `cname` is one for all tracks: viewers play those of one CNAME in sync (RFC 3550 6.5.1). `send` takes RTCP
    for the publisher, not yet protected.
    """

    def __init__(
        self,
        feed: Feed,
        tracks: Sequence[PublishedTrack],
        cname: str,
        unix_offset: float,
        send: Callable[[bytes], None],
        stats: PublisherStats,
    ) -> None:
        self._feed = feed
        self.cname = cname.encode()
        self._unix_offset = unix_offset
        self._clocks: list[SenderClock] = []
        self._stats = stats
        self._report_at = 0.0
        self.follow(tracks, send)

    def follow(self, tracks: Sequence[PublishedTrack], send: Callable[[bytes], None]) -> None:
        """Go over to another publisher: `tracks` stand for the room's, in their order.

        The clocks go on as they were until the new publisher's media or reports set them right.
        """
        self._tracks = tracks
        self._send = send
        publisher = PublisherClock(self._unix_offset)
        former, self._clocks = self._clocks, [SenderClock(publisher, t.codec.clock_rate) for t in tracks]
        for clock, before in zip(self._clocks, former, strict=False):
            clock.succeed(before)
        self._keyframes: dict[int, KeyframeRequests] = {}
        for number, (track, sent) in enumerate(zip(tracks, self._feed.sent, strict=True)):
            if track.kind == "video":
                deaf = track.codec.feedback.isdisjoint({"nack pli", "ccm fir"})
                self._keyframes[number] = sent.requests = KeyframeRequests(deaf=deaf)
                sent.codec = track.codec.name
        self._held: set[int] = set()  # tracks that wait for the publisher's first keyframe
        self._fir_command = 0
        self._tell_bandwidth(tracks)

    def _tell_bandwidth(self, tracks: Sequence[PublishedTrack]) -> None:
        """In the way that was agreed on, for all tracks that take part in it."""
        self._transport: TransportFeedback | None = None
        for track, published in zip(self._feed.tracks, tracks, strict=True):
            if "transport-cc" in published.codec.feedback:
                if self._transport is None:  # the numbers go over all sections, under one id (RFC 9143 9.2)
                    self._transport = TransportFeedback(
                        OUR_SSRC, published.extensions[TRANSPORT_CC_EXTENSION]
                    )
                track.transport = self._transport
        self._takes_remb = any("goog-remb" in track.codec.feedback for track in tracks)
        self._estimate: ReceiverEstimate | None = None

    def receive_from_publisher(self, compound: bytes, now: float) -> None:
        """Take the publisher's decrypted RTCP; what cannot be read is ignored."""
        try:
            packets = parse_compound(compound)
        except RtcpError:
            return
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._take_sender_report(packet, now)

    def _take_sender_report(self, report: SenderReport, now: float) -> None:
        for track, clock in zip(self._feed.tracks, self._clocks, strict=True):
            if track.stats is not None and track.stats.ssrc == report.ssrc:
                track.stats.sender_report(report, now)
                if track.gate.closed:  # its timestamps have no place in the room's yet
                    continue
                clock.sender_report(
                    report.ntp_time, track.translator.translate_timestamp(report.rtp_time), now
                )

    def want_keyframes(self, now: float) -> None:
        """A viewer joined or lost its picture: every video track wants a keyframe."""
        for number, requests in self._keyframes.items():
            # before anything has come there is nobody to ask: the first picture will be a keyframe
            if self._feed.tracks[number].stats is not None and requests.want(now):
                self._request_keyframe(number)

    def _request_keyframe(self, number: int) -> None:
        stats = self._feed.tracks[number].stats
        if stats is None:
            return
        feedback = self._tracks[number].codec.feedback
        if "nack pli" in feedback:
            self._stats.plis += 1
            self._send(pli(OUR_SSRC, stats.ssrc))
        elif "ccm fir" in feedback:
            self._stats.firs += 1
            self._fir_command = (self._fir_command + 1) & 0xFF
            self._send(fir(OUR_SSRC, stats.ssrc, self._fir_command))

    def speak(self, now: float) -> float | None:
        """Send what cannot wait for a tick; returns when there is more of it, whether media comes or not."""
        again = math.inf
        for track in self._feed.tracks:
            if track.nack is None or track.stats is None:
                continue
            if asks := track.nack.due(now):
                self._stats.nacks += len(asks)
                self._send(nack(OUR_SSRC, track.stats.ssrc, asks))
            if (due := track.nack.next_due()) is not None:
                again = min(again, due)
        self._feed.speak_at = min(again, self._tell_arrivals(now))
        return again if again < math.inf else None

    def _tell_arrivals(self, now: float) -> float:
        """Send transport-wide feedback if it is due; returns when it is again, if media comes until then."""
        if self._transport is None:
            return math.inf
        if self._transport.due(now):
            followed = (track.stats.ssrc for track in self._feed.tracks if track.stats is not None)
            for packet in self._transport.build(now, next(followed, 0)):
                self._send(packet)
        return self._transport.next_due

    def tick(self, now: float) -> None:
        """Send what is due. Called some times a second."""
        self._tell_arrivals(now)
        for number, requests in self._keyframes.items():
            if self._wants_keyframe(number, requests, now):
                self._request_keyframe(number)
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._report_reception(now)

    def _wants_keyframe(self, number: int, requests: KeyframeRequests, now: float) -> bool:
        if self._feed.tracks[number].gate.closed:  # nobody sees this publisher's picture before one
            self._held.add(number)
            return requests.want(now)
        if number in self._held:
            self._held.remove(number)
            requests.arrived(now)
        return requests.due(now)

    def _report_reception(self, now: float) -> None:
        blocks = []
        for track, clock in zip(self._feed.tracks, self._clocks, strict=True):
            if track.stats is not None:
                clock.received(track.last_timestamp, track.last_received)
                if block := track.stats.take_block(now):
                    blocks.append(block)
        if blocks:
            self._send(receiver_report(OUR_SSRC, blocks) + sdes(OUR_SSRC, self.cname))
            if self._takes_remb:
                self._tell_estimate(blocks, now)

    def _tell_estimate(self, blocks: Sequence[ReportBlock], now: float) -> None:
        if self._estimate is None:
            self._estimate = ReceiverEstimate(MOST_BITS_PER_SECOND, self._feed.rx_bytes, now)
        loss = max(block.fraction_lost for block in blocks) / 256
        bitrate = self._estimate.report(self._feed.rx_bytes, loss, now)
        self._send(remb(OUR_SSRC, bitrate, [block.ssrc for block in blocks]))

    def play_time(self, number: int, now: float) -> tuple[int, int] | None:
        """NTP time and the room's timestamp of a track, as a sender report at `now` would have them."""
        return self._clocks[number].report_at(now)
