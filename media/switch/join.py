"""How a viewer gets its first picture: from a keyframe on request, or from the pictures that are held."""

from collections.abc import Callable

from media.counts import ViewerStats
from media.rtp.run import Run
from media.switch.feed import Feed
from media.switch.join_burst import JoinBurst
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer

LOOK_SECONDS = 0.010  # from one look for the keyframe that was asked for to the next
ASK_AGAIN_SECONDS = 0.5
MOST_ASKS = 6  # a publisher that answers none of these requests does not answer any


class Join:
    """The first seconds of one viewer, added with `joining=True`. `now` is in seconds of a steady clock.

    `since` is when the viewer began to wait for its picture, and a keyframe was requested for it.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        feed: Feed,
        viewer: Viewer,
        want_keyframes: Callable[[float], None],
        stats: ViewerStats,
        since: float,
    ) -> None:
        self._switch = switch
        self._feed = feed
        self._viewer = viewer
        self._want_keyframes = want_keyframes
        self._stats = stats
        self._since = since
        self._asks = 0
        self.seen_at: float | None = None  # when the viewer was sent its first picture
        self._track = next(
            (n for n, sent in enumerate(feed.sent) if sent.codec and viewer.wires[n] is not None),
            None,
        )

    def step(self, now: float) -> float | None:
        """Do what is due at `now`. Returns the seconds until more is due; None: never."""
        if self._track is None:
            return None
        if self._viewer.wires[self._track] is None:  # it goes on without that first picture
            self._feed.sent[self._track].forget(self)
            return None
        burst = self._viewer.behind
        if burst is not None and not burst.begun:
            # one that goes on needs no keyframe
            goes_on = isinstance(burst, JoinBurst) and burst.not_before is not None
            if not goes_on and not self._feed.sent[self._track].may_begin(self._since, now):
                return LOOK_SECONDS
            self._switch.begin_burst(self._feed, self._viewer, now)
            if self._viewer.behind is not None:
                self._stats.join_bursts += 1
                self._seen_picture(now)
        if self._viewer.behind is not None:
            self._switch.advance(self._feed, self._viewer, now)
        if self._viewer.behind is not None:
            return self._viewer.behind.pause
        return self._await_keyframe(self._track, now)

    def _await_keyframe(self, track: int, now: float) -> float | None:
        if self.seen_at is not None or self._asks >= MOST_ASKS:
            return None
        self._feed.sent[track].await_keyframe(self, self._picture)
        self._asks += 1
        self._want_keyframes(now)
        return ASK_AGAIN_SECONDS

    def gone_on(self, now: float) -> None:
        """Take that the viewer's picture begins now, with another rendition."""
        if self.seen_at is None:
            self._seen_picture(now)

    def _picture(self, _packet: Run, now: float) -> None:
        self._seen_picture(now)

    def _seen_picture(self, now: float) -> None:
        self.seen_at = now
        self._stats.first_picture(now - self._since)

    def end(self) -> None:
        """The viewer has left: stop waiting for a keyframe."""
        if self._track is not None:
            self._feed.sent[self._track].forget(self)
