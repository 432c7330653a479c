"""One track's form on the wire towards a viewer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wire:
    """One track on a viewer's wire; `extensions` maps the room's header-extension ids to the viewer's.

    Lost packets are retransmitted if `nack` is agreed on: with payload type `rtx` in a stream of their own
    (RFC 4588), or unchanged if that is None. `playout_delay` is the id of the header extension that makes a
    viewer delay its playout, `sent_at` that of the one that says when a packet was sent, `number` that of the
    one that numbers trains of padding. `ssrc` is that of the packets; None: the track's own. The renditions
    of one picture share one. `earlier` packets of the sound go along with each one, in a form of its own.
    """

    payload_type: int
    extensions: Mapping[int, int]
    nack: bool = False
    rtx: int | None = None
    playout_delay: int | None = None
    sent_at: int | None = None
    number: int | None = None
    ssrc: int | None = None
    earlier: int = 0

    def key(self) -> tuple[object, ...]:
        """The same for wires on which the track's packets look alike."""
        return self.payload_type, tuple(sorted(self.extensions.items())), self.sent_at, self.ssrc
