"""The clock and the chance of a simulated world. `begin` puts them in the place of Python's own.

That is for an interpreter of its own (`python -m tests.world`): what is imported after `begin` sees no other
clock, and no chance but the seed's.
"""

import random
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass

UNIX = 1_800_000_000.0  # when the steady clock shows 0
START = 1_000.0


@dataclass
class Clock:
    """`now` is steady, in seconds."""

    now: float = START

    @property
    def unix(self) -> float:
        return UNIX + self.now


clock = Clock()


@dataclass
class HostClock:
    """The clock of one host, by which Python's `time.time` goes there. It may be wrong, and jump."""

    wrong_by: float = 0.0  # seconds


host_clock: ContextVar[HostClock] = ContextVar("host_clock", default=HostClock())  # noqa: B039


def begin() -> None:
    """Call it before Roomcast is imported."""
    time.monotonic = lambda: clock.now
    time.time = lambda: clock.unix + host_clock.get().wrong_by
    time.process_time = lambda: 0.0
    secrets.token_bytes = lambda octets=32: random.randbytes(octets)
    secrets.randbits = random.getrandbits
    secrets.randbelow = random.randrange


def begin_seed(seed: int) -> None:
    clock.now = START
    random.seed(seed)
