"""Another publisher for a room that continues: whether it may come, and which viewers cannot follow."""

import hmac
from collections.abc import Iterable, Sequence

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack
from media.negotiation.codecs import match
from media.tracks.track import Track


def is_same(identity: str, other: str) -> bool:
    """Whether both are the credentials of the same somebody. Nobody's (empty) are never the same."""
    return bool(identity) and hmac.compare_digest(identity.encode(), other.encode())


def fits(tracks: Sequence[Track], published: Iterable[PublishedTrack]) -> bool:
    """Whether a room has a track of each kind that the newcomer sends. If not, viewers must come anew."""
    return {track.kind for track in published} <= {track.kind for track in tracks}


def can_read(played: Iterable[PlayedTrack], tracks: Sequence[Track]) -> bool:
    """Whether a viewer that gets `played` reads what the room's tracks are by now."""
    return all(match(tracks[own.track_index].published.codec, [own.codec]) for own in played)
