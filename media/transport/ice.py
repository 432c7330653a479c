"""The ICE-lite agent of one session (RFC 8445 2.5): answers checks, learns the peer's address.

Assumptions: one component, one stream (BUNDLE, rtcp-mux); the peer is a full agent and controls. The peer's
candidates are not needed: the first check that proves knowledge of our password shows its address.

A check may come from a forged address. Media goes only to an address that has proven that the peer hears us
there: by a handshake whose flights all went there, or by an answer to a request of our own.
"""

import math
import secrets
from dataclasses import dataclass

from media.transport.address import Address, TcpAddress
from media.transport.address_proof import AddressProof
from media.transport.round_trips import Answer, RoundTrips
from media.transport.stun import BindingRequest, StunCode, error_response, success_response

CONSENT_SECONDS = 30.0  # RFC 7675 5.1
# Who is sent media is asked this long after it last proved that it hears us, a fifth more or less so that not
# all are asked at once, and again each `_ASK_AGAIN_SECONDS`: ten times before consent expires.
_ASK_SECONDS = 10.0
_ASK_AGAIN_SECONDS = 2.0
# After this time without a check from the selected address, a check from another address moves the peer,
# nominated or not. Some clients nominate only once, and then check consent every 4 to 6 s (RFC 7675 5.1).
QUIET_SECONDS = 3.5
# A peer that was heard within this time keeps its address: another session's check from there is forged.
HOLD_SECONDS = 10.0
MAX_UFRAGS = 16
MAX_FORMER = 8  # addresses that the peer has left and may come back to without another proof


@dataclass(frozen=True, slots=True)
class Credentials:
    """One side's. `ufrag` is public; `password` signs the checks that this side gets, and its responses."""

    ufrag: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(ufrag={self.ufrag!r})"


