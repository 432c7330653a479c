"""One receiver of a room, a viewer or an edge: its media, its RTCP, and its first picture."""

import math
from collections.abc import Collection, Sequence
from random import random

from media.counts import ViewerStats
from media.feedback.publisher_feedback import REPORT_SECONDS, PublisherFeedback
from media.feedback.viewer_feedback import KEYFRAMES_PER_SECOND, ViewerFeedback
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.switch.feed import Feed
from media.switch.join import Join
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address


def ask_early(feed: Feed, publisher: PublisherFeedback, now: float) -> None:
    """Request a keyframe for a receiver that is not connected yet, if the answer would be held for it."""
    if any(sent.asks_early for sent in feed.sent):
        publisher.want_keyframes(now)


class Playback:
    """Sends a room's tracks in the form of `wires` to `address`, from its construction until `end`.

    It gets the tracks `without` later, if at all.
    `since` is when the receiver began to wait for its picture. `now` is in seconds of a steady clock.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        feed: Feed,
        publisher: PublisherFeedback,
        keys: SrtpKeys,
        wires: Sequence[Wire | None],
        address: Address,
        stats: ViewerStats,
        *,
        since: float,
        now: float,
        keyframes_per_second: float = KEYFRAMES_PER_SECOND,
        rendition: int | None = None,
        without: Collection[int] = (),
    ) -> None:
        self._switch = switch
        self._feed = feed
        self._stats = stats
        self.viewer = switch.add_viewer(
            feed, keys, wires, address, now=now, joining=True, rendition=rendition, without=without
        )
        self._feedback = ViewerFeedback(
            self.viewer, feed.sent, publisher, switch.resend, stats, now, keyframes_per_second
        )
        self._join = Join(switch, feed, self.viewer, publisher.want_keyframes, stats, since)
        self._step_at = now
        # spread over the second, so that the reports of many receivers do not leave in one burst
        self._report_at = now + random() * REPORT_SECONDS  # noqa: S311

    @property
    def sender(self) -> SrtpSender:
        """Protects RTCP to the receiver."""
        return self.viewer.sender

    @property
    def loss(self) -> float | None:
        """Share of packets lost recently, 0 to 1, of the worst track; None: unknown."""
        return self._feedback.loss

    @property
    def rtt(self) -> float:
        """Round trip in seconds; 0: unknown."""
        return self._feedback.rtt

    @property
    def resent(self) -> int:
        """Packets retransmitted so far."""
        return self._feedback.resent

    def sent(self, track: int) -> tuple[int, int]:
        """Packets and payload octets of `track` that were sent."""
        return self.viewer.sent(track)

    def listens(self, now: float) -> bool:
        """Whether to decrypt one more datagram: False while the receiver has sent too much."""
        return self._feedback.listens(now)

    def charge(self, size: int) -> None:
        """Count an authentic RTCP datagram of `size` bytes."""
        self._feedback.charge(size)

    def receive(self, compound: bytes, now: float) -> None:
        """Take the receiver's decrypted RTCP."""
        self._feedback.receive(compound, now)

    def step(self, now: float) -> float | None:
        """Send what is due until the first picture. Returns the seconds until more is due; None: never."""
        if now >= self._step_at:
            pause = self._join.step(now)
            self._step_at = math.inf if pause is None else now + pause
        return None if self._step_at == math.inf else self._step_at - now

    def tick(self, now: float) -> bytes:
        """Do what is due. Returns sender reports, not yet protected. Called several times a second."""
        self.step(now)
        if now < self._report_at:
            return b""
        self._report_at = now + REPORT_SECONDS
        self._stats.srtp_refused += self.viewer.sender.take_refused()
        return self._feedback.reports(now)

    def move(self, address: Address) -> None:
        """Send to another address of the receiver from now on."""
        self.viewer.move(address)

    def end(self) -> None:
        self._join.end()
        self._stats.srtp_refused += self.viewer.sender.take_refused()
        self._switch.remove_viewer(self._feed, self.viewer)
