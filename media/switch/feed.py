"""One room inside the switch: where its tracks come from, and who gets them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from media.rtp.run import Run
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.redundant_sound import RedundantSound
from media.switch.rendition import Ladder
from media.switch.thinning import Thinning
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.tracks.layer_streams import LayerStreams
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import NO_PAYLOAD, SourceTrack
from media.tracks.thinned import Thinned


class Tap(Protocol):
    """Sees all of one room, in the order of arrival, before it is forwarded."""

    def take(self, run: Run) -> None:
        """Take a run. Called in the event loop: it must not block, and must not change the run."""


class PublisherRtcp(Protocol):
    """Exchanges RTCP with a feed's publisher. The owner of the feed provides it; the pump calls it."""

    def receive(self, compound: bytes, now: float) -> None:
        """Take the publisher's decrypted RTCP."""

    def measured(self, round_trip: float) -> None:
        """Take a round trip to the publisher, or to where a copy comes from, in seconds."""

    def send_due_rtcp(self, now: float) -> float | None:
        """Send RTCP that cannot wait for a tick. Returns when more is due even without media; None: never."""


class Standby(Protocol):
    """A publisher whose media viewers do not get yet."""

    def take(self, runs: Sequence[Run], now: float) -> "Feed | None":
        """Take a burst. Returns the feed that gets it, and all later ones; None: it is dropped."""


