"""How many recordings are on their way at once, and who gives way when there are too many.

A reader that stops reading holds a place only as long as nobody else wants it.
"""

import asyncio
from collections.abc import Iterable

from control.http.long_response import Reader
from control.records.catalogue import unavailable
from shared.errors import ErrorCode, ServiceError

MAX_TRANSFERS = 200  # in one process
MAX_TRANSFERS_OF_CLIENT = 20  # of one address; an IPv6 /64 counts as one
GIVES_WAY_SECONDS = 1.0  # a transfer gives way when its reader has taken nothing for this long
RETRY_SECONDS = 5


class Transfer:
    """One recording on its way to `client`."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.reader = Reader()


class Transfers:
    def __init__(self) -> None:
        self._running: set[Transfer] = set()

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, client: str) -> Transfer:
        """Take a place for one more transfer; `end` it.

        Raises `RATE_LIMITED` or `NO_WORKER` without a place.
        """
        own = [transfer for transfer in self._running if transfer.client == client]
        if len(own) >= MAX_TRANSFERS_OF_CLIENT and not self._give_way(own):
            detail = f"{MAX_TRANSFERS_OF_CLIENT} recordings are on their way to this address"
            raise ServiceError(ErrorCode.RATE_LIMITED, detail=detail, retry_after=RETRY_SECONDS)
        if len(self._running) >= MAX_TRANSFERS and not self._give_way(self._running):
            raise unavailable(f"{MAX_TRANSFERS} recordings are on their way")
        transfer = Transfer(client)
        self._running.add(transfer)
        return transfer

    def end(self, transfer: Transfer) -> None:
        self._running.discard(transfer)

    def _give_way(self, transfers: Iterable[Transfer]) -> bool:
        """Let the transfer end that has stalled longest; False if none has stalled."""
        now = asyncio.get_running_loop().time()
        longest = max(transfers, key=lambda transfer: transfer.reader.stalled_for(now))
        if longest.reader.stalled_for(now) < GIVES_WAY_SECONDS:
            return False
        longest.reader.give_up()
        self.end(longest)
        return True
