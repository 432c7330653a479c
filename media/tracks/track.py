"""One track of a room: as its present publisher sends it, and as viewers get it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack, RoomTrack
from media.negotiation.codecs import describe, match
from media.rtp.extensions import (
    ABS_CAPTURE_TIME_EXTENSION,
    DEPENDENCY_DESCRIPTOR_EXTENSION,
    REPAIRED_RID_EXTENSION,
    RID_EXTENSION,
    TRANSPORT_CC_EXTENSION,
)
from media.rtp.sequence import SequenceTranslator
from media.tracks.clocks import CaptureStamps, PublisherClock, SenderClock
from media.tracks.frame_watch import FrameWatch
from media.tracks.history import MAX_PACKETS, PacketHistory
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.layer_ids import LayerIds, PictureIds
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import OUR_SSRC
from media.tracks.sent_track import AUDIO_PACKETS, JoinBurstMode, SentTrack
from media.tracks.source_track import NO_PAYLOAD, SourceTrack
from media.tracks.transport_feedback import TransportFeedback

MAX_EXTENSION_ID = 255  # RFC 8285 4.3
LIVE_SECONDS = 2.0  # a pause of this length means that a track has stopped


@dataclass(slots=True, eq=False)
class Track:
    """It outlives its publishers: `succeed` gives it to the next one.

    A simulcast layer is a track of its own. `ids` are those of its picture, None if that has no other layer.
    `extension_ids` are the room's own, by URI: those of its first publisher, and what later ones add.
    """

    published: PublishedTrack  # by the present publisher; at rest if it has no such track
    source: SourceTrack
    sent: SentTrack
    clock: SenderClock
    ids: PictureIds | None = None
    extension_ids: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        own = self.extension_ids = dict(self.published.extensions)
        own[ABS_CAPTURE_TIME_EXTENSION] = max({*range(MAX_EXTENSION_ID + 1)} - {*own.values()})
        self._tell_sent()
        self._stamp()

    @property
    def kind(self) -> str:
        return self.published.kind

    @property
    def place(self) -> tuple[str, int]:
        """Kind and rank of its layer: a newcomer's track of the same place continues this one."""
        return self.published.kind, self.published.layer

    @property
    def bitrate(self) -> int:
        """Bits a second of RTP payload that were forwarded lately; 0: nothing comes."""
        return self.sent.bitrate

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the latest keyframe, in pixels; None: not known."""
        return self.sent.size

    def live(self, now: float) -> bool:
        """Whether packets for viewers came lately, or would come to this copy if they were watched.

        `now` is in seconds of a steady clock.
        """
        last = self.source.last_received
        comes = self.source.payload_type != NO_PAYLOAD and last > 0 and now - last < LIVE_SECONDS
        return comes or self.sent.announced > 0

    @property
    def offered(self) -> RoomTrack:
        """The track as it is offered to viewers and recordings."""
        return RoomTrack(
            kind=self.published.kind,
            codec=self.published.codec,
            extensions=self.published.extensions,
            ssrc=self.sent.ssrc,
            rtx_ssrc=self.sent.rtx_ssrc,
            layer=self.published.layer,
        )

    def succeed(
        self, coming: PublishedTrack | None, publisher: PublisherClock, transport: TransportFeedback | None
    ) -> bool:
        """Continue with another publisher's track; None: it has no such track, so this one rests.

        Numbers, timestamps and sender reports continue. Returns whether the codec changed.
        """
        before, former = self.published, self.source
        self.published = coming or before.at_rest()
        if coming is None:
            self.source = SourceTrack(NO_PAYLOAD, before.codec.clock_rate, former.translator)
        else:
            ids = self._translated_ids(coming.extensions)
            self.source = _source_track(coming, former.translator, transport, self.ids, ids)
        self.source.succeed(former)
        clock = SenderClock(publisher, self.published.codec.clock_rate)
        clock.succeed(self.clock)
        self.clock = clock
        self._stamp()
        self._tell_sent()
        changed = describe(before.codec) != describe(self.published.codec)
        if coming is None or changed:
            self.sent.pictures.clear()  # new viewers would see what is over, or cannot read it
            self.sent.size = None
        return changed

    def _tell_sent(self) -> None:
        codec = self.published.codec
        if self.kind == "video":
            self.sent.publish(
                codec.name,
                deaf=codec.feedback.isdisjoint({"nack pli", "ccm fir"}),
                descriptor=self.extension_ids.get(DEPENDENCY_DESCRIPTOR_EXTENSION, 0),
            )

    def _stamp(self) -> None:
        self.source.stamps = CaptureStamps(self.clock, self.extension_ids[ABS_CAPTURE_TIME_EXTENSION])

    def _translated_ids(self, coming: Mapping[str, int]) -> Mapping[int, int] | None:
        """The successor's ids -> the room's, which get those of new extensions; None: they are the same."""
        own = self.extension_ids
        for uri in coming:
            if uri not in own:
                free = (n for n in chain([coming[uri]], count(1)) if n not in own.values())
                own[uri] = next(free)
        if all(own[uri] == number for uri, number in coming.items()):
            return None
        return {number: own[uri] for uri, number in coming.items()}


def new_tracks(
    published: Sequence[PublishedTrack], unix_offset: float, join_burst: JoinBurstMode = "auto"
) -> list[Track]:
    """Tracks with SSRCs, sequence numbers and timestamps of the room's own.

    `unix_offset` is what to add to the steady clock for Unix time.
    """
    ssrcs: set[int] = set()
    while len(ssrcs) < 2 * len(published):
        ssrcs.add(secrets.randbelow(0xFFFFFFFE) + 1)
    publisher, transport = PublisherClock(unix_offset), _transport_feedback(published)
    ids = PictureIds() if any(track.layer for track in published) else None
    return [
        Track(
            track,
            # below half the range, so that the first packets cannot wrap (RFC 3711 3.3.1)
            _source_track(
                track,
                SequenceTranslator(secrets.randbelow(0x8000), secrets.randbits(32)),
                transport,
                ids if track.kind == "video" else None,
            ),
            SentTrack(
                ssrcs.pop(),
                ssrcs.pop(),
                join_burst=join_burst,
                history=PacketHistory(AUDIO_PACKETS if track.kind == "audio" else MAX_PACKETS),
            ),
            SenderClock(publisher, track.codec.clock_rate),
            ids if track.kind == "video" else None,
        )
        for track in published
    ]


def succeed(tracks: Sequence[Track], published: Sequence[PublishedTrack]) -> bool:
    """Continue a room's tracks with another publisher's, layer by layer. Returns whether any codec changed.

    The best layer continues the best one; those that the newcomer lacks rest.
    """
    coming = {(track.kind, track.layer): track for track in published}
    publisher = PublisherClock(tracks[0].clock.publisher.unix_offset)
    transport = _transport_feedback(published)
    changed = [track.succeed(coming.get(track.place), publisher, transport) for track in tracks]
    return any(changed)


def fits(tracks: Sequence[Track], published: Iterable[PublishedTrack]) -> bool:
    """Whether a room has a track for each that a newcomer publishes. If not, viewers must join again."""
    return {(track.kind, track.layer) for track in published} <= {track.place for track in tracks}


def continues(tracks: Iterable[Track], published: Iterable[PublishedTrack]) -> bool:
    """Whether a newcomer's media fits, and is in the codecs of the room: viewers can read it, too."""
    forms = {track.place: describe(track.published.codec) for track in tracks}
    return all(forms.get((track.kind, track.layer)) == describe(track.codec) for track in published)


