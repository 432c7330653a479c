"""DTLS handshakes take turns at the event loop, so that a flood of them does not delay media.

Each step of a handshake computes for a millisecond or more without a break. When many arrive at once, they
are served in order of arrival: one step, then everything that the sockets have received, then the next step.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class HandshakeQueue:
    """Shared by all handshakes of a process: each step that computes is a turn."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def ask(self, step: Callable[[], None]) -> None:
        """Have `step` called in a round of the event loop in which no other one is.

        What it raises goes to the loop.
        """
        self._waiting.append(step)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        try:
            self._waiting[0]()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