@dataclass(slots=True, eq=False)
class Feed:
    """One room inside the switch. It keeps flat lists by track, since every packet looks into them."""

    sent: Sequence[SentTrack]  # the room's tracks as viewers get them; and ...
    sources: Sequence[SourceTrack]  # ... as the present publisher sends them
    srtp: SrtpReceiver | None = None
    viewers: set[Viewer] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)  # of the present batch
    # by owner, called once, with the time
    after_burst: dict[object, Callable[[float], None]] = field(default_factory=dict)
    thinning: Thinning | None = None  # of its picture
    redundant: RedundantSound | None = None  # of its sound
    ladder: Ladder | None = None  # the renditions of its picture, as last measured
    limited: int = 0  # viewers whose line does not carry the best that they want
    losing_sound: int = 0  # viewers that lose sound lately, in spite of what mends it
    tap: Tap | None = None  # sees what is forwarded
    publisher: PublisherRtcp | None = None
    standby: Standby | None = None  # takes all that comes, instead of viewers
    rx_packets: int = 0
    rx_bytes: int = 0
    rx_dropped: int = 0  # forged, replayed, broken, of no negotiated track, or before a keyframe
    rx_recovered: int = 0  # lost, and relayed after all: retransmitted, or restored from redundant sound
    rx_late: int = 0  # came twice, or too late to be relayed
    sound_lost: int = 0  # packets of sound that viewers report as lost, without those sent again
    sound_resent: int = 0  # retransmissions of sound to them
    sound_redundant: int = 0  # packets of sound that were sent with earlier ones in them
    rtcp_due_at: float = math.inf  # when RTCP to the publisher is due; -inf: with the present batch
    fault: Exception | None = None  # a bug of ours; then nothing is forwarded any more
    profiles: list[dict[object, WireProfile]] = field(init=False)  # by track and key of its wire
    ssrcs: Sequence[int] = field(init=False)
    by_payload_type: dict[int, int] = field(init=False)  # of tracks that share theirs with no other
    layers: LayerStreams | None = field(init=False)  # finds those that share theirs: layers of one picture
    # the second bytes of their packets, with the marker and without; no `Codec` has those of RTCP
    media_types: frozenset[bytes] = field(init=False)
    _keys: SrtpKeys | None = None
    _sent_to_gone: int = 0  # payload octets

    def __post_init__(self) -> None:
        if self.thinning is not None:
            self.sent = [*self.sent, *self.thinning.sent]
        if self.redundant is not None:
            self.sent = [*self.sent, *(form.sent for form in self.redundant.forms)]
        self.profiles = [{} for _ in self.sent]
        self.ssrcs = [track.ssrc for track in self.sent]
        self.take(self.sources)

    def take(self, sources: Sequence[SourceTrack]) -> None:
        """Take the media of another publisher: as many tracks, in the room's order, with their translators.

        A track that the publisher lacks has the payload type `NO_PAYLOAD`.
        """
        self.sources = sources
        numbers: dict[int, list[int]] = {}
        for number, track in enumerate(sources):
            for payload_type in (track.payload_type, track.rtx_payload_type, track.red_payload_type):
                if payload_type is not None and payload_type != NO_PAYLOAD:
                    numbers.setdefault(payload_type, []).append(number)
        self.by_payload_type = {kind: number for kind, (number, *others) in numbers.items() if not others}
        self.media_types = frozenset(bytes((kind | marker,)) for kind in numbers for marker in (0, 0x80))
        layered = sorted({number for found in numbers.values() if len(found) > 1 for number in found})
        self.layers = LayerStreams({number: sources[number] for number in layered}) if layered else None
        if self.thinning is not None:
            self.thinning.publish(self.sent)
        self.srtp = self._keys = None

    def open(self, srtp: SrtpReceiver, keys: SrtpKeys) -> None:
        """Forward what `srtp` unprotects. RTCP to the publisher is due with its first packet."""
        self.srtp, self._keys = srtp, keys
        self.rtcp_due_at = -math.inf

    def close(self, keys: SrtpKeys) -> None:
        """Forward nothing more under these keys. Does nothing if others are in use."""
        if self._keys is keys:
            self.srtp = self._keys = None

    def breaks(self, fault: Exception) -> None:
        """Note a bug of ours that its packets triggered, and forward nothing more.

        The feed's owner ends it. Other rooms are not affected.
        """
        self.fault = self.fault or fault
        self.srtp = self._keys = None

    def profile(self, number: int, wire: Wire) -> WireProfile:
        """Who gets that rendition in that form; a new profile, if nobody does."""
        key = wire.key()
        profile = self.profiles[number].get(key)
        if profile is None:
            profile = self.profiles[number][key] = WireProfile(number, wire)
        return profile

    def retire(self, viewer: Viewer) -> None:
        """A viewer leaves. What was sent to it stays counted."""
        self.viewers.remove(viewer)
        self._sent_to_gone += viewer.octets + viewer.resent_octets

    @property
    def tx_payload(self) -> int:
        """Payload octets sent to all receivers so far. It asks each receiver: for the metrics only."""
        return self._sent_to_gone + sum(viewer.octets + viewer.resent_octets for viewer in self.viewers)

    def base_of(self, number: int) -> int:
        """The track of the publisher that a rendition, or a form of the sound, is made of."""
        if number < len(self.sources):
            return number
        if self.redundant is not None and self.redundant.has(number):
            return self.redundant.base
        assert self.thinning is not None
        return self.thinning.base

    def use(self, number: int) -> None:
        """One viewer more gets, or waits for, that rendition."""
        if self.thinning is not None and number >= len(self.sources):
            self.thinning.use(number)

    def release(self, number: int) -> None:
        """One viewer less gets, or waits for, that rendition."""
        if self.thinning is not None and number >= len(self.sources):
            self.thinning.release(number)

    def form(self, number: int) -> Thinned | None:
        """The thinned form of a track that a rendition is; None: it is a track."""
        if self.thinning is None or number < len(self.sources):
            return None
        return self.thinning.form(number)

    def latest_timestamp(self, number: int) -> int:
        """The latest timestamp of a rendition, or of the track that it is made of."""
        return self.sources[self.base_of(number)].translator.latest_timestamp

    @property
    def next_indexes(self) -> Sequence[int]:
        """By number, the index that its next packet gets."""
        indexes = [track.translator.next_index for track in self.sources]
        if self.thinning is not None:
            indexes += [form.next_index for form in self.thinning.forms]
        if self.redundant is not None:
            indexes += [indexes[self.redundant.base]] * len(self.redundant.forms)
        return indexes

    def ssrc_of(self, number: int, wire: Wire | None) -> int:
        """The SSRC under which the track goes out on that wire."""
        return self.ssrcs[number] if wire is None or wire.ssrc is None else wire.ssrc

    def rtx_ssrc_of(self, number: int, wire: Wire | None) -> int | None:
        """The SSRC of retransmissions on that wire; None if the track has none."""
        if wire is None or wire.ssrc is None:
            return self.sent[number].rtx_ssrc
        return next((track.rtx_ssrc for track in self.sent if track.ssrc == wire.ssrc), None)

    @property
    def heard_at(self) -> float:
        """When media of the present publisher last arrived; 0 before any did."""
        return max(track.heard_at for track in self.sources)
