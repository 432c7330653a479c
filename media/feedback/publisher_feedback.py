"""RTCP between a room and its publisher: keyframe requests, NACK, bandwidth feedback and reports."""

import math
from collections.abc import Callable, Mapping, Sequence

from media.counts import PublisherStats
from media.feedback.compound import packets_of
from media.feedback.receiver_estimate import ReceiverEstimate
from media.rtp.rtcp import (
    ReportBlock,
    SenderReport,
    fir,
    nack,
    pli,
    receiver_report,
    remb,
    sdes,
)
from media.switch.feed import Feed
from media.tracks.keyframe_requests import KeyframeRequests
from media.tracks.reception import OUR_SSRC
from media.tracks.source_report import SourceReport
from media.tracks.track import Track, has_stopped

REPORT_SECONDS = 1.0
PAUSED_SECONDS = 1.0  # without media of a stream: a report of it is a guess
RESUMED_SECONDS = 10.0  # after that: reports are held against the media that comes
LATE_SECONDS = 1.0  # media that is older than that by a report: the stream has lost the time of its pause
_FOLLOW_DELAY = 1 / 4  # share of a deviation: a picture with a large keyframe comes late


class PublisherFeedback:
    """Owns the RTCP between a room and its publisher; `tracks` are the room's.

    `cname` is one for all tracks: viewers play those of one CNAME in sync (RFC 3550 6.5.1). `send` takes RTCP
    for the publisher, not yet protected. `now` is in seconds of a steady clock.
    """

    def __init__(
        self,
        feed: Feed,
        tracks: Sequence[Track],
        cname: str,
        send: Callable[[bytes], None],
        stats: PublisherStats,
    ) -> None:
        self._feed = feed
        self._tracks = tracks
        self.cname = cname.encode()
        self._stats = stats
        self._report_at = 0.0
        self._publishers = 0  # so far
        self.succeed(send)

    def succeed(self, send: Callable[[bytes], None]) -> None:
        """Continue with another publisher, whose tracks are in `tracks` already."""
        self._send = send
        self._publishers += 1
        self._reported: dict[Track, SourceReport] = {}
        # reports of streams that are still to come, by SSRC, and when they came
        self._earlier: dict[int, tuple[bytes, float]] = {}
        self._paused_at: dict[Track, float] = {}  # when it was last seen that a stream pauses
        self._held: set[Track] = set()  # tracks that wait for this publisher's first keyframe
        self._fir_command = 0
        self._transport = next((t.source.transport for t in self._tracks if t.source.transport), None)
        self._takes_remb = any("goog-remb" in track.published.codec.feedback for track in self._tracks)
        self._estimate: ReceiverEstimate | None = None
        self.delay: float | None = None  # seconds from the capture to the arrival here; None: not known

    def measured(self, round_trip: float) -> None:
        """Take a round trip to the publisher, or to where a copy comes from, in seconds."""
        self._tracks[0].clock.publisher.measured(round_trip)

    def receive(self, compound: bytes, now: float) -> None:
        """Take the publisher's decrypted RTCP. What cannot be parsed is ignored."""
        self._earlier.pop(int.from_bytes(compound[4:8]), None)
        self.believe(compound, now)

    def reported_earlier(self, reports: Mapping[int, tuple[bytes, float]]) -> None:
        """Take what a publisher reported before it came on, by SSRC: of each stream once it comes."""
        self._earlier = dict(reports)
        self._take_earlier()

    def _take_earlier(self) -> None:
        for track in self._tracks:
            source = track.source
            if source.stats is not None and not source.gate.closed and source.stats.ssrc in self._earlier:
                self.believe(*self._earlier.pop(source.stats.ssrc))

    def believe(self, compound: bytes, now: float) -> bool:
        """The same; returns whether it reports of a track what can be believed."""
        believed = False
        for packet in packets_of(compound):
            if isinstance(packet, SenderReport):
                believed = self._take_sender_report(packet, now) or believed
        return believed

    def _take_sender_report(self, report: SenderReport, now: float) -> bool:
        for track in self._tracks:
            source = track.source
            if source.stats is not None and source.stats.ssrc == report.ssrc:
                source.stats.sender_report(report, now)
                if self._pauses(track, now):
                    return False
                if source.gate.closed:  # its timestamps cannot be translated yet
                    return True
                timestamp = source.translator.translate_timestamp(report.rtp_time)
                if self._is_guess(track, timestamp, now):
                    return False
                track.clock.sender_report(report.ntp_time, timestamp, now)
                if report.ntp_time:  # 0: the publisher has no such clock
                    self._reported[track] = SourceReport(
                        self._publishers,
                        report.ntp_time / 0x100000000,
                        timestamp,
                        timestamp - report.rtp_time & 0xFFFFFFFF,
                    )
                return True
        return False

    def _pauses(self, track: Track, now: float) -> bool:
        """Whether nothing has come of a stream for a while."""
        heard_at = track.source.heard_at
        if not heard_at or now - heard_at < PAUSED_SECONDS:
            return False
        self._paused_at[track] = now
        return True

    def _has_resumed(self, track: Track, now: float) -> bool:
        return now - self._paused_at.get(track, -math.inf) < RESUMED_SECONDS

    def _is_guess(self, track: Track, timestamp: int, now: float) -> bool:
        """Whether a report, of that timestamp for now, speaks of media that does not come.

        The timestamps of Chromium's sound stand still while it hangs. What it reports with the first packets
        after that goes on from before, so it is ahead of them by all of the pause. The next report, seconds
        later, is right.
        """
        return -track.source.behind(timestamp, now) > LATE_SECONDS and self._has_resumed(track, now)

    def want_keyframe(self, number: int, now: float, *, urgent: bool = False) -> None:
        """A viewer needs a keyframe of track `number`: request one. Does nothing for sound.

        It is `urgent` for one that has no picture meanwhile.

        A layer that has stopped is not asked while another layer of the picture comes.
        """
        track = self._tracks[number]
        requests = track.sent.requests
        # before the first packet there is no SSRC to ask; the first picture will be a keyframe
        if requests is None or track.source.stats is None or has_stopped(track, self._tracks, now):
            return
        if requests.want(now, urgent=urgent):
            self.request_keyframe(track)

    def request_keyframe(self, track: Track) -> None:
        """Ask for a keyframe at once, however lately that was done."""
        stats = track.source.stats
        if stats is None:
            return
        feedback = track.published.codec.feedback
        if "nack pli" in feedback:
            self._stats.plis += 1
            self._send(pli(OUR_SSRC, stats.ssrc))
        elif "ccm fir" in feedback:
            self._stats.firs += 1
            self._fir_command = (self._fir_command + 1) & 0xFF
            self._send(fir(OUR_SSRC, stats.ssrc, self._fir_command))

    def send_due_rtcp(self, now: float) -> float | None:
        """Send RTCP that cannot wait for a tick: NACK and transport-wide feedback.

        Returns when the next NACK is due, even if no media comes until then; None: none is.
        """
        again = math.inf
        for source in self._feed.sources:
            if source.nack is None or source.stats is None:
                continue
            if asks := source.nack.due(now):
                self._stats.nacks += len(asks)
                self._send(nack(OUR_SSRC, source.stats.ssrc, asks))
            if (due := source.nack.next_due()) is not None:
                again = min(again, due)
        self._feed.rtcp_due_at = min(again, self._report_arrivals(now))
        return again if again < math.inf else None

    def _report_arrivals(self, now: float) -> float:
        """Send transport-wide feedback if it is due. Returns when it is due next, if media comes by then."""
        if self._transport is None:
            return math.inf
        if self._transport.due(now):
            followed = (source.stats.ssrc for source in self._feed.sources if source.stats is not None)
            for packet in self._transport.build(now, next(followed, 0)):
                self._send(packet)
        return self._transport.next_due

    def tick(self, now: float) -> None:
        """Send what is due. Called several times a second."""
        self._report_arrivals(now)
        if self._earlier:
            self._take_earlier()
        for track in self._tracks:
            self._pauses(track, now)
            requests = track.sent.requests
            if requests is not None and self._wants_keyframe(track, requests, now):
                self.request_keyframe(track)
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._report_reception(now)

    def _wants_keyframe(self, track: Track, requests: KeyframeRequests, now: float) -> bool:
        if track.source.gate.closed:  # viewers get no picture of this publisher before a keyframe
            self._held.add(track)
            return not has_stopped(track, self._tracks, now) and requests.want(now)
        if track in self._held:
            self._held.remove(track)
            requests.arrived(now)
        return requests.due(now)

    def _report_reception(self, now: float) -> None:
        blocks = []
        self._measure_delay(now)
        for track in self._tracks:
            source = track.source
            if source.stats is not None:
                age = track.clock.age(source.last_timestamp, source.last_received)
                if age is not None and age > LATE_SECONDS and self._has_resumed(track, now):
                    track.clock.forget_reports()
                track.clock.received(source.last_timestamp, source.last_received)
                if block := source.stats.take_block(now):
                    blocks.append(block)
        if blocks:
            self._send(receiver_report(OUR_SSRC, blocks) + sdes(OUR_SSRC, self.cname))
            if self._takes_remb:
                self._report_estimate(blocks, now)

    def _measure_delay(self, now: float) -> None:
        """By what came last: of the best layer of the picture that comes; without one, of the sound."""
        fresh = [track for track in self._tracks if now - track.source.last_received < REPORT_SECONDS]
        track = next((track for track in fresh if track.kind == "video"), fresh[0] if fresh else None)
        if track is None:
            return
        age = track.clock.age(track.source.last_timestamp, track.source.last_received)
        if age is not None:
            self.delay = age if self.delay is None else self.delay + (age - self.delay) * _FOLLOW_DELAY

    def _report_estimate(self, blocks: Sequence[ReportBlock], now: float) -> None:
        if self._estimate is None:
            self._estimate = ReceiverEstimate(self._feed.rx_bytes, now)
        loss = max(block.fraction_lost for block in blocks) / 256
        bitrate = self._estimate.report(self._feed.rx_bytes, loss, now)
        self._send(remb(OUR_SSRC, bitrate, [block.ssrc for block in blocks]))

    def play_time(self, number: int, now: float) -> tuple[int, int] | None:
        """NTP time and the room's timestamp for a sender report of track `number`; None before any packet."""
        return self._tracks[number].clock.report_at(now)

    def reported(self, number: int) -> SourceReport | None:
        """The publisher's latest sender report of track `number`; None before the first."""
        return self._reported.get(self._tracks[number])
