"""One room inside the switch: where its tracks come from, and who gets them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from media.rtp.srtp import InboundSession
from media.switch.wire_profile import WireProfile
from media.tracks.outgoing import Outgoing
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import NO_PAYLOAD, SourceTrack


class Tap(Protocol):
    """Sees each burst of one room, in the order of arrival, before or after it is forwarded."""

    def packets(self, burst: Sequence[Outgoing]) -> None:
        """Take a burst. Called in the event loop: must never block, nor change the burst."""


@dataclass(slots=True, eq=False)
class Feed:
    """One room inside the switch."""

    sent: Sequence[SentTrack]  # the room's own; and ...
    tracks: Sequence[SourceTrack]  # ... where each of them comes from
    srtp: InboundSession | None = None
    profiles: dict[tuple[object, ...], WireProfile] = field(default_factory=dict)
    burst: list[Outgoing] = field(default_factory=list)
    tap: Tap | None = None  # sees what is forwarded
    rx_packets: int = 0
    rx_bytes: int = 0
    rx_dropped: int = 0  # forged, replayed, broken, of no negotiated track, or before a keyframe
    rx_recovered: int = 0  # lost, asked for and relayed after all
    rx_late: int = 0  # twice, or too late to be relayed
    speak_at: float = math.inf  # when the publisher is to be told something; 0: with the present batch
    fault: Exception | None = None  # a bug of ours that broke its path: nothing is forwarded any more
    ssrcs: Sequence[int] = field(init=False)  # by track
    by_payload_type: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.ssrcs = [track.ssrc for track in self.sent]
        self.follow(self.tracks)

    def follow(self, tracks: Sequence[SourceTrack]) -> None:
        """Take another source's tracks for the room's: in their order, as many, and with their translators.

        A track that the source does not have has the payload type `NO_PAYLOAD`.
        """
        self.tracks = tracks
        self.by_payload_type = {
            payload_type: number
            for number, track in enumerate(tracks)
            for payload_type in (track.payload_type, track.rtx_payload_type)
            if payload_type not in (None, NO_PAYLOAD)
        }
        self.srtp = None

    def breaks(self, fault: Exception) -> None:
        """Stop here, and cost the other rooms nothing: who owns the feed looks at `fault`, and ends it."""
        self.fault = self.fault or fault
        self.srtp = None

    @property
    def heard_at(self) -> float:
        """When media of the present source last came; 0 before any did."""
        return max(track.heard_at for track in self.tracks)
