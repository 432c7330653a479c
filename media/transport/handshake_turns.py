"""Turns at the event loop for DTLS handshakes, so that a flood of them does not hold back media.

Each step of a handshake computes for a millisecond or more, all in one piece. When many arrive at once, they
take turns, first come first served: one step, then whatever the sockets have brought, then the next step.
"""

import asyncio
from collections import deque


class HandshakeTurns:
    """Owned by all handshakes of a process; they await `take` before each step that computes."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False  # in this round of the event loop

    async def take(self) -> None:
        """Wait for a turn. The caller computes at once when this returns, and then awaits something else."""
        loop = asyncio.get_running_loop()
        if not self._taken and not self._waiting:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        """Give the next turn; its owner runs in the round after this one, when sockets were looked at."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its handshake was cancelled
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False
