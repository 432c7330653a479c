"""The redundant forms of a room's sound: made only while somebody gets them."""

from collections.abc import Sequence

from media.rtp.run import Run
from media.tracks.redundant import Redundant
from media.tracks.sent_track import SentTrack

MOST_EARLIER = 2  # packets that go along with each one


class RedundantSound:
    """Forms of track `base` with one packet more and with two. Their numbers begin at `first`.

    A form has one payload type of the sound at a time: that of its first viewer. All browsers offer the same
    one; a viewer with another one waits until nobody gets the form.
    """

    def __init__(self, tracks: Sequence[SentTrack], base: int, first: int) -> None:
        self.base = base
        self.forms = [Redundant(first + place, tracks[base], place + 1) for place in range(MOST_EARLIER)]
        self._first = first
        self._users = [0] * MOST_EARLIER
        self.active = False

    def has(self, number: int) -> bool:
        """Whether that is the number of a form."""
        return 0 <= number - self._first < MOST_EARLIER

    def use(self, count: int, payload_type: int) -> int | None:
        """One viewer more gets `count` earlier packets with each; the form's number, or None: it cannot."""
        form = self.forms[count - 1]
        if form.payload_type not in (None, payload_type):
            return None
        form.payload_type = payload_type
        self._users[count - 1] += 1
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
