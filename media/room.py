"""One room: where its media comes from, its tracks as viewers get them, and the viewers."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media.fanout import Wire
from media.feedback import Feedback
from media.history import MAX_PACKETS, PacketHistory
from media.nack_generator import NackGenerator
from media.negotiate import PlayedTrack, PublishedTrack, RoomTrack
from media.recording.recording import Recording
from media.sent_track import AUDIO_PACKETS, JoinBurstMode, SentTrack
from media.sequence import SequenceTranslator
from media.source import Source
from media.source_track import SourceTrack
from media.switch import Feed
from media.viewer_session import ViewerSession
from shared.messages import RoomStatus
from shared.names import RoomName, SessionId, WorkerId


@dataclass(slots=True, eq=False)
class Room:
    """`started_at` is Unix time."""

    name: RoomName
    started_at: float
    source: Source | None  # None: it has ended
    published: Sequence[PublishedTrack]  # the tracks as the source sends them
    tracks: Sequence[RoomTrack]  # and as viewers may get them
    feed: Feed
    feedback: Feedback
    viewers: dict[SessionId, ViewerSession] = field(default_factory=dict)
    recording: Recording | None = None
    warnings: list[str] = field(default_factory=list)
    bitrate: int = 0
    _measured_at: float = 0.0
    _measured_bytes: int = 0

    @property
    def origin(self) -> WorkerId | None:
        """The worker that this copy of the room comes from; None when the publisher is, or was, here."""
        return None if self.source is None else self.source.origin

    def wires(self, played: Iterable[PlayedTrack]) -> list[Wire | None]:
        """The form of each track towards one viewer; None where it does not take the track."""
        wires: list[Wire | None] = [None] * len(self.tracks)
        for track in played:
            published = self.published[track.track_index].extensions
            ids = {published[uri]: to for uri, to in track.extensions.items() if uri in published}
            wires[track.track_index] = Wire(track.payload_type, ids, "nack" in track.feedback, track.rtx)
        return wires

    def tick(self, now: float) -> None:
        """Send due RTCP and measure the bitrate. Called some times a second."""
        self.feedback.tick(now)
        if self.recording is not None:
            self.recording.tick(now)
        if now - self._measured_at >= 1.0:
            received = self.feed.rx_bytes - self._measured_bytes
            if self._measured_at:
                self.bitrate = round(received * 8 / (now - self._measured_at))
            self._measured_at, self._measured_bytes = now, self.feed.rx_bytes

    def status(self) -> RoomStatus:
        return RoomStatus(
            name=self.name,
            has_publisher=self.source is not None and self.origin is None,
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


def new_feed(tracks: Sequence[PublishedTrack], join_burst: JoinBurstMode = "auto") -> Feed:
    """A feed with SSRCs, sequence numbers and timestamps of the room's own."""
    ssrcs: set[int] = set()
    while len(ssrcs) < 2 * len(tracks):
        ssrcs.add(secrets.randbelow(0xFFFFFFFE) + 1)
    return Feed(
        sent=[
            SentTrack(
                ssrcs.pop(),
                ssrcs.pop(),
                join_burst=join_burst,
                history=PacketHistory(AUDIO_PACKETS if track.kind == "audio" else MAX_PACKETS),
            )
            for track in tracks
        ],
        tracks=[
            # below half the range, so that the first packets cannot wrap (RFC 3711 3.3.1)
            source_track(track, SequenceTranslator(secrets.randbelow(0x8000), secrets.randbits(32)))
            for track in tracks
        ],
    )


def source_track(track: PublishedTrack, translator: SequenceTranslator) -> SourceTrack:
    """What a feed needs to know of a track as it is published."""
    return SourceTrack(
        payload_type=track.codec.payload_type,
        clock_rate=track.codec.clock_rate,
        translator=translator,
        nack=NackGenerator() if "nack" in track.codec.feedback else None,
        rtx_payload_type=track.codec.rtx,
        repairs=track.sources.repairs,
    )
