"""How the NAT before a socket maps it: STUN servers are asked where they see it (RFC 8489, RFC 5780 4.3).

One `Question` goes to several servers, from one socket. If they see different ports, each destination sees
another one (RFC 4787 4.1: endpoint-dependent mapping), and nobody knows which one a client would see.
"""

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from media.transport.address import Address
from media.transport.stun import StunError, is_answer_to, parse_mapped_address, question

# Each server is asked again after this time, then after twice that, and so on (RFC 8489 6.2.1).
RETRY_SECONDS = 0.3
MOST_SERVERS = 8


@dataclass(frozen=True, slots=True)
class Mapping:
    """What servers answered: IP and port at which each has seen the socket, in the order of the servers."""

    seen: tuple[tuple[str, int], ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether a server has answered."""
        return bool(self.seen)

    @property
    def is_symmetric(self) -> bool:
        """Whether destinations see different addresses. One answer alone cannot tell."""
        return len(set(self.seen)) > 1


class Question:
    """Asked of `servers` of one address family. `now` is in seconds of a steady clock."""

    def __init__(self, servers: Iterable[Address] = ()) -> None:
        different = list(dict.fromkeys(servers))[:MOST_SERVERS]
        self._transactions = {server: secrets.token_bytes(12) for server in different}
        self._seen: dict[Address, tuple[str, int]] = {}
        self._pause = RETRY_SECONDS
        self.due_at = -math.inf

    def due(self, now: float) -> list[tuple[bytes, Address]]:
        """The requests to send at `now`, to those that have not answered. They count as sent."""
        if now < self.due_at:
            return []
        self.due_at = now + self._pause
        self._pause *= 2
        open_ones = (server for server in self._transactions if server not in self._seen)
        return [(question(self._transactions[server]), server) for server in open_ones]

    def take(self, data: bytes, source: Address) -> bool:
        """Whether a STUN response is an answer to this, from the server that was asked. Keeps what it says.

        Nobody else knows the transaction. Only the first answer of each server counts.
        """
        transaction = self._transactions.get(source)
        if transaction is None or not is_answer_to(transaction, data):
            return False
        if source not in self._seen:
            try:
                ip, port = parse_mapped_address(data)
            except StunError:
                return True
            if (":" in ip) == (":" in source[0]):
                self._seen[source] = ip, port
        return True

    @property
    def is_answered(self) -> bool:
        """Whether no further answer can come."""
        return len(self._seen) == len(self._transactions)

    @property
    def mapping(self) -> Mapping:
        """What the servers have answered so far."""
        return Mapping(tuple(self._seen[server] for server in self._transactions if server in self._seen))
