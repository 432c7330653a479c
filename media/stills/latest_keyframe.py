"""The keyframe of which a room's still picture is made: of the smallest layer that is large enough."""

from collections.abc import Sequence

from media.stills.job import MAX_KEYFRAME_BYTES, Keyframe
from media.tracks.track import Track
from shared.messages.stills import WIDTHS

SETTLED_SECONDS = 0.25  # after which a keyframe's last packets have come


def latest_keyframe(tracks: Sequence[Track], after: float, now: float) -> tuple[float, Keyframe] | None:
    """When it began, and the keyframe; None unless a whole one began after `after` and is still held.

    Times are in seconds of the steady clock.
    """
    track = _best_track(tracks, now)
    if track is None:
        return None
    began_at = track.sent.keyframe_at
    if began_at <= after or now - began_at < SETTLED_SECONDS:
        return None
    payloads = [payload for payload in track.sent.latest_keyframe() if payload]
    if not 0 < sum(map(len, payloads)) <= MAX_KEYFRAME_BYTES:
        return None
    return began_at, Keyframe(track.published.codec.name, payloads)


def _best_track(tracks: Sequence[Track], now: float) -> Track | None:
    """Small layers are decoded faster."""
    pictures = [track for track in tracks if track.kind == "video" and track.live(now)]
    by_size = sorted(pictures, key=lambda track: max(track.size or (0, 0)))
    large = [track for track in by_size if max(track.size or (0, 0)) >= max(WIDTHS)]
    return next(iter(large or by_size[::-1]), None)
