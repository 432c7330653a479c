"""How long a peer's answer takes: binding requests of our own, one after the other (RFC 8489 7.1).

RTCP tells the round trip once a second at most. A queue that grows on the line is to be seen sooner.
"""

import math
import secrets
from typing import NamedTuple

from media.transport.address import Address
from media.transport.stun import StunError, binding_request, parse_binding_response

_TRANSACTION_ID = slice(8, 20)  # of a message (RFC 8489 5)
MOST_PENDING = 16  # requests without an answer that are remembered: with one each 0.1 s, 1.6 s
_EARLY_SECONDS = 0.02  # who asks at each tick asks a little early at times


class Answer(NamedTuple):
    """To the session's request of that `number`, the first of which is 0; it came `seconds` after that."""

    number: int
    seconds: float


class RoundTrips:
    """Measures the round trips of one session. `now` is in seconds of a steady clock."""

    __slots__ = ("_asked", "_pending", "_sent_at", "_tie_breaker")

    def __init__(self) -> None:
        # by transaction id, the oldest first: its number, when and where it was sent, and who is to sign
        self._pending: dict[bytes, tuple[int, float, Address, str]] = {}
        self._asked = 0
        self._sent_at = -math.inf
        self._tie_breaker = secrets.randbits(64)

    def is_due(self, interval: float, now: float) -> bool:
        """Whether the last request is `interval` seconds old; never if that is infinite."""
        return now - self._sent_at >= interval - _EARLY_SECONDS and interval < math.inf

    def request(self, address: Address, username: str, password: str, now: float) -> bytes:
        """What to send to `address` at `now`.

        `username` (theirs, then ours) and `password` are the peer's: RFC 8445 7.2.2.
        """
        self._sent_at = now
        transaction_id = secrets.token_bytes(12)
        self._pending[transaction_id] = (self._asked, now, address, password)
        self._asked += 1
        if len(self._pending) > MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        return binding_request(transaction_id, username, password, self._tie_breaker)

    def take(self, data: bytes, address: Address, now: float) -> Answer | None:
        """The answer, if `data` from `address` is an authentic one to a request of ours."""
        transaction_id = data[_TRANSACTION_ID]
        pending = self._pending.get(transaction_id)
        if pending is None:
            return None
        number, sent_at, asked, password = pending
        if asked != address:
            return None
        try:
            if not parse_binding_response(data).is_authentic(password):
                return None
        except StunError:
            return None
        del self._pending[transaction_id]
        return Answer(number, now - sent_at)
