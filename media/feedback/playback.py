"""One receiver of a room, a viewer or an edge: its media, its RTCP, and its first picture."""

import math
from collections.abc import Collection, Sequence
from random import random

from media.counts import ViewerStats
from media.feedback.publisher_feedback import REPORT_SECONDS, PublisherFeedback
from media.feedback.viewer_feedback import KEYFRAMES_PER_SECOND, ViewerFeedback
from media.feedback.viewer_picture import STEP_SECONDS, ViewerPicture
from media.feedback.viewer_sound import ViewerSound
from media.line.handshake_train import Measured
from media.rtp.srtp import SrtpKeys
from media.switch.changeover import Changeover
from media.switch.feed import Feed
from media.switch.join import Join
from media.switch.join_burst import JoinBurst
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address


def ask_early(feed: Feed, publisher: PublisherFeedback, now: float, rendition: int | None = None) -> None:
    """Request a keyframe for a receiver that is not connected yet, if the answer would be held for it.

    It will begin with `rendition`; None: with all tracks.
    """
    for number in range(len(feed.sources)):
        if rendition in (None, number) and feed.sent[number].asks_early:
            publisher.want_keyframe(number, now)


class Playback:
    """Sends a room's tracks in the form of `wires` to `address`, from its construction until `end`.

    `since` is when the receiver began to wait for its picture. `now` is in seconds of a steady clock. A
    receiver that begins with a `rendition` of the picture may get others later; one without (an edge) gets
    the tracks that its wires name, but for those `without` which it begins. `line` is what its line carries,
    if that was measured before. One that has had a part of the picture elsewhere gets it from the index
    `goes_on_at` on.
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
        line: Measured | None = None,
        goes_on_at: int | None = None,
    ) -> None:
        self._switch = switch
        self._feed = feed
        self._stats = stats
        self.viewer = switch.add_viewer(
            feed, keys, wires, address, now=now, joining=True, rendition=rendition, without=without
        )
        if isinstance(self.viewer.behind, JoinBurst):
            self.viewer.behind.not_before = goes_on_at
        changeover = Changeover(
            switch, feed, self.viewer, publisher.want_keyframe, publisher.play_time, stats, since
        )
        self.picture = (
            ViewerPicture(feed, self.viewer, changeover, publisher.want_keyframe, stats, now, line)
            if rendition is not None
            else None
        )
        self.sound = self._sound()
        self.feedback = ViewerFeedback(
            self.viewer,
            feed,
            publisher,
            stats,
            now,
            keyframes_per_second,
            self.picture,
            self.sound,
        )
        begins = (rendition,) if rendition is not None else set(range(len(feed.sources))) - set(without)

        def want_keyframes(at: float) -> None:
            for number in begins:
                publisher.want_keyframe(number, at)

        self._join = Join(switch, feed, self.viewer, want_keyframes, stats, since)
        changeover.begins = self._join.gone_on
        self._step_at = now
        if self.picture is not None and line is not None:  # it need not begin with more than fits
            self.picture.begin(now)
        # spread over the second, so that the reports of many receivers do not leave in one burst
        self._report_at = now + random() * REPORT_SECONDS  # noqa: S311

    def _sound(self) -> ViewerSound | None:
        redundant = self._feed.redundant
        if redundant is None or self.viewer.forms[redundant.base] is None:
            return None
        return ViewerSound(self._switch, self._feed, self.viewer, self.picture, self._stats, redundant.base)

    @property
    def first_picture_at(self) -> float | None:
        """When the receiver was sent its first picture."""
        return self._join.seen_at

    @property
    def rests(self) -> bool:
        """Whether the next tick is soon enough for what the receiver says of its line."""
        return (self.picture is None or self.picture.rests) and (self.sound is None or not self.sound.waits)

    def receive(self, compound: bytes, now: float, late: float = 0.0) -> None:
        """Take the receiver's decrypted RTCP, which came `late` seconds ago."""
        self.feedback.receive(compound, now, late)
        if self.picture is not None and self.picture.has_news and self._may_change:
            self.picture.tick(now)
        if self.sound is not None:
            self.sound.tick(now)

    @property
    def _may_change(self) -> bool:
        """Whether its picture may be replaced.

        Before the first one it stays where it is, unless that does not come any more.
        """
        return self._step_at == math.inf or (self.picture is not None and self.picture.is_gone)

    @property
    def steps(self) -> bool:
        """Whether `step` is to be called more often than ticks come."""
        return self._step_at < math.inf or (self.picture is not None and self.picture.steps)

    @property
    def quiet_until(self) -> float:
        """Until when `tick` has nothing to do, if nothing changes in the room or is heard; 0: it has now."""
        if self.steps or not self.rests or self.viewer.backlog is not None:
            return 0.0
        return self._report_at

    @property
    def measure_seconds(self) -> float:
        """From one measurement of its round trip to the next; infinite: none is wanted."""
        return math.inf if self.picture is None else self.picture.measure_seconds

    def line_log(self, now: float) -> str | None:
        """The log of its line, as JSON; None: it gets no picture."""
        return None if self.picture is None else self.picture.line_log(now)

    def measured(self, round_trip: float, now: float) -> None:
        """Take a round trip to the receiver, in seconds."""
        self.feedback.measured(round_trip, now)
        if self.picture is not None:
            self.picture.measured(round_trip, now)

    def step(self, now: float) -> float | None:
        """Send what is due at once. Returns the seconds until more is due; None: nothing, for now."""
        if now >= self._step_at:
            pause = self._join.step(now)
            self._step_at = math.inf if pause is None else now + pause
        if self.picture is not None and self.picture.steps:
            self.picture.step(now)
            return STEP_SECONDS
        return None if self._step_at == math.inf else self._step_at - now

    def tick(self, now: float) -> bytes:
        """Do what is due. Returns sender reports, not yet protected. Called several times a second."""
        self.step(now)
        if self.picture is not None and self._may_change:
            self.picture.tick(now)
        if self.sound is not None:
            self.sound.tick(now)
        if now < self._report_at:
            return b""
        self._report_at = now + REPORT_SECONDS
        self._stats.line(self.feedback.loss, self.feedback.rtt)
        if self.sound is not None:
            self.sound.count()
        self._stats.srtp_refused += self.viewer.sender.take_refused()
        return self.feedback.reports(now)

    def move(self, address: Address, now: float) -> None:
        """Send to this address of the receiver from now on."""
        if address == self.viewer.address:
            return
        self._switch.move_viewer(self.viewer, address)
        if self.picture is not None:
            self.picture.moved(now)

    def end(self) -> None:
        self._join.end()
        if self.picture is not None:
            self.picture.end()
        if self.sound is not None:
            self.sound.end()
        self._stats.srtp_refused += self.viewer.sender.take_refused()
        self._switch.remove_viewer(self._feed, self.viewer)
