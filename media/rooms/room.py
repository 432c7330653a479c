"""One room: where its media comes from, its tracks, and its viewers."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from media.counts import PublisherStats
from media.feedback.publisher_feedback import PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.recording.recorder import Recorder
from media.recording.recording import Recording
from media.rooms import ladder
from media.rooms.publisher_life import PublisherState
from media.rooms.source import MakeSource, Source
from media.rooms.standby import Standby
from media.rooms.standbys import Standbys
from media.rooms.stream_watch import StreamWatch
from media.rooms.warnings import RoomWarnings
from media.sessions.end_reason import EndReason
from media.sessions.viewer_session import ViewerSession
from media.switch.feed import Feed
from media.switch.redundant_sound import RedundantSound
from media.switch.thinning import Thinning
from media.tracks.sent_track import JoinBurstMode
from media.tracks.source_track import NO_PAYLOAD
from media.tracks.thinned import Form
from media.tracks.track import Track, can_read, new_tracks, succeed
from shared.messages.room_settings import RecordingNote
from shared.messages.status import LayerStatus, RoomStatus
from shared.names import RoomName, SessionId, WorkerId

_FORMS = {Form.LOWEST_LAYER: "fewer pictures", Form.KEYFRAMES: "keyframes only"}


class Succession(NamedTuple):
    """`former` is the source that was replaced; the viewers `left_behind` cannot decode the new codecs."""

    former: Source | None
    left_behind: list[ViewerSession]
    codecs_changed: bool


class Room:
    """Owned by `Rooms`. `identity` stands for the publisher's credentials.

    `started_at` is told as Unix time; `began_at` is the same on the steady clock, which nobody sets.
    """

    def __init__(
        self,
        name: RoomName,
        tracks: Sequence[Track],
        feed: Feed,
        publisher: PublisherFeedback,
        source: Source,
        *,
        identity: str,
        started_at: float,
        began_at: float,
    ) -> None:
        self.name = name
        self.tracks = tracks
        self.feed = feed
        self.publisher = publisher
        self.source: Source | None = source  # what viewers get; None: it has ended
        self.standbys = Standbys()  # all others that publish here
        self.identity = identity
        self.started_at = started_at
        self.began_at = began_at
        self.viewers: dict[SessionId, ViewerSession] = {}
        self.warnings = RoomWarnings(name)
        self.recording: Recording | None = None
        self.left_by: SessionId | None = None  # the publisher's session that ended last
        self.offered_until = -math.inf  # until then a viewer may answer an offer of ours, on the steady clock
        self.still_taken_at = 0.0  # Unix time of its still picture; 0: it has none
        self._watch = StreamWatch(tracks, feed, publisher, self.warnings)
        self.has_publisher = True  # media arrives, or its source is still connecting
        self._heard_at = -math.inf  # when a publisher was last heard, on the steady clock
        self._over_relay = 0, 0  # packets and octets that came before a publisher took a copy over
        feed.publisher = publisher

    @property
    def origin(self) -> WorkerId | None:
        """The worker from which this copy comes; None if the publisher is, or was, on this worker."""
        return None if self.source is None else self.source.origin

    @property
    def tier(self) -> int:
        """How many relays are between the publisher and this worker."""
        return 0 if self.source is None else self.source.tier

    @property
    def may_feed(self) -> bool:
        """Whether other workers may get the room from here: also while it waits for its publisher."""
        return self.source is None or self.source.may_feed

    @property
    def session_count(self) -> int:
        """Sessions of clients: the viewers, and those who publish if they are on this worker."""
        on = self.source is not None and self.origin is None
        return len(self.viewers) + len(self.standbys) + on

    def describe(self, rendition: int | None) -> str:
        """A rendition of the picture in words; None: no picture."""
        if rendition is None:
            return "sound only"
        track = self.tracks[self.feed.base_of(rendition)]
        name = f"{min(track.size)}p" if track.size else track.published.rid  # of an upright picture, too
        form = self.feed.form(rendition)
        return " ".join(filter(None, (name, "" if form is None else _FORMS[form.form])))

    # --- its publisher

    def publisher_state(self, now: float) -> PublisherState:
        if self.source is not None and self.source.origin is not None:
            return PublisherState.ELSEWHERE
        if self.source is not None and not self.standbys.rank:
            return PublisherState.SENDING if self.source.is_alive(now) else PublisherState.SILENT
        if (publisher := self.standbys.covered) is not None:
            return PublisherState.SENDING if publisher.is_alive(now) else PublisherState.COVERED
        is_away = self.source is None and not self.standbys
        return PublisherState.AWAY if is_away else PublisherState.STOOD_IN

    def succeed(self, published: Sequence[PublishedTrack], source: MakeSource) -> Succession:
        """Let another source take the place of the former one, with tracks that fit the room.

        A track that the newcomer lacks has no media until a later publisher sends it. The caller ends the
        former source, and the viewers that are left behind.
        """
        if self.source is not None:  # the newcomer may fail, and then the room waits from here on
            self._heard_at = max(self._heard_at, self.source.heard_at)
        if self.origin is not None:
            self._over_relay = self.feed.rx_packets, self.feed.rx_bytes
        codecs_changed = succeed(self.tracks, published)
        self.feed.take([track.source for track in self.tracks])
        former, self.source = self.source, source(self.feed)
        self.publisher.succeed(self.source.send_rtcp)
        self.has_publisher = True
        self.warnings.clear()  # they were about the former publisher
        left_behind = [each for each in self.viewers.values() if not can_read(each.played, self.tracks)]
        return Succession(former, left_behind, codecs_changed)

    def is_copy_of(self, identity: str, started_at: float) -> None:
        """Take over what the room is at its origin, which may have opened it anew for the same publisher."""
        self.identity = identity
        self.began_at += started_at - self.started_at
        self.started_at = started_at

    def lose_source(self, heard_at: float, session: SessionId | None) -> None:
        """The source has ended: a publisher's `session`. It was last heard at `heard_at`."""
        self.source, self.has_publisher = None, bool(self.standbys)
        self.standbys.rank = 0
        self.left_by = session
        self._heard_at = max(self._heard_at, heard_at)

    def has_waited(self, grace: float, now: float) -> bool:
        """Whether the room has been without anybody who publishes for `grace` seconds."""
        return self.source is None and not self.standbys and now >= self._heard_at + grace

    @property
    def was_heard(self) -> bool:
        """Whether a publisher of the room was ever connected."""
        present = -math.inf if self.source is None else self.source.heard_at
        return max(self._heard_at, present) > -math.inf

    # --- its standbys

    @property
    def standby_is_on(self) -> bool:
        return self.source is not None and self.standbys.rank > 0

    def leave(self, source: Source) -> Standby | None:
        """A session that was not on has ended; returns its standby, if it was one."""
        left = self.standbys.take_out(source)
        if left is not None:
            self._heard_at = max(self._heard_at, source.heard_at)
        return left

    def switch_by_hand(self, now: float) -> Standby | None:
        """Have viewers get the next one that sends, as long as it does; None: nobody else sends."""
        chosen = self.standbys.choose(now)
        self.call_standby(now)
        return chosen

    def call_standby(self, now: float) -> None:
        """Have who is to be on come on with its next keyframe."""
        self.standbys.call(self.source, self.feed.heard_at, now)

    def has_switched(self, standby: Standby, now: float) -> None:
        """A standby's first burst has been forwarded: viewers of layers that it lacks move at once."""
        standby.tell_reports(self.publisher)
        self.feed.ladder = ladder.measure(self.feed, self.tracks, now)

    @property
    def published(self) -> list[PublishedTrack]:
        """What its present publisher sends."""
        return [track.published for track in self.tracks if track.source.payload_type != NO_PAYLOAD]

    def begin_recording(
        self, recorder: Recorder | None, formats: tuple[str, ...], note: RecordingNote | None
    ) -> None:
        """Record from now on. Copies are not recorded: their origin records the room."""
        if recorder is not None and self.origin is None:
            self.recording = self.feed.tap = recorder.open(
                self.name,
                [track.offered for track in self.tracks],
                formats,
                note,
                reported=self.publisher.reported,
                starves=lambda track: self.tracks[track].sent.starves,
                want_keyframe=lambda track: self.publisher.want_keyframe(track, time.monotonic()),
                # the recording has logged what it holds for good
                warn=lambda text, holds: (
                    self.warnings.append(text) if holds else self.warnings.set(text, holds=False)
                ),
            )
            for number, track in enumerate(self.tracks):
                if not track.published.layer:  # its file begins with a keyframe
                    self.publisher.want_keyframe(number, time.monotonic())

    def end_recording(self) -> None:
        if self.recording is not None:
            self.recording.close()
            self.recording = self.feed.tap = None

    def end(self, reason: EndReason) -> None:
        """End everything that the room holds."""
        self.feed.publisher = None
        self.end_recording()
        for viewer in list(self.viewers.values()):
            viewer.end(_for_viewers(reason))
        for standby in self.standbys.clear():
            standby.session.end(reason)
        if self.source is not None:
            source, self.source = self.source, None
            source.end(reason)

    # --- in time

    def tick(self, now: float) -> None:
        """Send RTCP that is due, and check the stream. Called several times a second. Raises `feed.fault`."""
        if self.feed.fault is not None:
            raise self.feed.fault
        self.has_publisher = self.source is not None and self.source.is_alive(now)
        self.publisher.tick(now)
        if self.standbys:
            self.has_publisher |= any(standby.sends(now) for standby in self.standbys)
            for standby in self.standbys:
                standby.tick(now)
            self.call_standby(now)
        if self.recording is not None:
            self.recording.tick(now)
        self._watch.tick(now, viewers=len(self.viewers), is_copy=self.origin is not None)

    def status(self) -> RoomStatus:
        tracks = [track for track in self.tracks if not track.published.layer]  # a picture counts once
        return RoomStatus(
            name=self.name,
            has_publisher=self.has_publisher and self.origin is None,
            tracks=len(tracks),
            subscribers=len(self.viewers),
            codecs=tuple(track.published.codec.name for track in tracks),
            bitrate=self._watch.bitrate,
            delay=self._watch.steady_delay(),
            loss=round(max((t.source.stats.loss for t in self.tracks if t.source.stats), default=0.0), 4),
            started_at=self.started_at,
            # media of a relay is counted at its origin
            rx_bytes=self.feed.rx_bytes - self._over_relay[1] if self.origin is None else 0,
            rx_packets=self.feed.rx_packets - self._over_relay[0] if self.origin is None else 0,
            warnings=self.warnings.texts if self.origin is None else self.warnings.of_viewers,
            layers=self._layers(),
            viewers_by_reason=dict(
                Counter(viewer.reason for viewer in self.viewers.values() if viewer.reason)
            ),
            origin=self.origin or "",
            tier=self.tier,
            still_at=self.still_taken_at,
            standbys=len(self.standbys),
            standby_on=self.standby_is_on,
            recording=self.recording is not None and self.recording.failure is None,
        )

    def _layers(self) -> tuple[LayerStatus, ...]:
        watched = Counter(
            self.feed.base_of(viewer.rendition)
            for viewer in self.viewers.values()
            if viewer.rendition is not None
        )
        return tuple(
            _layer_status(track, watched[number])
            for number, track in enumerate(self.tracks)
            if track.kind == "video"
        )


