"""One receiver of a room's media, as the switch knows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from media.rtp.extensions import PlayoutDelay
from media.rtp.rtx import RtxStream
from media.rtp.sequence import behind_guard
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.switch.join_burst import JoinBurst
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from media.transport.address import Address


@dataclass(slots=True, eq=False)
class SentCounts:
    """Packets and payload octets of each track, sent so far to every viewer of one wire profile."""

    packets: list[int]
    octets: list[int]


class Viewer:
    """One receiver. `wires[track]` is the form in which it gets a track; None: it does not get it.

    `starts[track]` is the first index it gets; its rollover counter is 0 there. `rtx[track]` is the stream of
    its retransmissions, if it has one. While it is `behind` the live edge of a track, the `JoinBurst` paces
    that track's packets. `counts` are shared by all viewers with the same wires.
    """

    __slots__ = (
        "_base",
        "address",
        "behind",
        "counts",
        "offsets",
        "playout_delay",
        "rtx",
        "sender",
        "starts",
        "wires",
    )

    def __init__(
        self,
        keys: SrtpKeys,
        address: Address,
        wires: Sequence[Wire | None],
        counts: SentCounts,
        next_indexes: Sequence[int],
        rtx_ssrcs: Sequence[int | None] = (),
    ) -> None:
        self.address = address
        self.wires = wires
        self.counts = counts
        self.sender = SrtpSender(keys)
        self.behind: JoinBurst[Outgoing] | None = None
        self.playout_delay: PlayoutDelay | None = None  # sent with its retransmissions
        self.starts = [behind_guard(index) for index in next_indexes]
        self.offsets: tuple[int, ...] = ()
        self._count_rollovers()
        self._base = SentCounts(list(counts.packets), list(counts.octets))  # that it did not get
        self.rtx = [
            RtxStream(ssrc, wire.rtx, first=1) if wire and wire.rtx is not None and ssrc is not None else None
            for wire, ssrc in zip(wires, rtx_ssrcs or [None] * len(wires), strict=True)
        ]

    def delay_playout(self, delay: PlayoutDelay) -> None:
        """Let the viewer hold its pictures back that long; it is told with its retransmissions."""
        self.playout_delay = delay

    def move(self, address: Address) -> None:
        """Send to another address from now on."""
        self.address = address

    def start_at(self, track: int, index: int) -> None:
        """Begin a track with that index. Nothing of the track was sent yet."""
        self.starts[track] = index
        self._count_rollovers()

    def _count_rollovers(self) -> None:
        self.offsets = tuple(start >> 16 << 16 for start in self.starts)

    def was_sent(self, track: int, index: int) -> bool:
        """Whether that packet was sent, or is to be sent at once."""
        if index < self.starts[track]:
            return False
        return self.behind is None or track != self.behind.track or index < self.behind.next_index

    def count(self, packet: Outgoing, sent: int) -> None:
        """Correct the counts: `sent` is 1 if this viewer alone got the packet, -1 if it alone did not."""
        self._base.packets[packet.track] -= sent
        self._base.octets[packet.track] -= sent * len(packet.packet.payload)

    def sent(self, track: int) -> tuple[int, int]:
        """Packets and payload octets of `track` that were sent, for the sender report (RFC 3550 6.4.1)."""
        return (
            self.counts.packets[track] - self._base.packets[track],
            self.counts.octets[track] - self._base.octets[track],
        )