def new_credentials() -> Credentials:
    """Fresh credentials for one ICE session, with more entropy than RFC 8445 5.3 requires."""
    return Credentials(ufrag=secrets.token_hex(8), password=secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`reply` goes to the address of the check; `selected` is the peer's address, if the check changed it."""

    reply: bytes
    valid: bool = False
    selected: Address | None = None


@dataclass(frozen=True, slots=True)
class _IceSession:
    local: Credentials
    remote: Credentials


class IceLite:
    """Answers the checks of one peer and knows the address to which its media goes.

    `sends_media`: much more than the peer sends, so over UDP its consent is what RFC 7675 says. `now` is in
    seconds of any clock that never goes back.
    """

    def __init__(
        self, local: Credentials, remote: Credentials, now: float, *, sends_media: bool = False
    ) -> None:
        self._sends_media = sends_media
        self._consented_at = now  # when the peer last proved that it hears us at the selected address
        self._ask_seconds = _ASK_SECONDS * (0.8 + secrets.randbelow(401) / 1000)
        self._asked_at = now
        self._current = _IceSession(local, remote)
        self._next: _IceSession | None = None  # after a restart, until the peer uses it
        self._remote_ufrags = [remote.ufrag]
        self.heard_at = now  # at the selected address
        self.selected: Address | None = None
        self.proven = False  # that the peer hears us at the selected address
        self._undivided = True  # what was sent unproven went to one address
        self._checked_at = now  # by a check from the selected address
        self._former: dict[Address, float] = {}  # proven addresses that the peer has left -> last heard there
        self._proof = AddressProof()
        self._round_trips = RoundTrips()

    @property
    def local(self) -> Credentials:
        """The newest local credentials, for an answer."""
        return (self._next or self._current).local

    def is_restart(self, remote_ufrag: str) -> bool:
        """Whether a fragment with that ufrag asks for a restart.

        A former ufrag does not: it belongs to a late candidate that was trickled before a restart.
        """
        return remote_ufrag not in self._remote_ufrags

    def restarted_from(self, remote: Credentials) -> str | None:
        """The local ufrag before the restart to `remote`, as long as the client has not used that; else None.

        A client that asks for the same again has missed our answer.
        """
        if self._next is None or self._next.remote != remote:
            return None
        return self._current.local.ufrag

    @property
    def local_ufrags(self) -> tuple[str, ...]:
        """The local ufrags that checks may use now."""
        sessions = (self._current, self._next)
        return tuple(session.local.ufrag for session in sessions if session is not None)

    def restart(self, local: Credentials, remote: Credentials) -> None:
        """Begin a new ICE session (RFC 8445 9). The old one works until the new one's first valid check."""
        self._next = _IceSession(local, remote)
        self._remote_ufrags = [*self._remote_ufrags[1 - MAX_UFRAGS :], remote.ufrag]

    def receive_check(self, request: BindingRequest, address: Address, now: float) -> CheckResult:
        """Answer a check from `address`."""
        if request.integrity_at is None:
            return CheckResult(error_response(request, StunCode.BAD_REQUEST))
        session = self._session_of(request)
        if session is None or not request.is_authentic(session.local.password):
            return CheckResult(error_response(request, StunCode.UNAUTHENTICATED))
        password = session.local.password
        if request.unknown:
            return CheckResult(error_response(request, StunCode.UNKNOWN_ATTRIBUTE, password))
        if request.is_controlled:  # a lite agent never controls a full one (RFC 8445 6.1.1)
            return CheckResult(error_response(request, StunCode.ROLE_CONFLICT, password))

        if session is self._next:
            self._current, self._next = session, None
        moved = self._follow(address, now, nominated=request.use_candidate)
        if address == self.selected:
            self.heard_at = self._checked_at = now
        reply = success_response(request, address[0], address[1], password)
        return CheckResult(reply, valid=True, selected=address if moved else None)

    def _session_of(self, request: BindingRequest) -> _IceSession | None:
        for session in (self._next, self._current):
            if (
                session is not None
                and session.local.ufrag == request.local_ufrag
                and session.remote.ufrag == request.remote_ufrag
            ):
                return session
        return None

    def _follow(self, address: Address, now: float, *, nominated: bool) -> bool:
        """Select `address` if it is nominated or the first one; returns whether the selection changed.

        If the selected address is quiet, select any other: the peer's NAT gave it another address. Once the
        selected address is proven, the next one must be proven before it is selected.
        """
        if self.selected is None:
            self.selected = address
            return True
        if address == self.selected:
            if self.proven and nominated:
                self._proof.drop()  # the peer stays
            elif not self.proven and not self._undivided:
                self._ask(address)
            return False
        if not nominated and now - self._checked_at < QUIET_SECONDS:
            return False
        if not self.proven:
            self._move(address)
            self._undivided = False
            self._ask(address)
            return True
        if now - (former := self._former.get(address, -math.inf)) < CONSENT_SECONDS:
            self._move(address)
            self._consented_at = former
            return True
        self._ask(address)
        return False

    def heard_elsewhere(self, address: Address) -> None:
        """Something authentic came from `address`, and no check: the peer's NAT may have given it that.

        Some clients check consent every 4 to 6 s: for so long media would go where nobody is any more.
        """
        if self.proven:
            self._ask(address)

    def _ask(self, address: Address) -> None:
        remote = self._current.remote
        self._proof.ask(address, f"{remote.ufrag}:{self._current.local.ufrag}", remote.password)

    def _move(self, address: Address) -> None:
        self._proof.drop()
        self._former.pop(address, None)
        if self.proven and self.selected is not None:
            self._former[self.selected] = self._consented_at if self._needs_answers else self.heard_at
            if len(self._former) > MAX_FORMER:
                del self._former[next(iter(self._former))]  # the one that was left first
        self.selected = address

    @property
    def asked(self) -> Address | None:
        """The address that is asked for a proof: requests may be due."""
        return self._proof.address

    def due_request(self, now: float) -> tuple[bytes, Address] | None:
        """The request for a proof, or for consent, to send at `now`, if one is due. It counts as sent."""
        if (
            now - self._consented_at >= self._ask_seconds
            and now - self._asked_at >= _ASK_AGAIN_SECONDS
            and self._needs_answers
            and self.selected is not None
            and self._proof.is_idle
        ):
            self._asked_at = now
            self._ask(self.selected)
        return self._proof.due(now)

    def due_measurement(self, interval: float, now: float) -> tuple[bytes, Address] | None:
        """A request to measure the round trip, if the last is `interval` seconds old. It counts as sent."""
        if not self.proven or self.selected is None or not self._round_trips.is_due(interval, now):
            return None
        return self._measurement(self.selected, now), self.selected

    def train(self, requests: int, now: float) -> list[bytes]:
        """So many requests to send together at `now`, to the selected address. They count as sent.

        None over TCP: there they would arrive as one.
        """
        if self.selected is None or isinstance(self.selected, TcpAddress):
            return []
        return [self._measurement(self.selected, now) for _ in range(requests)]

    def _measurement(self, address: Address, now: float) -> bytes:
        remote = self._current.remote
        return self._round_trips.request(
            address, f"{remote.ufrag}:{self._current.local.ufrag}", remote.password, now
        )

    def round_trip(self, response: bytes, address: Address, now: float) -> Answer | None:
        """The round trip, if `response` is the answer to such a request."""
        answer = self._round_trips.take(response, address, now)
        if answer is not None and address == self.selected:
            self._consented_at = now
        return answer

    def receive_response(self, response: bytes, address: Address, now: float) -> bool:
        """Take the answer to a request of ours. Returns whether `address`, selected then, was not proven."""
        if not self._proof.is_given(response, address):
            return False
        was_proven = self.proven and address == self.selected
        if address != self.selected:
            self._move(address)
        self._proof.drop()
        self.proven = True
        self.heard_at = self._checked_at = self._consented_at = now
        return not was_proven

    def handshake_done(self, now: float) -> None:
        """The peer has completed a handshake, so it has heard what went to the selected address."""
        if self._undivided:
            self.proven = True
            self._consented_at = now

    def holds(self, address: Address, now: float) -> bool:
        """Whether `address` is this peer's selected address and the peer was heard recently."""
        return address == self.selected and now - self.heard_at < HOLD_SECONDS

    def touch(self, now: float) -> None:
        """Something else authentic came from the selected address: some peers send no checks beside media.

        A publisher's media counts from any of its addresses, since we send it less than it sends us.
        """
        self.heard_at = max(self.heard_at, now)

    @property
    def last_sign(self) -> float:
        """When the peer last sent, or answered, anything from the selected address."""
        return max(self.heard_at, self._consented_at)

    def consent_expired(self, now: float) -> bool:
        """Whether the selected address was silent, or gave no answer, for too long (RFC 7675 5.1)."""
        return now - (self._consented_at if self._needs_answers else self.heard_at) >= CONSENT_SECONDS

    @property
    def _needs_answers(self) -> bool:
        """Checks and reports can be forged. What TCP sends is acknowledged by who receives it."""
        return self._sends_media and self.proven and not isinstance(self.selected, TcpAddress)
