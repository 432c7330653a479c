"""A room's parts, made from the tracks that its publisher agreed on."""

import secrets
import time
from collections.abc import Mapping, Sequence

from media.counts import PublisherStats
from media.feedback.publisher_feedback import Feedback
from media.negotiation.agreed_tracks import PublishedTrack, RoomTrack
from media.rooms.room import Room
from media.rooms.source import Source
from media.rtp.extensions import RID_EXTENSION
from media.rtp.sequence import SequenceTranslator
from media.switch.feed import Feed
from media.tracks.history import MAX_PACKETS, PacketHistory
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.nack_generator import NackGenerator
from media.tracks.sent_track import AUDIO_PACKETS, JoinBurstMode, SentTrack
from media.tracks.source_track import SourceTrack
from media.tracks.stream_watch import StreamWatch
from shared.names import RoomName


def new_room(
    name: RoomName,
    source: Source,
    tracks: Sequence[PublishedTrack],
    now: float,
    join_burst: JoinBurstMode,
    stats: PublisherStats,
) -> Room:
    """A room that `source` will send `tracks` to; `now` is of the steady clock."""
    feed = new_feed(tracks, join_burst)
    return Room(
        name=name,
        started_at=time.time(),
        source=source,
        published=tracks,
        tracks=[
            RoomTrack(
                kind=track.kind,
                codec=track.codec,
                extensions=track.extensions,
                ssrc=sent.ssrc,
                rtx_ssrc=sent.rtx_ssrc,
            )
            for track, sent in zip(tracks, feed.sent, strict=True)
        ],
        feed=feed,
        feedback=Feedback(feed, tracks, name, time.time() - now, source.send_rtcp, stats),
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


def source_track(
    track: PublishedTrack,
    translator: SequenceTranslator,
    extension_ids: Mapping[int, int] | None = None,
) -> SourceTrack:
    """What a feed needs to know of a track as it is published; `extension_ids` as `SourceTrack` has it."""
    return SourceTrack(
        payload_type=track.codec.payload_type,
        clock_rate=track.codec.clock_rate,
        translator=translator,
        gate=KeyframeGate(track.codec.name),
        extension_ids=extension_ids,
        nack=NackGenerator() if "nack" in track.codec.feedback else None,
        rtx_payload_type=track.codec.rtx,
        repairs=track.sources.repairs,
        layers=track.sources.layers,
        rid=track.rid.encode(),
        watch=StreamWatch(track.codec.name) if track.kind == "video" else None,
        rid_extension=track.extensions.get(RID_EXTENSION, 0),
    )
