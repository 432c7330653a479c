"""DTLS handshakes take turns at the event loop, so that a flood of them does not delay media.

Each step of a handshake computes for a millisecond or more without a break. When many arrive at once, they
are served in order of arrival: one step, then everything that the sockets have received, then the next step.
"""

import asyncio
from collections import deque


class HandshakeQueue:
    """Shared by all handshakes of a process: each awaits `take` before a step that computes."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False  # in this round of the event loop

    async def take(self) -> None:
        """Wait for a turn. When this returns, the caller computes at once, and then awaits something else."""
        loop = asyncio.get_running_loop()
        if not self._taken and not self._waiting:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        """Give the next turn. Its owner runs in the next round of the loop, after the sockets were read."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # otherwise its handshake was cancelled
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
