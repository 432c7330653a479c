"""Where a publisher that was on goes on in the room's time, when it is on again."""

import math
from collections.abc import Iterable, Sequence

from media.tracks.source_track import NEAR_SECONDS
from media.tracks.track import Track

PAUSE_SECONDS = 1.0  # without media: behind it old media may come
MOST_SECONDS = 10.0  # after a pause; who is late for longer has lost that time for good


class Resumption:
    """Of one publisher, which was last heard at `heard_at`; `tracks` are the room's, if it has just been on.

    An encoder that hung sends at once what it could not send meanwhile. Viewers would get seconds that are
    over, and the room's time would be ahead of the clock by them, so that receivers hold back all that
    follows, the next slate too. So it goes on where it would be if it had never been away, once it has come
    there. `now` is in seconds of a steady clock.
    """

    def __init__(self, heard_at: float, tracks: Sequence[Track] = ()) -> None:
        self._heard_at = heard_at
        self._may_be_late_until = -math.inf
        self._room = {track.place: track for track in tracks}
        self._before = {track.place: track.source.time for track in tracks}

    def note_media(self, own: Iterable[Track], now: float) -> bool:
        """Take that media has come; `own` are its tracks as they stand by. Returns whether it is too old."""
        if now - self._heard_at >= PAUSE_SECONDS:
            self._may_be_late_until = now + MOST_SECONDS
        self._heard_at = now
        if now >= self._may_be_late_until:
            return False
        if any(self._behind(track, now) > NEAR_SECONDS for track in own):
            return True
        self._may_be_late_until = -math.inf
        return False

    def _behind(self, own: Track, now: float) -> float:
        """How much later it comes than the room's time, in seconds; 0: not known."""
        before, here = self._before.get(own.place), own.source.time
        if before is None or here is None or here.ssrc != before.ssrc or own.source.last_received != now:
            return 0.0
        timestamp = own.source.translator.latest_timestamp - here.offset + before.offset
        return self._room[own.place].source.behind(timestamp, now)

    def begin(self) -> None:
        """It is on: let the room's tracks know where it was."""
        for place, track in self._room.items():
            track.source.resumes = self._before[place]
