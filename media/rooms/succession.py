"""When another publisher may take a room over, and which viewers must join again."""

import hmac
from collections.abc import Iterable, Sequence

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack
from media.negotiation.codecs import match
from media.tracks.track import Track


def is_same(identity: str, other: str) -> bool:
    """Whether both identities stand for the same credentials. An empty one equals none."""
    return bool(identity) and hmac.compare_digest(identity.encode(), other.encode())


def fits(tracks: Sequence[Track], published: Iterable[PublishedTrack]) -> bool:
    """Whether a room has a track of each kind that the newcomer sends. If not, viewers must join again."""
    return {track.kind for track in published} <= {track.kind for track in tracks}


def can_read(played: Iterable[PlayedTrack], tracks: Sequence[Track]) -> bool:
    """Whether a viewer that gets `played` can decode the present codecs of the room's tracks."""
    return all(match(tracks[own.track_index].published.codec, [own.codec]) for own in played)