def has_stopped(track: Track, tracks: Iterable[Track], now: float) -> bool:
    """Whether the publisher of `tracks` has stopped this layer, and not the whole picture.

    A picture that comes in no layer may stand still. `now` is in seconds of a steady clock.
    """
    return (
        track.ids is not None
        and now - track.source.heard_at >= LIVE_SECONDS
        and any(other.ids is track.ids and other.live(now) for other in tracks)
    )


def can_read(played: Iterable[PlayedTrack], tracks: Sequence[Track]) -> bool:
    """Whether a viewer that gets `played` can decode the present codecs of the room's tracks."""
    return all(match(tracks[own.track_index].published.codec, [own.codec]) for own in played)


def _transport_feedback(published: Sequence[PublishedTrack]) -> TransportFeedback | None:
    """One for all tracks: they share one sequence of numbers, and one extension id (RFC 9143 9.2)."""
    for track in published:
        if "transport-cc" in track.codec.feedback:
            return TransportFeedback(OUR_SSRC, track.extensions[TRANSPORT_CC_EXTENSION])
    return None


def _source_track(
    track: PublishedTrack,
    translator: SequenceTranslator,
    transport: TransportFeedback | None,
    ids: PictureIds | None,
    extension_ids: Mapping[int, int] | None = None,
) -> SourceTrack:
    descriptor = track.extensions.get(DEPENDENCY_DESCRIPTOR_EXTENSION, 0)
    return SourceTrack(
        payload_type=track.codec.payload_type,
        clock_rate=track.codec.clock_rate,
        translator=translator,
        gate=KeyframeGate(track.codec.name),
        extension_ids=extension_ids,
        nack=NackGenerator() if "nack" in track.codec.feedback else None,
        rtx_payload_type=track.codec.rtx,
        red_payload_type=track.codec.red,
        repairs=track.sources.repairs,
        transport=transport if "transport-cc" in track.codec.feedback else None,
        rid=track.rid.encode(),
        watch=FrameWatch(track.codec.name) if track.kind == "video" else None,
        rid_extension=track.extensions.get(RID_EXTENSION, 0),
        repaired_rid_extension=track.extensions.get(REPAIRED_RID_EXTENSION, 0),
        declared=None if track.rid else next(iter(track.sources.ssrcs), None),
        left_out=track.left_out,
        ids=None if ids is None else LayerIds(ids, track.codec.name, descriptor),
    )
