"""In which form one viewer gets the sound: plain, or with earlier packets in each one."""

from collections.abc import Iterable, Sequence

from media.counts import ViewerStats
from media.feedback.loss_window import LostPackets
from media.feedback.redundancy import Redundancy
from media.feedback.viewer_picture import ViewerPicture
from media.rtp.rtcp import ReportBlock
from media.switch.feed import Feed
from media.switch.redundant_sound import MOST_EARLIER
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer

LOSES = 0.01  # of the sound: who loses more, and cannot have it mended, hears it

# A change is between packets of which none may still come late: the last ones are all here.
_WHOLE = 8


class ViewerSound:
    """Owns the form of one viewer's sound. `now` is in seconds of a steady clock.

    A viewer that loses nothing costs a look at its reports here.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        feed: Feed,
        viewer: Viewer,
        picture: ViewerPicture | None,
        stats: ViewerStats,
        base: int,
    ) -> None:
        self._switch = switch
        self._feed = feed
        self._viewer = viewer
        self._picture = picture
        self._stats = stats
        self._base = base  # the plain track
        self._present = base
        self._ssrc = feed.ssrcs[base]
        self._forms = [n for n, form in enumerate(viewer.forms) if form is not None and form.earlier]
        self._redundancy = Redundancy()
        self._loses = False  # more than `LOSES` lately, in spite of what mends it
        self._lost: int | None = None  # packets, as last reported
        self._has_changed = False
        self._counted = 0  # packets that were sent with earlier ones, as the room has counted them
        self.lost = 0  # packets that it has lost so far, as it reports
        self.resent = 0  # packets that were sent again

    @property
    def redundant(self) -> int:
        """Packets that were sent with earlier ones so far."""
        return sum(self._viewer.sent(number)[0] for number in self._forms)

    def report(self, blocks: Sequence[ReportBlock], results: Sequence[LostPackets], now: float) -> None:
        """Take what the receiver says of the streams that it gets, sound and picture, and what they lost."""
        for block in blocks:
            if block.ssrc == self._ssrc:
                if self._lost is not None and block.packets_lost > self._lost:
                    more = block.packets_lost - self._lost
                    self.lost += more
                    self._feed.sound_lost += more
                    self._stats.sound_lost += more
                self._lost = block.packets_lost
        if self._viewer.backlog is None:
            self._redundancy.report(results, now)
            self._judge()

    def _judge(self) -> None:
        """Whether the viewer loses sound. By chance it loses what all packets lose that have it in them."""
        loses = self._redundancy.share(self._ssrc) ** (1 + self._present_count) > LOSES
        self._feed.losing_sound += loses - self._loses
        self._loses = loses

    def asked(self, ssrc: int, sequences: Iterable[int], now: float) -> None:
        """Take which packets the receiver asks for again."""
        if self._forms:
            self._redundancy.asked(ssrc, sequences, now)

    def sent_again(self) -> None:
        """Count a retransmission."""
        self.resent += 1
        self._feed.sound_resent += 1
        self._stats.sound_retransmissions += 1

    @property
    def waits(self) -> bool:
        """Whether the viewer is to get another form than it gets."""
        return self._redundancy.count != self._present_count

    @property
    def _present_count(self) -> int:
        form = self._viewer.forms[self._present]
        assert form is not None
        return form.earlier

    def tick(self, now: float) -> None:
        """Decide anew, and change if the moment is right. Not while a burst is forwarded."""
        if not self._forms or (self._present == self._base and not self._redundancy.is_lossy(now)):
            return
        count = self._redundancy.decide(now, is_narrow=self._is_narrow)
        if count != self._present_count and self._is_whole():
            self._change(count)

    @property
    def _is_narrow(self) -> bool:
        """Whether the line has no room for more sound than there is."""
        return self._picture is not None and not self._picture.has_room_for_sound(MOST_EARLIER)

    def _is_whole(self) -> bool:
        history = self._feed.sent[self._base].history
        return sum(map(len, history.before(history.next_index, _WHOLE))) == _WHOLE

    def _change(self, count: int) -> None:
        redundant, plain = self._feed.redundant, self._viewer.forms[self._base]
        assert redundant is not None
        assert plain is not None
        takes = redundant.use(count, plain.payload_type) if count else self._base
        if takes is None:
            return
        self._release()
        self._switch.reform(self._feed, self._viewer, self._present, takes)
        self._present, self._has_changed = takes, True

    def _release(self) -> None:
        if self._present != self._base:
            assert self._feed.redundant is not None
            self._feed.redundant.release(self._present)

    def count(self) -> None:
        """Add what was sent since the last call to the counts of the room and the worker."""
        if self._has_changed:
            more = self.redundant - self._counted
            self._counted += more
            self._feed.sound_redundant += more
            self._stats.sound_redundant += more

    def end(self) -> None:
        """The viewer has left."""
        self._feed.losing_sound -= self._loses
        self.count()
        self._release()
