"""One track's form on the wire towards a viewer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wire:
    """One track on a viewer's wire; `extensions` maps ids of the publisher to ids of the viewer.

    Lost packets are sent again when `nack` is agreed on: under the payload type `rtx` in a stream of their
    own (RFC 4588), or, where that is None, once more as they were. `playout_delay` is the id of the header
    extension by which a viewer is told to wait for them.
    """

    payload_type: int
    extensions: Mapping[int, int]
    nack: bool = False
    rtx: int | None = None
    playout_delay: int | None = None

    def key(self) -> tuple[object, ...]:
        ids = tuple(sorted(self.extensions.items()))
        return (self.payload_type, ids, self.nack, self.rtx, self.playout_delay)
