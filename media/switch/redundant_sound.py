"""The redundant forms of a room's sound: made only while somebody gets them."""

from collections.abc import Sequence

from media.rtp.run import Run
from media.tracks.redundant import Redundant
from media.tracks.sent_track import SentTrack

MOST_EARLIER = 2  # packets that go along with each one

# The payload type of Opus in the offers of all browsers that take redundant sound. It has forms of its own,
# so that nobody who offers another one can keep them from those browsers.
_OF_BROWSERS = 111
_KINDS = 2  # of payload types at a time: that one, and one other


class RedundantSound:
    """Forms of track `base` with one packet more and with two. Their numbers begin at `first`.

    Each block of a form names the payload type of Opus, so viewers share a form only if they have negotiated
    the same one. Viewers with another one than that of browsers share what is left: the first of them decides
    which, and who has yet another one waits until nobody gets the form.
    """

    def __init__(self, tracks: Sequence[SentTrack], base: int, first: int) -> None:
        self.base = base
        self.forms = [
            Redundant(first + place, tracks[base], place % MOST_EARLIER + 1)
            for place in range(_KINDS * MOST_EARLIER)
        ]
        self._first = first
        self._users = [0] * len(self.forms)
        self.active = False

    def has(self, number: int) -> bool:
        """Whether that is the number of a form."""
        return 0 <= number - self._first < len(self.forms)

    def forms_for(self, payload_type: int) -> list[Redundant]:
        """Those that a viewer with that payload type of Opus may get, the one with fewest packets first."""
        if payload_type == _OF_BROWSERS:
            return self.forms[:MOST_EARLIER]
        return self.forms[MOST_EARLIER:]

    def use(self, count: int, payload_type: int) -> int | None:
        """One viewer more gets `count` earlier packets with each; the form's number, or None: it cannot."""
        form = self.forms_for(payload_type)[count - 1]
        if form.payload_type not in (None, payload_type):
            return None
        form.payload_type = payload_type
        self._users[form.number - self._first] += 1
        self.active = True
        return form.number

    def release(self, number: int) -> None:
        """One viewer less gets that form."""
        place = number - self._first
        self._users[place] -= 1
        if not self._users[place]:
            self.forms[place].payload_type = None
        self.active = any(self._users)

    def of(self, run: Run) -> list[Run]:
        """What goes out for a run besides itself."""
        if run.track != self.base:
            return []
        return [form.take(run) for form in self.forms if form.payload_type is not None]
