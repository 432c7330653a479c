"""How long a peer's answer takes: binding requests of our own, one after the other (RFC 8489 7.1).

RTCP tells the round trip once a second at most. A queue that grows on the line is to be seen sooner.
"""

import math
import secrets

from media.transport.address import Address
from media.transport.stun import StunError, binding_request, is_answer_to, parse_binding_response

INTERVAL_SECONDS = 0.1
_TRANSACTION_ID = slice(8, 20)  # of a message (RFC 8489 5)
MOST_PENDING = 16  # requests without an answer that are remembered: 1.6 s


class RoundTrips:
    """Of one session. `now` is in seconds of a steady clock."""

    __slots__ = ("_pending", "_sent_at", "_tie_breaker")

    def __init__(self) -> None:
        self._pending: dict[bytes, tuple[float, Address, str]] = {}  # by transaction id, the oldest first
        self._sent_at = -math.inf
        self._tie_breaker = secrets.randbits(64)

    def due(self, address: Address, username: str, password: str, now: float) -> bytes | None:
        """The request to send to `address` at `now`, if one is due. It counts as sent.

        `username` (theirs, then ours) and `password` are the peer's: RFC 8445 7.2.2.
        """
        if now - self._sent_at < INTERVAL_SECONDS:
            return None
        self._sent_at = now
        transaction_id = secrets.token_bytes(12)
        self._pending[transaction_id] = (now, address, password)
        if len(self._pending) > MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        return binding_request(transaction_id, username, password, self._tie_breaker)

    def take(self, data: bytes, address: Address, now: float) -> float | None:
        """The round trip in seconds, if `data` from `address` is the authentic answer to a request."""
        transaction_id = data[_TRANSACTION_ID]
        pending = self._pending.get(transaction_id)
        if pending is None or not is_answer_to(transaction_id, data):
            return None
        sent_at, asked, password = pending
        if asked != address:
            return None
        try:
            if not parse_binding_response(data).is_authentic(password):
                return None
        except StunError:
            return None
        del self._pending[transaction_id]
        return now - sent_at
