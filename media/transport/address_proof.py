"""Lets an address prove that the peer hears us there: a binding request of our own, and its answer.

Anybody may send a check from an address that is not theirs. Only who receives there knows the transaction id
of our request, so the authentic answer from that address proves it (as in RFC 7675 5.1 and RFC 9000 8.2).
"""

import math
import secrets

from media.transport.address import Address
from media.transport.stun import StunError, binding_request, is_answer_to, parse_binding_response

# A request is sent `MOST_REQUESTS` times, with a pause of this time after the first, and twice as long after
# each further one. No two leave sooner after each other, to whatever addresses.
RETRY_SECONDS = 0.1
MOST_REQUESTS = 4


class AddressProof:
    """What one session asks: one address at a time. `now` is in seconds of a steady clock."""

    __slots__ = ("_password", "_sent", "_sent_at", "_tie_breaker", "_transaction_id", "_username", "address")

    _password: str
    _sent: int  # requests

    def __init__(self) -> None:
        self.address: Address | None = None  # the one that is asked
        self._sent_at = -math.inf
        self._tie_breaker = secrets.randbits(64)

    def ask(self, address: Address, username: str, password: str) -> None:
        """Ask `address`, and no other any more. Call it for each check from there, for a further request.

        `username` (theirs, then ours) and `password` are the peer's: RFC 8445 7.2.2.
        """
        if address == self.address and password == self._password:
            if self._sent == MOST_REQUESTS:
                self._sent = 0
            return
        self.address, self._username, self._password = address, username, password
        self._transaction_id = secrets.token_bytes(12)
        self._sent = 0

    @property
    def is_idle(self) -> bool:
        """Whether all requests to the address that is asked, if any, were sent."""
        return self.address is None or self._sent == MOST_REQUESTS

    def drop(self) -> None:
        """Ask no more."""
        self.address = None

    def due(self, now: float) -> tuple[bytes, Address] | None:
        """The request to send at `now`, if one is due. It counts as sent."""
        if self.address is None or self._sent == MOST_REQUESTS:
            return None
        if now - self._sent_at < RETRY_SECONDS * 2 ** max(0, self._sent - 1):
            return None
        self._sent += 1
        self._sent_at = now
        request = binding_request(self._transaction_id, self._username, self._password, self._tie_breaker)
        return request, self.address

    def is_given(self, data: bytes, address: Address) -> bool:
        """Whether `data`, which came from `address`, is the answer of the address that is asked."""
        if address != self.address or not is_answer_to(self._transaction_id, data):
            return False
        try:
            return parse_binding_response(data).is_authentic(self._password)
        except StunError:
            return False
