"""Builds a room and its parts from the tracks that were agreed on with its publisher."""

import time
from collections.abc import Sequence

from media.counts import PublisherStats
from media.feedback.publisher_feedback import PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms.room import Room
from media.rooms.source import MakeSource
from media.switch.feed import Feed
from media.switch.thinning import Thinning
from media.tracks.sent_track import JoinBurstMode
from media.tracks.track import new_tracks
from shared.names import RoomName


def new_room(
    name: RoomName,
    published: Sequence[PublishedTrack],
    source: MakeSource,
    now: float,
    stats: PublisherStats,
    *,
    started_at: float = 0.0,
    identity: str = "",
    join_burst: JoinBurstMode = "auto",
) -> Room:
    """A room for what `source` sends. `now` is of the steady clock; `started_at` is Unix time."""
    tracks = new_tracks(published, time.time() - now, join_burst)
    sent = [track.sent for track in tracks]
    layers = [number for number, track in enumerate(tracks) if track.kind == "video"]
    thinning = Thinning(sent, layers[-1]) if layers else None
    feed = Feed(sent, [track.source for track in tracks], thinning=thinning)
    sender = source(feed)
    return Room(
        name,
        tracks,
        feed,
        PublisherFeedback(feed, tracks, name, sender.send_rtcp, stats),
        sender,
        identity=identity,
        started_at=started_at,
    )
