"""A publisher of a room that is not on. Its packets are opened, counted and dropped."""

import math
from collections.abc import Callable, Sequence

from media.counts import PublisherStats
from media.feedback.publisher_feedback import PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.payload.keyframes import starts_keyframe
from media.rooms.resumption import Resumption
from media.rtp.run import Run
from media.sessions.publisher_session import PublisherSession
from media.switch.feed import Feed
from media.tracks.track import LIVE_SECONDS, Track, new_tracks

# Silence after which another one is asked for a keyframe: viewers see that 2 s after the last picture.
CALL_SECONDS = 1.8
ASK_SECONDS = 0.5  # from one keyframe request to the next, while viewers are to get it


class Standby:
    """A publisher beside the one that is on: with a feed that nobody watches, and RTCP of its own.

    It is opened all the same: only so its SRTP indexes are known when it is switched on. `rank`: a lower one
    comes first; the room's own publisher has 0. `come_on` is called with the burst that viewers are to get,
    and returns the feed which that goes into. It was last heard at `heard_at`, 0: never; `was` are the room's
    tracks if it was on. `now` is in seconds of a steady clock.
    """

    def __init__(
        self,
        published: Sequence[PublishedTrack],
        session: Callable[[Feed], PublisherSession],
        rank: int,
        *,
        cname: str,
        stats: PublisherStats,
        unix_offset: float,
        come_on: Callable[["Standby"], Feed],
        heard_at: float,
        was: Sequence[Track] = (),
    ) -> None:
        self.published = published
        self.rank = rank
        self.tracks = new_tracks(published, unix_offset)
        self.feed = Feed(
            [track.sent for track in self.tracks],
            [track.source for track in self.tracks],
            publisher=self,
            standby=self,
        )
        for track in self.tracks:
            track.source.heard_at = heard_at
            track.source.ids = None  # the room's number its pictures, from the burst that brings it on
        self.session = session(self.feed)
        self._feedback = PublisherFeedback(self.feed, self.tracks, cname, self.session.send_rtcp, stats)
        self.resumption = Resumption(heard_at, was)
        self._come_on = come_on
        self._is_wanted = False
        self._came_at = self._comes_since = -math.inf  # its latest media, and the first after a pause
        self._asks_at = -math.inf
        self._round_trip = was[0].clock.publisher.round_trip if was else None
        self._reports: dict[int, tuple[bytes, float]] = {}  # the latest RTCP by SSRC, and when it came

    def sends(self, now: float) -> bool:
        """Whether its media arrives."""
        return now - self.feed.heard_at < CALL_SECONDS

    def is_alive(self, now: float) -> bool:
        """The same, or it is still connecting."""
        return self.sends(now) if self.feed.heard_at else self.session.is_alive(now)

    def want(self, now: float, *, wanted: bool) -> None:
        """Whether viewers are to get it, from its next keyframe on. Called several times a second."""
        self._is_wanted = wanted
        if wanted and now >= self._asks_at:
            self._asks_at = now + ASK_SECONDS
            for track in self.tracks:
                if track.kind == "video":
                    self._feedback.request_keyframe(track)

    def take(self, runs: Sequence[Run], now: float) -> Feed | None:
        """Take a burst. Returns the feed that is to get it, from which viewers do; None: it is dropped."""
        if now - self._came_at >= CALL_SECONDS:
            self._comes_since = now
        self._came_at = now
        is_late = self.resumption.note_media(self.tracks, now)
        if self._is_wanted and not is_late and self._may_begin(runs, now):
            return self._come_on(self)
        return None

    def _may_begin(self, runs: Sequence[Run], now: float) -> bool:
        """Whether a picture begins, with which the sound begins, too; or no picture comes.

        A camera may begin after the microphone: its picture is waited for.
        """
        pictures = [track for track in self.tracks if track.kind == "video"]
        if not any(track.live(now) for track in pictures):
            return not pictures or now - self._comes_since >= LIVE_SECONDS
        for run in runs:
            track = self.tracks[run.track]
            codec = track.published.codec.name
            if track.kind == "video" and any(starts_keyframe(codec, each) for _, each in run.suspects(codec)):
                return True
        return False

    def tick(self, now: float) -> None:
        """Send RTCP that is due. A fault of ours ends this session only."""
        if self.feed.fault is not None:
            self.session.breaks(self.feed.fault)
        else:
            self._feedback.tick(now)

    def receive(self, compound: bytes, now: float) -> None:
        """Take its decrypted RTCP, and keep it: by it viewers play sound and picture in step at once."""
        ssrc = int.from_bytes(compound[4:8])
        streams = (track.source.stats for track in self.tracks)
        if self._feedback.believe(compound, now) and any(each and each.ssrc == ssrc for each in streams):
            self._reports[ssrc] = compound, now

    def measured(self, round_trip: float) -> None:
        """Take a round trip to it, in seconds: by it viewers are told when media was captured.

        The least counts: who hung for a while answers late.
        """
        self._round_trip = round_trip if self._round_trip is None else min(self._round_trip, round_trip)

    def send_due_rtcp(self, now: float) -> float | None:
        return self._feedback.send_due_rtcp(now)

    def tell_reports(self, publisher: PublisherFeedback) -> None:
        """Let the feedback of the room take what this publisher has reported so far."""
        if self._round_trip is not None:
            publisher.measured(self._round_trip)
        publisher.reported_earlier(self._reports)
