"""One room: a publisher, its tracks as viewers get them, and the viewers."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.feedback import Feedback
from media.negotiate import PublishedTrack, RoomTrack
from media.recording.recording import Recording
from media.sequence import SequenceTranslator
from media.session import PublisherSession, ViewerSession
from media.switch import Feed, SourceTrack
from shared.messages import RoomStatus
from shared.names import RoomName, SessionId


@dataclass(slots=True, eq=False)
class Room:
    """Lives as long as its publisher. `started_at` is Unix time."""

    name: RoomName
    started_at: float
    publisher: PublisherSession
    published: Sequence[PublishedTrack]  # the tracks as the publisher sends them
    tracks: Sequence[RoomTrack]  # and as viewers may get them
    feed: Feed
    feedback: Feedback
    viewers: dict[SessionId, ViewerSession] = field(default_factory=dict)
    recording: Recording | None = None
    warnings: list[str] = field(default_factory=list)
    bitrate: int = 0
    _measured_at: float = 0.0
    _measured_bytes: int = 0

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
            has_publisher=True,
            tracks=len(self.tracks),
            subscribers=len(self.viewers),
            codecs=tuple(track.codec.name for track in self.tracks),
            bitrate=self.bitrate,
            started_at=self.started_at,
            rx_bytes=self.feed.rx_bytes,
            rx_packets=self.feed.rx_packets,
            warnings=tuple(self.warnings),
        )


def new_feed(tracks: Sequence[PublishedTrack]) -> Feed:
    """A feed with SSRCs, sequence numbers and timestamps of the room's own."""
    ssrcs: set[int] = set()
    while len(ssrcs) < len(tracks):
        ssrcs.add(secrets.randbelow(0xFFFFFFFE) + 1)
    return Feed(
        ssrcs=list(ssrcs),
        tracks=[
            SourceTrack(
                payload_type=track.codec.payload_type,
                clock_rate=track.codec.clock_rate,
                # below half the range, so that the first packets cannot wrap (RFC 3711 3.3.1)
                translator=SequenceTranslator(secrets.randbelow(0x8000), secrets.randbits(32)),
            )
            for track in tracks
        ],
    )
