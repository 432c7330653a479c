"""The ICE-lite agent of one session (RFC 8445 2.5): answers checks, learns the peer's address.

Assumptions: one component, one stream (BUNDLE, rtcp-mux); the peer is a full agent and controls. The peer's
candidates are not needed: the first check that proves knowledge of our password shows its address.
"""

import secrets
from dataclasses import dataclass

from media.transport.address import Address
from media.transport.stun import BindingRequest, StunCode, error_response, success_response

CONSENT_SECONDS = 30.0  # RFC 7675 5.1
# After this time without a check from the selected address, a check from another address moves the peer,
# nominated or not. Some clients nominate only once, and then check consent every 4 to 6 s (RFC 7675 5.1).
QUIET_SECONDS = 3.5
# A peer that was heard within this time keeps its address: another session's check from there is forged.
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
    """Fresh credentials for one ICE session, with more entropy than RFC 8445 5.3 requires."""
    return Credentials(ufrag=secrets.token_hex(8), password=secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`reply` goes to the address of the check; `selected` is the peer's new address, if it changed."""

    reply: bytes
    valid: bool = False
    selected: Address | None = None


@dataclass(frozen=True, slots=True)
class _IceSession:
    local: Credentials
    remote_ufrag: str


class IceLite:
    """Answers the checks of one peer and knows the address to which its media goes.

    `now` is in seconds of any clock that never goes back.
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
        """The newest local credentials, for an answer."""
        return (self._next or self._current).local

    def is_restart(self, remote_ufrag: str) -> bool:
        """Whether a fragment with that ufrag asks for a restart.

        A former ufrag does not: it belongs to a late candidate that was trickled before a restart.
        """
        return remote_ufrag not in self._remote_ufrags

    @property
    def local_ufrags(self) -> tuple[str, ...]:
        """The local ufrags that checks may use now."""
        sessions = (self._current, self._next)
        return tuple(session.local.ufrag for session in sessions if session is not None)

    def restart(self, local: Credentials, remote_ufrag: str) -> None:
        """Begin a new ICE session (RFC 8445 9). The old one works until the new one's first valid check."""
        self._next = _IceSession(local, remote_ufrag)
        self._remote_ufrags = [*self._remote_ufrags[1 - MAX_UFRAGS :], remote_ufrag]

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
        """Select `address` if it is nominated or the first one; returns whether the selection changed.

        If the selected address is quiet, select any other: the peer's NAT gave it another address.
        """
        if address != self.selected:
            if self.selected is not None and not nominated and now - self._selected_heard_at < QUIET_SECONDS:
                return False
            self.selected, self._selected_heard_at = address, now
            return True
        self._selected_heard_at = now
        return False

    def holds(self, address: Address, now: float) -> bool:
        """Whether `address` is this peer's selected address and the peer was heard recently."""
        return address == self.selected and now - self.heard_at < HOLD_SECONDS

    def touch(self, now: float) -> None:
        """Anything else authentic came from the peer: some peers send no checks while media flows."""
        self.heard_at = max(self.heard_at, now)

    def consent_expired(self, now: float, timeout: float = CONSENT_SECONDS) -> bool:
        """Whether the peer was silent for `timeout` seconds (RFC 7675 5.1)."""
        return now - self.heard_at >= timeout
