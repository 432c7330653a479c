"""A track as a room sends it to its viewers, whoever publishes it: what is common to all of them."""

from dataclasses import dataclass, field

from media.fanout import Outgoing
from media.history import PacketHistory

AUDIO_PACKETS = 256  # a power of 2; five seconds of 20 ms


def _history() -> PacketHistory[Outgoing]:
    return PacketHistory()


@dataclass(slots=True, eq=False)
class SentTrack:
    """It outlives a publisher: what it holds goes on when another one takes the room over.

    `rtx_ssrc` is that of the retransmission streams (RFC 4588), None where there are none.
    """

    ssrc: int
    rtx_ssrc: int | None = None
    history: PacketHistory[Outgoing] = field(default_factory=_history)

    def keep(self, packet: Outgoing, now: float) -> None:
        """Remember a packet that is forwarded at `now`, seconds of a steady clock."""
        self.history.append(packet.extended, now, len(packet.packet.payload), packet)

    def find(self, sequence: int, now: float) -> Outgoing | None:
        """The packet that was sent last under that 16-bit number, if it is still held."""
        newest = self.history.next_index - 1
        return self.history.get(newest - (newest - sequence & 0xFFFF), now)
