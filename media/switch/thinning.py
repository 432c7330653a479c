"""The thinned forms of a room's picture: made only while somebody gets them."""

from collections.abc import Sequence

from media.rtp.run import Run
from media.tracks.history import PacketHistory
from media.tracks.sent_track import SentTrack
from media.tracks.thinned import Form, Thinned

HISTORY_PACKETS = 512  # a power of 2; of a thinned form
FORMS = (Form.LOWEST_LAYER, Form.KEYFRAMES)  # better ones first


class Thinning:
    """Thins out track `base`, the poorest layer that comes. Its forms have numbers behind the tracks."""

    def __init__(self, tracks: Sequence[SentTrack], base: int) -> None:
        self.base = base
        self.sent = [_sent(tracks[base]) for _ in FORMS]
        self._first = len(tracks)
        self._users = [0] * len(FORMS)
        self.forms = [
            Thinned(self._first + place, sent.ssrc, form, 1, tracks[base])
            for place, (form, sent) in enumerate(zip(FORMS, self.sent, strict=True))
        ]

    def rebase(self, tracks: Sequence[SentTrack], base: int) -> None:
        """Thin out another track from now on, unless somebody gets a form of the former one."""
        if base == self.base or any(self._users):
            return
        self.base = base
        self.forms = [
            Thinned(form.number, form.ssrc, form.form, form.next_index, tracks[base]) for form in self.forms
        ]
        self.publish(tracks)

    def publish(self, tracks: Sequence[SentTrack]) -> None:
        """The base may have another codec now."""
        for sent in self.sent:
            sent.codec = tracks[self.base].codec

    def form(self, number: int) -> Thinned:
        """The form of that number."""
        return self.forms[number - self._first]

    def use(self, number: int) -> None:
        """One viewer more gets, or waits for, that form."""
        place = number - self._first
        self._users[place] += 1
        if self._users[place] == 1:
            self.forms[place].start()

    def release(self, number: int) -> None:
        place = number - self._first
        self._users[place] -= 1
        if not self._users[place]:
            self.forms[place].stop()

    @property
    def active(self) -> bool:
        return any(self._users)

    def of(self, run: Run) -> list[Run]:
        """What goes out for a run besides itself."""
        if run.track != self.base:
            return []
        return [left for form in self.forms if form.active for left in form.take(run)]


def _sent(base: SentTrack) -> SentTrack:
    return SentTrack(
        base.ssrc, base.rtx_ssrc, base.codec, join_burst="off", history=PacketHistory(HISTORY_PACKETS)
    )