def _layer_status(track: Track, viewers: int) -> LayerStatus:
    width, height = track.size or (0, 0)
    return LayerStatus(
        rid=track.published.rid, bitrate=track.bitrate, width=width, height=height, viewers=viewers
    )


def _for_viewers(reason: EndReason) -> EndReason:
    of_room = (EndReason.ROOM_CLOSED, EndReason.ROOM_LOST, EndReason.WORKER_STOPS, EndReason.CUT_OFF)
    return reason if reason in of_room else EndReason.PUBLISHER_LEFT


def new_room(
    name: RoomName,
    published: Sequence[PublishedTrack],
    source: MakeSource,
    now: float,
    stats: PublisherStats,
    *,
    started_at: float = 0.0,
    age: float = 0.0,
    identity: str = "",
    join_burst: JoinBurstMode = "auto",
) -> Room:
    """A room for what `source` sends.

    `now` is of the steady clock, `started_at` Unix time; the room is `age` seconds old already.
    """
    tracks = new_tracks(published, time.time() - now, join_burst)
    sent = [track.sent for track in tracks]
    layers = [number for number, track in enumerate(tracks) if track.kind == "video"]
    thinning = Thinning(sent, layers[-1]) if layers else None
    sound = next((number for number, track in enumerate(tracks) if track.kind == "audio"), None)
    first = len(sent) + (0 if thinning is None else len(thinning.sent))
    redundant = None if sound is None else RedundantSound(sent, sound, first)
    feed = Feed(sent, [track.source for track in tracks], thinning=thinning, redundant=redundant)
    sender = source(feed)
    return Room(
        name,
        tracks,
        feed,
        PublisherFeedback(feed, tracks, name, sender.send_rtcp, stats),
        sender,
        identity=identity,
        started_at=started_at,
        began_at=now - age,
    )
