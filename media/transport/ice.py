"""The ICE-lite agent of one session (RFC 8445 2.5): answers checks, learns where the peer is.

Assumptions: one component, one stream (BUNDLE, rtcp-mux); the peer is a full agent and controls; candidates
of the peer are not needed, since the first check that proves knowledge of our password tells its address.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from media.transport.stun import BindingRequest, StunCode, error_response, success_response

Address = tuple[Any, ...]  # of a socket: host and port first

CONSENT_SECONDS = 30.0  # RFC 7675 5.1
# Without a check from the selected address: then one from elsewhere moves the peer, nominated or not. Some
# clients nominate but once, and then ask for consent every 4 to 6 s (RFC 7675 5.1).
QUIET_SECONDS = 3.5
# The address of a peer heard within it is nobody else's: a check that seems to come from there is forged.
HOLD_SECONDS = 10.0
MAX_UFRAGS = 16


@dataclass(frozen=True, slots=True)
class Credentials:
    """`ufrag` is public; `password` signs checks and responses."""

    ufrag: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(ufrag={self.ufrag!r})"


def new_credentials() -> Credentials:
    """Fresh ones for one ICE session, of the alphabet and more than the entropy of RFC 8445 5.3."""
    return Credentials(ufrag=secrets.token_hex(8), password=secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`reply` goes back to where the check came from; `selected` is the peer's address when it changed."""

    reply: bytes
    valid: bool = False
    selected: Address | None = None


@dataclass(frozen=True, slots=True)
class _IceSession:
    local: Credentials
    remote_ufrag: str


class IceLite:
    """Answers the checks of one peer and knows the address that its media goes to.

    `now` is in seconds of any clock that does not step back.
    """

    def __init__(self, local: Credentials, remote_ufrag: str, now: float) -> None:
        self._current = _IceSession(local, remote_ufrag)
        self._next: _IceSession | None = None  # after a restart, until the peer uses it
        self._remote_ufrags = [remote_ufrag]
        self.heard_at = now
        self.selected: Address | None = None
        self._selected_heard_at = now

    @property
    def local(self) -> Credentials:
        """The newest local credentials: those that an answer tells."""
        return (self._next or self._current).local

    def is_restart(self, remote_ufrag: str) -> bool:
        """Whether a fragment with that ufrag asks for a restart.

        One with a former ufrag does not: a candidate that was trickled before the restart comes late.
        """
        return remote_ufrag not in self._remote_ufrags

    @property
    def local_ufrags(self) -> tuple[str, ...]:
        """Each local ufrag that checks may come for now."""
        sessions = (self._current, self._next)
        return tuple(session.local.ufrag for session in sessions if session is not None)

    def restart(self, local: Credentials, remote_ufrag: str) -> None:
        """Begin a new ICE session (RFC 8445 9); the old one is served until the first valid check in it."""
        self._next = _IceSession(local, remote_ufrag)
        self._remote_ufrags = [*self._remote_ufrags[1 - MAX_UFRAGS :], remote_ufrag]

    def receive_check(self, request: BindingRequest, address: Address, now: float) -> CheckResult:
        """Answer one check that came from `address`."""
        if request.integrity_at is None:
            return CheckResult(error_response(request, StunCode.BAD_REQUEST))
        session = self._session_of(request)
        if session is None or not request.is_authentic(session.local.password):
            return CheckResult(error_response(request, StunCode.UNAUTHENTICATED))
        password = session.local.password
        if request.unknown:
            return CheckResult(error_response(request, StunCode.UNKNOWN_ATTRIBUTE, password))
        if request.controlled is not None:  # a lite agent never controls a full one (RFC 8445 6.1.1)
            return CheckResult(error_response(request, StunCode.ROLE_CONFLICT, password))

        if session is self._next:
            self._current, self._next = session, None
        self.heard_at = now
        moved = self._select(address, now, nominated=request.use_candidate)
        reply = success_response(request, address[0], address[1], password)
        return CheckResult(reply, valid=True, selected=address if moved else None)

    def _session_of(self, request: BindingRequest) -> _IceSession | None:
        for session in (self._next, self._current):
            if (
                session is not None
                and session.local.ufrag == request.local_ufrag
                and session.remote_ufrag == request.remote_ufrag
            ):
                return session
        return None

    def _select(self, address: Address, now: float, *, nominated: bool) -> bool:
        """Take the latest nominated address, or the first of all until one is; whether it changed.

        So is any other, when the selected one has fallen quiet: the peer's NAT gave it another address.
        """
        if address != self.selected:
            if self.selected is not None and not nominated and now - self._selected_heard_at < QUIET_SECONDS:
                return False
            self.selected, self._selected_heard_at = address, now
            return True
        self._selected_heard_at = now
        return False

    def holds(self, address: Address, now: float) -> bool:
        """Whether `address` is this peer's, which was heard lately."""
        return address == self.selected and now - self.heard_at < HOLD_SECONDS

    def touch(self, now: float) -> None:
        """Anything else authentic came from the peer: some peers send no checks while media flows."""
        self.heard_at = max(self.heard_at, now)

    def consent_expired(self, now: float, timeout: float = CONSENT_SECONDS) -> bool:
        """Whether the peer was silent for `timeout` seconds (RFC 7675 5.1)."""
        return now - self.heard_at >= timeout
