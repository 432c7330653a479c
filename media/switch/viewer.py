"""One receiver of a room's media, as the switch knows it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from media.rtp.extensions import PlayoutDelay
from media.rtp.rtx import RtxStream
from media.rtp.run import Run
from media.rtp.sequence import WRAP_GUARD, before_wrap, behind_guard
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.switch.join_burst import JoinBurst
from media.switch.paced import Paced
from media.switch.wire import Wire
from media.transport.address import Address, Backlog, FanOut, Transmit

Behind = JoinBurst | Paced

STRETCHES = 16  # remembered, for retransmissions; a history holds two seconds


@dataclass(slots=True, eq=False)
class SentCount:
    """Packets and payload octets of one track."""

    packets: int = 0
    octets: int = 0


_NOTHING = SentCount()  # of a track that a viewer does not get


class Place(NamedTuple):
    """Where a viewer goes on: with a track, from the index `first` on, its timestamps later by `shift`."""

    track: int
    first: int
    shift: int


class Stretch(NamedTuple):
    """A viewer gets a rendition from the index `first` on, until its next stretch begins.

    Its own index is that of the rendition minus `offset`, and its timestamps are later by `shift`.
    """

    track: int
    first: int
    offset: int
    shift: int


class Viewer:
    """One receiver. `wires[track]` is the form in which it gets a track; None: it does not get it.

    `starts[track]` is the first index it gets. Its own index of a packet is that of the track minus
    `offsets[track]`, and its timestamp is later by `shifts[track]`: at first the offset is such that the
    rollover counter is 0, and the sequence numbers are those of all viewers. A viewer that has changed to
    another rendition has other numbers than they.

    `forms` are the wires of all tracks that it may get. Of those with an SSRC, the renditions of the picture,
    it gets `rendition`; None: no picture. `rtx[track]` is the stream of its retransmissions, if it has one.
    While it is `behind` the live edge of a track, its `JoinBurst` or `Paced` has that track's packets.
    `_counts[track]` is shared by all who get the track in the same form; this one did not get `_base[track]`
    of it.
    """

    __slots__ = (
        "_base",
        "_counts",
        "_stretches",
        "address",
        "backlog",
        "behind",
        "fan_out",
        "forms",
        "offsets",
        "playout_delay",
        "rendition",
        "resent_octets",
        "rtx",
        "sender",
        "shifts",
        "starts",
        "transmit",
        "wires",
    )

    def __init__(
        self,
        keys: SrtpKeys,
        address: Address,
        transmit: Transmit,
        fan_out: FanOut,
        wires: Sequence[Wire | None],
        next_indexes: Sequence[int],
        rtx_ssrcs: Sequence[int | None] = (),
        forms: Sequence[Wire | None] = (),
        rendition: int | None = None,
    ) -> None:
        self.sender = SrtpSender(keys)
        self.move(address, transmit, fan_out)
        self.backlog: Backlog | None = None  # what waits to be sent to it; None over UDP
        self.rendition = rendition
        self.wires = [*wires]
        self.forms = forms or wires
        self.resent_octets = 0  # of payload, in retransmissions
        self.behind: Behind | None = None
        self.playout_delay: PlayoutDelay | None = None  # sent with its retransmissions
        self.starts = [behind_guard(index) for index in next_indexes]
        self.offsets = tuple(_first_offset(start) for start in self.starts)
        self.shifts = (0,) * len(self.starts)
        self._stretches: dict[int, deque[Stretch]] = {}  # by SSRC, of those that have changed
        self._counts = [_NOTHING] * len(wires)
        self._base = [SentCount() for _ in wires]
        self.rtx = _rtx_streams(self.forms, rtx_ssrcs)

    def delay_playout(self, delay: PlayoutDelay) -> None:
        """Let the viewer hold its pictures back that long; it is told with its retransmissions."""
        self.playout_delay = delay

    def move(self, address: Address, transmit: Transmit, fan_out: FanOut) -> None:
        """Send to another address from now on: runs by `fan_out`, single datagrams by `transmit`."""
        self.address, self.transmit, self.fan_out = address, transmit, fan_out

    def tells_delay(self, track: int) -> bool:
        """Whether a picture that begins anew has to tell the delay: nothing is retransmitted in a stream."""
        return self.backlog is not None and self.playout_delay is not None and self.rtx[track] is not None

    def queue_in(self, backlog: Backlog | None) -> None:
        """What is sent from now on may wait in `backlog`, where its sound goes before its pictures."""
        self.backlog = backlog
        if backlog is not None:
            sounds = (form for form in self.forms if form is not None and form.ssrc is None)
            backlog.sound_types = frozenset(form.payload_type for form in sounds)

    def start_at(self, track: int, index: int) -> None:
        """Begin a track with that index. Nothing of the track was sent yet."""
        self._begin(track, index, _first_offset(index), 0)

    def _begin(self, track: int, index: int, offset: int, shift: int) -> None:
        self.starts[track] = index
        self.offsets = (*self.offsets[:track], offset, *self.offsets[track + 1 :])
        self.shifts = (*self.shifts[:track], shift, *self.shifts[track + 1 :])

    def leave(self, track: int, ssrc: int) -> None:
        """Get no more of a track, whose packets were sent under `ssrc`."""
        if ssrc not in self._stretches:
            first = Stretch(track, self.starts[track], self.offsets[track], self.shifts[track])
            self._stretches[ssrc] = deque((first,), maxlen=STRETCHES)
        if self.behind is not None and self.behind.track == track:
            self.behind = None
        if self.rendition == track:
            self.rendition = None

    def take(self, place: Place, ssrc: int) -> None:
        """Get what begins at `place`, under `ssrc`: its numbers there go on without a gap."""
        track, index, shift = place
        following = self.sender.next_index(ssrc)
        if following is not None:
            offset = index - following
        else:  # its first packets must not wrap, or the receiver may take one behind the wrap for the first
            offset = _first_offset(index) if before_wrap(index) > WRAP_GUARD else index - 1
        self._begin(track, index, offset, shift)
        stretches = self._stretches.setdefault(ssrc, deque(maxlen=STRETCHES))
        stretches.append(Stretch(track, index, offset, shift))
        form = self.forms[track]
        if form is not None and form.ssrc is not None:
            self.rendition = track

    def reform(self, leaves: int, takes: int, first: int, ssrc: int) -> None:
        """Get the form `takes` of a track instead of the form `leaves`, from the index `first` on.

        What comes later with a lower index is not sent any more: only so does an index say in which form its
        packet was sent.
        """
        self.leave(leaves, ssrc)
        self._begin(takes, max(first, self.starts[leaves]), self.offsets[leaves], self.shifts[leaves])
        self._stretches[ssrc].append(
            Stretch(takes, self.starts[takes], self.offsets[takes], self.shifts[takes])
        )

    def get(self, track: int, wire: Wire | None, count: SentCount = _NOTHING) -> None:
        """Get a track on that wire from now on, of whose viewers that is the count; None: no more of it.

        What it was sent stays counted.
        """
        was, base = self._counts[track], self._base[track]
        base.packets += count.packets - was.packets
        base.octets += count.octets - was.octets
        self.wires[track], self._counts[track] = wire, count

    def is_behind(self, track: int) -> bool:
        """Whether it is behind the live edge of that track."""
        return self.behind is not None and self.behind.track == track

    def was_sent(self, track: int, index: int) -> bool:
        """Whether that packet was sent, or is to be sent at once."""
        if self.behind is not None and self.is_behind(track):
            return self.behind.was_sent(index, self.starts[track])
        return index >= self.starts[track]

    def waits(self, track: int, index: int) -> bool:
        """Whether that packet is to be sent later: the viewer is behind the live edge."""
        return self.behind is not None and track == self.behind.track and index >= self.behind.next_index

    def has_changed(self, ssrc: int) -> bool:
        """Whether successive stretches were sent under `ssrc`."""
        return ssrc in self._stretches

    def stretch_of(self, sequence: int, ssrc: int) -> tuple[Stretch, int] | None:
        """The stretch in which a sequence number was sent under `ssrc`, and the track's index of it.

        None if that was too long ago.
        """
        following = self.sender.next_index(ssrc)
        if following is None:
            return None
        index = following - 1 - (following - 1 - sequence & 0xFFFF)
        for stretch in reversed(self._stretches[ssrc]):
            if index >= stretch.first - stretch.offset:
                return stretch, index + stretch.offset
        return None

    def is_latest(self, stretch: Stretch, ssrc: int) -> bool:
        """Whether the viewer still gets what it got in that stretch."""
        return stretch is self._stretches[ssrc][-1] and self.wires[stretch.track] is not None

    def count(self, run: Run, sent: int) -> None:
        """Correct the count: `sent` is 1 if this viewer alone got the packets, -1 if it alone did not."""
        self._base[run.track].packets -= sent * len(run)
        self._base[run.track].octets -= sent * run.octets

    @property
    def octets(self) -> int:
        """Payload octets of all tracks that were sent."""
        return sum(count.octets for count in self._counts) - sum(base.octets for base in self._base)

    def sent(self, track: int) -> tuple[int, int]:
        """Packets and payload octets of `track` that were sent, for the sender report (RFC 3550 6.4.1)."""
        count, base = self._counts[track], self._base[track]
        return count.packets - base.packets, count.octets - base.octets


def _first_offset(index: int) -> int:
    """For the first packet of a stream: its rollover counter is 0 at the viewer."""
    return index >> 16 << 16


def _rtx_streams(forms: Sequence[Wire | None], rtx_ssrcs: Sequence[int | None]) -> Sequence[RtxStream | None]:
    """One for each SSRC: the renditions of one picture share theirs."""
    streams: dict[int, RtxStream] = {}
    of_tracks: list[RtxStream | None] = []
    for wire, ssrc in zip(forms, rtx_ssrcs or [None] * len(forms), strict=True):
        if wire is None or wire.rtx is None or ssrc is None:
            of_tracks.append(None)
        else:
            of_tracks.append(streams.setdefault(ssrc, RtxStream(ssrc, wire.rtx, first=1)))
    return of_tracks
