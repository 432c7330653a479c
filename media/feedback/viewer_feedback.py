"""RTCP between a room and one of its viewers: retransmissions, keyframe requests and reports.

RTCP of a viewer that sends too much of it is left unread, so that other viewers do not suffer. Only what was
authentic counts: who forges a viewer's address must not silence it. A forged datagram costs 3 to 8 µs, and a
forged check 20 µs whatever its address is: so nothing but the socket's turn limits how many are tried.
"""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice

from media.counts import ViewerStats
from media.feedback.compound import packets_of
from media.feedback.loss_window import LossWindow, worst
from media.feedback.publisher_feedback import PublisherFeedback
from media.feedback.retransmit_budget import RetransmitBudget
from media.feedback.viewer_picture import ViewerPicture
from media.feedback.viewer_sound import ViewerSound
from media.rtp.extensions import PlayoutDelay
from media.rtp.packet_arrivals import PacketArrivals
from media.rtp.rtcp import (
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    ReferenceTime,
    Remb,
    ReportBlock,
    SenderReport,
    dlrr,
    sdes,
)
from media.rtp.rtcp import sender_report as build_sender_report
from media.rtp.run import Run
from media.switch.feed import Feed
from media.switch.join_burst import JoinBurst
from media.switch.resend import resend
from media.switch.viewer import Behind, Stretch, Viewer
from media.switch.wire import Wire
from media.token_bucket import TokenBucket

# RTCP of a viewer, 5 % of a stream of 2.5 Mbit/s (RFC 3550 6.2). In bytes of its datagrams, because a packet
# costs what it contains: 64 keyframe requests or 62 report blocks take 0.15 ms. A viewer that loses much
# sends a NACK every 20 ms, and reports beside it: 6000 bytes a second.
RTCP_BYTES_PER_SECOND, RTCP_BYTES_AT_ONCE = 16_000, 16_000
# One viewer must not make a publisher spend its bit rate on keyframes.
KEYFRAMES_PER_SECOND, KEYFRAMES_AT_ONCE = 0.25, 4
_SAME_REQUEST_SECONDS = 0.5  # receivers repeat a keyframe request until one arrives

# `MUCH_LOSS` retransmissions within `LOSSES_SECONDS` count as heavy loss. With twice as many, some packets
# are lost twice, and so on.
MUCH_LOSS, LOSSES_SECONDS = 5, 10.0
NOTICE_SECONDS = 0.050  # until a viewer notices a loss, by the next frame
# Browsers ask again after a round trip, which they assume to be 100 ms.
MOST_ASKS, ASK_AGAIN_SECONDS = 4, 0.120
SOUND_SECONDS = 0.5  # after which sound is not sent again: it would come when it was to be played
MOST_LEAST_DELAY, MOST_DELAY = 0.5, 1.0

_KEPT_REPORTS = 4  # sender reports to which a viewer's report may still refer
_REPORTS = (ReceiverReport, SenderReport)
_FOLLOW_RTT = 1 / 8  # RFC 6298 2.3
_MAX_RTT = 5.0


