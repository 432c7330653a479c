"""How the packet switch shows its packets to others."""

from collections.abc import Sequence
from typing import Protocol

from media.fanout import Outgoing


class Tap(Protocol):
    """Sees each burst of one room, in the order of arrival, before or after it is forwarded."""

    def packets(self, burst: Sequence[Outgoing]) -> None:
        """Take a burst. Called in the event loop: must never block, nor change the burst."""
