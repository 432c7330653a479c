"""How long a process of the simulation stood still: nobody else is to blame for what waited meanwhile."""

import asyncio
from time import monotonic

LOOK_SECONDS = 0.01


class Stalls:
    """`run` must be running."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._due = monotonic()

    async def run(self) -> None:
        """Watch this process's loop until cancelled."""
        while True:
            self._look()
            self._due = monotonic() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)

    def take(self) -> float:
        """Seconds of the longest stall since the call before."""
        self._look()
        longest, self._longest = self._longest, 0.0
        return longest

    def _look(self) -> None:
        now = monotonic()
        self._longest = max(self._longest, now - self._due)
        self._due = max(self._due, now)