class ViewerFeedback:
    """Owns the RTCP between a room and one viewer. `now` is in seconds of a steady clock.

    `picture` and `sound`, if there are any, learn what the viewer says of its line.
    """

    def __init__(
        self,
        viewer: Viewer,
        feed: Feed,
        publisher: PublisherFeedback,
        stats: ViewerStats,
        now: float,
        keyframes_per_second: float = KEYFRAMES_PER_SECOND,
        picture: ViewerPicture | None = None,
        sound: ViewerSound | None = None,
    ) -> None:
        self._viewer = viewer
        self._feed = feed
        self._tracks = feed.sent
        self._picture = picture
        self._sound = sound
        self._loss_window = LossWindow()
        self._publisher = publisher
        self._stats = stats
        self.rtt = 0.0  # seconds; 0: unknown, before a report of the viewer
        self._budget = RetransmitBudget(now)
        self._rtcp_bytes = TokenBucket(RTCP_BYTES_PER_SECOND, RTCP_BYTES_AT_ONCE, now)
        self._keyframes = TokenBucket(keyframes_per_second, KEYFRAMES_AT_ONCE, now)
        self._losses = self._losses_before = 0
        self._losses_since = now
        self._keyframe_asked_at: dict[int, float] = {}  # by track: an edge watches several layers
        self.loss: float | None = None  # share of packets lost recently, 0 to 1, of the worst track
        self.resent = 0  # packets retransmitted so far
        self._reference: tuple[ReferenceTime, float] | None = None  # the latest to answer, and when it came
        self._reported: dict[int, float] = {}  # middle 32 bits of a report's NTP time -> when it was sent

    def listens(self, now: float) -> bool:
        """Whether to decrypt one more datagram: False while the viewer has sent too much."""
        heard = self._rtcp_bytes.left(now) > 0
        if not heard:
            self._stats.rtcp_dropped += 1
        return heard

    def charge(self, size: int) -> None:
        """Count an authentic datagram of `size` bytes."""
        self._rtcp_bytes.spend(size)

    def receive(self, compound: bytes, now: float, late: float) -> None:
        """Take decrypted RTCP, which came `late` seconds ago. What cannot be parsed is ignored."""
        for packet in packets_of(compound):
            if isinstance(packet, _REPORTS):
                self._take_blocks(packet.blocks, now, late)
            elif isinstance(packet, Nack):
                self._take_nack(packet, now)
            elif isinstance(packet, Pli):
                self._take_keyframe_request((packet.media_ssrc,), now)
            elif isinstance(packet, Fir):
                self._take_keyframe_request([ssrc for ssrc, _ in packet.entries], now)
            elif isinstance(packet, Remb) and self._picture is not None:
                self._picture.remb(packet.bitrate, now)
            elif isinstance(packet, ReferenceTime):
                self._reference = packet, now - late
            elif isinstance(packet, PacketArrivals) and self._picture is not None:
                self._picture.arrived(packet.first, packet.times, now)

    def measured(self, round_trip: float, now: float) -> None:
        """Take a round trip to the viewer, in seconds."""
        self._budget.measured(round_trip, now)

    def _take_nack(self, packet: Nack, now: float) -> None:
        number = self._track_of(packet.media_ssrc)
        wire = None if number is None else self._viewer.forms[number]
        if number is None or wire is None or not wire.nack:
            return
        self._stats.nacks += packet.count
        if self._viewer.backlog is not None:
            return  # TCP loses nothing: what it misses came too late, and was dropped for that
        left = self._budget.admit(packet.count, now)
        self._stats.retransmissions_refused += packet.count - left
        if not left:
            return
        if self._sound is not None:
            self._sound.asked(packet.media_ssrc, islice(packet.sequences(), left), now)
        found = (self._find(number, packet.media_ssrc, one, now) for one in islice(packet.sequences(), left))
        missing = [each for each in found if each is not None and self._in_time(each[0], now)]
        most = self._room(wire, [sent for sent, _, _ in missing], now)
        self._stats.retransmissions_refused += len(missing) - most
        for sent, offset, shift in missing[:most]:
            if self._picture is not None and wire.ssrc is not None:
                self._picture.send_in_turn(sent, partial(self._send_again, sent, offset, shift), now)
            else:
                self._send_again(sent, offset, shift, now)

    def _send_again(self, sent: Run, offset: int, shift: int, now: float) -> None:
        media = sum(self._viewer.sent(n)[1] for n in range(len(self._tracks)))
        if not self._budget.take(sent.track, sent.first, sent.octets, media, now):
            self._stats.retransmissions_refused += 1
            return
        if not resend(self._viewer, sent, offset, shift, now):
            return
        self._stats.retransmissions += 1
        self.resent += 1
        self._lost(now)
        if self._sound is not None and self._is_sound(sent.track):
            self._sound.sent_again()
        if self._picture is not None:
            self._picture.resent(sent, now)

    def _room(self, wire: Wire, missing: Sequence[Run], now: float) -> int:
        """For how many of the packets the line has room that are missing of the picture, or of a sound."""
        if self._picture is not None and wire.ssrc is not None:
            return self._picture.asked(missing, now)
        return len(missing) if self._picture is None or self._picture.has_room(now) else 0

    def _track_of(self, ssrc: int) -> int | None:
        """The track that the viewer gets under `ssrc`. Of the renditions of the picture, the present one."""
        for number, wire in enumerate(self._viewer.forms):
            if wire is None:
                continue
            if wire.ssrc == ssrc:
                return self._viewer.rendition if self._viewer.rendition is not None else number
            if wire.ssrc is None and self._tracks[number].ssrc == ssrc:
                return number
        return None

    def _find(self, number: int, ssrc: int, sequence: int, now: float) -> tuple[Run, int, int] | None:
        """The packet that the viewer was sent under that number, if it is held; and its offset and shift."""
        viewer = self._viewer
        if not viewer.has_changed(ssrc):
            found = self._tracks[number].find(sequence, now)
            if found is None or not viewer.was_sent(number, found.first):
                return None
            return found, viewer.offsets[number], viewer.shifts[number]
        place = viewer.stretch_of(sequence, ssrc)
        if place is None:
            return None
        stretch, index = place
        if self._picture is not None and self._picture.is_limited and self._began_anew(stretch, ssrc):
            return None  # its line has no room for what was before
        # RTX has indexes of its own, and is for the sound as it is
        form = number if self._is_sound(number) and viewer.rtx[number] is not None else stretch.track
        held = self._tracks[form].held(index, now)
        if held is None or viewer.waits(stretch.track, index):
            return None
        return held, stretch.offset, stretch.shift

    def _in_time(self, run: Run, now: float) -> bool:
        """Whether a receiver still waits for a packet: for a picture it does as long as that is held."""
        return (
            not self._is_sound(run.track)
            or self._tracks[run.track].history.age(run.first, now) <= SOUND_SECONDS
        )

    def _is_sound(self, number: int) -> bool:
        return not self._tracks[number].codec

    def _began_anew(self, stretch: Stretch, ssrc: int) -> bool:
        """Whether a keyframe came after it: the lower temporal layer of a track goes on without one."""
        present, base_of = self._viewer.rendition, self._feed.base_of
        if self._is_sound(stretch.track) or self._viewer.is_latest(stretch, ssrc):
            return False
        return present is None or base_of(present) != base_of(stretch.track)

    def _lost(self, now: float) -> None:
        """Make a viewer with heavy loss delay its playout, so that retransmissions arrive in time.

        Browsers do that by themselves only if they know the round-trip time, which receivers do not. The
        delay goes out in retransmissions, so it reaches this viewer only, and only when it is needed.
        """
        if self._picture is not None and self._picture.is_limited:
            return  # its line is full: that is what it loses by
        if now >= self._losses_since + LOSSES_SECONDS:
            self._losses_before, self._losses, self._losses_since = self._losses, 0, now
        self._losses += 1
        asks = min(max(self._losses, self._losses_before) // MUCH_LOSS, MOST_ASKS)
        if asks:
            least = NOTICE_SECONDS + self.rtt + (asks - 1) * max(self.rtt, ASK_AGAIN_SECONDS)
            self._viewer.delay_playout(PlayoutDelay(min(least, MOST_LEAST_DELAY), MOST_DELAY))
        elif self._viewer.playout_delay is not None:
            self._viewer.delay_playout(PlayoutDelay(0.0, MOST_DELAY))

    def _take_keyframe_request(self, ssrcs: Iterable[int], now: float) -> None:
        """Some clients name no SSRC of ours: they mean the picture that they get."""
        self._stats.keyframe_requests += 1
        for ssrc in ssrcs:
            number = self._track_of(ssrc)
            if number is None:
                number = self._viewer.rendition
            if number is None or now < self._keyframe_asked_at.get(number, -math.inf) + _SAME_REQUEST_SECONDS:
                continue
            if not self._keyframes.take(now):
                return
            self._keyframe_asked_at[number] = now
            self._publisher.want_keyframe(self._feed.base_of(number), now)

    def _take_blocks(self, blocks: Sequence[ReportBlock], now: float, late: float) -> None:
        if not blocks:
            return
        self.loss = max(block.fraction_lost for block in blocks) / 256
        rtts = [rtt for block in blocks if (rtt := self._round_trip(block, now - late)) is not None]
        rtt = rtts[0] if rtts else 0.0
        if rtt:
            self.rtt += (rtt - self.rtt) * (_FOLLOW_RTT if self.rtt else 1)
            self._budget.measured(rtt, now)
        # of retransmissions there are few: one that is lost would look like half of the stream
        media = [block for block in blocks if self._track_of(block.ssrc) is not None]
        results = self._loss_window.take(media, now)
        if self._sound is not None:
            self._sound.report(media, results, now)
        if self._picture is not None and (most := worst(results)) is not None:
            since = self._sent_at(most.ssrc, most.first, now)
            self._picture.report(most.lost, most.expected, since, rtt, now)

    def _sent_at(self, ssrc: int, sequence: int, now: float) -> float:
        """When the packet of that number was sent; minus infinity: so long ago that it is not held.

        What was lost at the end of a picture that stops is reported when the next one has begun.
        """
        if self._viewer.has_changed(ssrc):
            place = self._viewer.stretch_of(sequence & 0xFFFF, ssrc)
            if place is None:
                return -math.inf
            track, index = place[0].track, place[1]
        else:
            number = self._track_of(ssrc)
            assert number is not None
            newest = self._tracks[number].history.next_index - 1
            track, index = number, newest - (newest - sequence & 0xFFFF)
        age = self._tracks[track].history.age(index, now)
        return now - age if age else -math.inf

    def _round_trip(self, block: ReportBlock, now: float) -> float | None:
        """RFC 3550 6.4.1: the time since our report, minus the viewer's delay; None: not known.

        Each of our reports counts once. A viewer that loses much names the same one with each NACK, long
        after the queue in which that one waited is empty.
        """
        sent_at = self._reported.pop(block.last_report, None)
        if sent_at is None:
            return None
        rtt = now - sent_at - block.delay / 0x10000
        return rtt if 0 <= rtt <= _MAX_RTT else None

    def reports(self, now: float) -> bytes:
        """Sender reports of the tracks that the viewer gets; empty before anything was sent.

        Also empty while the viewer is behind from the beginning: it would delay its sound until its picture
        is live.
        """
        behind = self._viewer.behind
        if isinstance(behind, JoinBurst) and behind.is_first:
            return b""
        viewer, reports = self._viewer, []
        for number, wire in enumerate(viewer.wires):
            if wire is None or (behind is not None and behind.track == number and not _is_paced(behind)):
                continue  # keyframes alone have timestamps of their own, and others are not live yet
            times = self._publisher.play_time(self._feed.base_of(number), now)
            ssrc = wire.ssrc or self._tracks[number].ssrc
            packets, octets = self._sent_under(ssrc)
            if times is not None and packets:
                self._remember(times[0], now)
                timestamp = times[1] + viewer.shifts[number] & 0xFFFFFFFF
                report = build_sender_report(ssrc, times[0], timestamp, packets, octets)
                reports.append(report + sdes(ssrc, self._publisher.cname))
        if self._reference is not None and reports:
            asked, came_at = self._reference
            self._reference = None
            reports.append(dlrr(ssrc, asked, now - came_at))
        return b"".join(reports)

    def _sent_under(self, ssrc: int) -> tuple[int, int]:
        """Packets and payload octets of one stream: all renditions of the picture, or forms of the sound."""
        sent = [
            self._viewer.sent(number)
            for number, form in enumerate(self._viewer.forms)
            if form is not None and (form.ssrc or self._tracks[number].ssrc) == ssrc
        ]
        return sum(packets for packets, _ in sent), sum(octets for _, octets in sent)

    def _remember(self, ntp_time: int, now: float) -> None:
        self._reported[ntp_time >> 16 & 0xFFFFFFFF] = now
        if len(self._reported) > _KEPT_REPORTS:
            del self._reported[next(iter(self._reported))]  # the oldest


def _is_paced(behind: Behind) -> bool:
    """Whether its pictures are live but for their pace."""
    return isinstance(behind, JoinBurst) and behind.paces
