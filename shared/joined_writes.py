"""The head of a response and what comes right behind it leave in one write.

uvicorn writes them apart. That is two packets and two system calls, and a client that wakes for the first one
waits for the second.
"""

import asyncio


class JoinedWrites:
    """Stands between uvicorn's cycle and the `transport`, for one response.

    What is written first, the head, waits for the next write, but not beyond this round of the `loop`.
    """

    __slots__ = ("_head", "_late", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._late: asyncio.Handle | None = None  # set once the head was written

    def write(self, data: bytes) -> None:
        if self._late is None:
            self._head = data
            self._late = self._loop.call_soon(self.flush)
        elif self._head is None:
            self._transport.write(data)
        else:
            head, self._head = self._head, None
            self._late.cancel()
            self._transport.write(head + data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def flush(self) -> None:
        """Write the head, if it still waits."""
        if self._head is not None:
            head, self._head = self._head, None
            if not self._transport.is_closing():
                self._transport.write(head)
