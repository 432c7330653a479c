"""A receiver that is busy now and then: what has come meanwhile it reads at once, when it is done.

So does a browser whose thread waits for a processor. Wi-Fi that gathers packets looks the same. And it reads
no more often than each two milliseconds: of 24 trains over 2 Mbit/s a real Chromium read each so.
"""

import math
import random

APART_SECONDS = 0.05  # on average from the end of one such time to the next one
BUSY_SECONDS = (0.005, 0.05)
READS_SECONDS = 0.002


class BusyReader:
    """The seed decides when it is busy. Times are in seconds and never go back."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"busy {seed}")
        self._busy_from = self._busy_until = 0.0

    def read_at(self, came_at: float) -> float:
        """When it reads what came then."""
        while came_at >= self._busy_until:
            self._busy_from = self._busy_until + self._chance.expovariate(1 / APART_SECONDS)
            self._busy_until = self._busy_from + self._chance.uniform(*BUSY_SECONDS)
        at = self._busy_until if came_at >= self._busy_from else came_at
        return math.ceil(at / READS_SECONDS) * READS_SECONDS
