"""The checked addresses of one receiver."""

import asyncio
import socket
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from control.webhooks.address_policy import AddressPolicy
from control.webhooks.receiver import Receiver

KEEP_SECONDS = 5.0
MAX_ADDRESSES = 4  # that are tried


class Lookup:
    """Looks a host up in a thread, one at a time: a name server that hangs holds one thread, not all."""

    def __init__(self, receiver: Receiver, policy: AddressPolicy) -> None:
        url = urlsplit(receiver.url)
        self._host = url.hostname or ""
        self._with_tls = url.scheme == "https"
        self._port = url.port or (443 if self._with_tls else 80)
        self._policy = policy
        self._looking: asyncio.Future[list[str]] | None = None
        self._found_at = 0.0

    async def addresses(self) -> list[str]:
        """The addresses of the host. Raises `OSError`, or `ForbiddenAddressError` if one is not allowed."""
        if self._looking is None or (self._looking.done() and not self._is_fresh(self._looking)):
            self._looking = asyncio.ensure_future(self._look())
        addresses = await asyncio.shield(self._looking)
        self._policy.check(addresses, with_tls=self._with_tls)
        return addresses[:MAX_ADDRESSES]

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError, OSError, UnicodeError):
                await self._looking

    def _is_fresh(self, found: "asyncio.Future[list[str]]") -> bool:
        has_failed = found.cancelled() or found.exception() is not None
        return not has_failed and monotonic() - self._found_at < KEEP_SECONDS

    async def _look(self) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._found_at = monotonic()
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
