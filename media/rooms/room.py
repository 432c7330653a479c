"""One room: where its media comes from, its tracks as viewers get them, and the viewers."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media.feedback.publisher_feedback import Feedback
from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack, RoomTrack
from media.recording.recording import Recording
from media.rooms.source import Source
from media.rooms.warnings import B_FRAMES, NO_KEYFRAME, RoomWarnings
from media.rtp.extensions import PLAYOUT_DELAY_EXTENSION
from media.sessions.viewer_session import ViewerSession
from media.switch.feed import Feed
from media.switch.wire import Wire
from shared.messages.status import RoomStatus
from shared.names import RoomName, SessionId, WorkerId

MEASURE_SECONDS = 1.0  # between two looks at the stream
SILENT_SECONDS = 2.0  # without media: then what is wrong with it does not matter


@dataclass(slots=True, eq=False)
class Room:
    """`started_at` is Unix time; `heard_at` is of the steady clock, when there was a publisher last.

    Header extensions have ids of the room's own, by track: those of its first source.
    """

    name: RoomName
    started_at: float
    source: Source | None  # None: it has ended
    published: Sequence[PublishedTrack]  # the tracks as the source sends them
    tracks: Sequence[RoomTrack]  # and as viewers may get them
    feed: Feed
    feedback: Feedback
    identity: str = ""  # of the publisher's credentials
    live: bool = True  # whether its source shows media, or is on its way
    heard_at: float = -math.inf
    left_by: SessionId | None = None  # the publisher's session that ended last
    viewers: dict[SessionId, ViewerSession] = field(default_factory=dict)
    recording: Recording | None = None
    warnings: RoomWarnings = field(init=False)
    bitrate: int = 0
    extension_ids: Sequence[dict[str, int]] = field(init=False)
    _measured_at: float = 0.0
    _measured_bytes: int = 0

    def __post_init__(self) -> None:
        self.warnings = RoomWarnings(self.name)
        self.extension_ids = [dict(track.extensions) for track in self.published]

    @property
    def origin(self) -> WorkerId | None:
        """The worker that this copy of the room comes from; None when the publisher is, or was, here."""
        return None if self.source is None else self.source.origin

    def wires(self, played: Iterable[PlayedTrack]) -> list[Wire | None]:
        """The form of each track towards one viewer; None where it does not take the track."""
        wires: list[Wire | None] = [None] * len(self.tracks)
        for track in played:
            own = self.extension_ids[track.track_index]
            wires[track.track_index] = Wire(
                track.payload_type,
                {own[uri]: to for uri, to in track.extensions.items() if uri in own},
                nack="nack" in track.feedback,
                rtx=track.rtx,
                playout_delay=track.extensions.get(PLAYOUT_DELAY_EXTENSION),
            )
        return wires

    def tick(self, now: float) -> None:
        """Send due RTCP and see what comes in. Called some times a second. Raises what broke the feed."""
        if self.feed.fault is not None:
            raise self.feed.fault
        self.live = self.source is not None and self.source.is_alive(now)
        self.feedback.tick(now)
        if self.recording is not None:
            self.recording.tick(now)
        if now - self._measured_at >= MEASURE_SECONDS:
            self._measure(now)
            self._watch_stream(now)

    def _measure(self, now: float) -> None:
        received = self.feed.rx_bytes - self._measured_bytes
        if self._measured_at:
            self.bitrate = round(received * 8 / (now - self._measured_at))
        self._measured_at, self._measured_bytes = now, self.feed.rx_bytes

    def _watch_stream(self, now: float) -> None:
        b_frames = no_keyframe = False
        for track, sent in zip(self.feed.tracks, self.feed.sent, strict=True):
            if track.watch is None or now - track.heard_at >= SILENT_SECONDS:
                continue
            b_frames |= track.watch.b_frames
            # browsers make none for minutes, unless they are asked
            asked_in_vain = sent.requests is not None and sent.requests.in_vain(now)
            no_keyframe |= asked_in_vain and track.watch.lacks_keyframe(sent.keyframe_at, now)
        self.warnings.set(B_FRAMES, holds=b_frames)
        self.warnings.set(NO_KEYFRAME, holds=no_keyframe)

    def status(self) -> RoomStatus:
        return RoomStatus(
            name=self.name,
            has_publisher=self.live and self.origin is None,
            tracks=len(self.tracks),
            subscribers=len(self.viewers),
            codecs=tuple(track.codec.name for track in self.tracks),
            bitrate=self.bitrate,
            started_at=self.started_at,
            # a relay brings what its origin has counted
            rx_bytes=self.feed.rx_bytes if self.origin is None else 0,
            rx_packets=self.feed.rx_packets if self.origin is None else 0,
            warnings=tuple(self.warnings),
            origin=self.origin or "",
        )
