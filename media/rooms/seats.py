"""The sessions of this worker by client, and those to which nobody has connected yet.

An offer costs its sender nothing, and a session without a single authentic check holds a seat for nobody. So
such sessions are few, and they give way: to others at once if their client holds several, else when they are
late. They count against their own client all the same (`MAX_SUBS_PER_ROOM` counts from the answer on).
"""

from collections import Counter
from collections.abc import Container

from media.sessions.end_reason import EndReason
from media.sessions.session import Session
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import SessionId

MOST_UNCONNECTED = 1_000
MOST_UNCONNECTED_OF_CLIENT = 250
LATE_SECONDS = 2.0  # an honest client's first check comes a round trip after its answer


class Seats:
    """A client is an IPv4 address or an IPv6 /64; "" is one that nobody knows, and has no limits of its own.

    `most_viewers`: of one client; 0: no limit. `now` is in seconds of a steady clock.
    """

    def __init__(self, most_viewers: int = 0) -> None:
        self._most_viewers = most_viewers
        self._viewers: Counter[str] = Counter()
        self._unconnected: dict[Session, None] = {}  # the oldest first

    def check_viewer(self, client: str) -> None:
        """Raises `VIEWER_LIMIT` if the client has as many viewers as it may have."""
        if client and self._most_viewers and self._viewers[client] >= self._most_viewers:
            raise ServiceError(ErrorCode.VIEWER_LIMIT, detail="MAX_VIEWERS_PER_CLIENT is reached")

    def take(self, session: Session) -> None:
        """Add a session. The oldest that nobody has connected to ends, if there are too many of those."""
        self._viewers[session.client] += session.role is Role.PLAY
        self._unconnected[session] = None  # first: what ends below may take it along
        own = [each for each in self._unconnected if session.client and each.client == session.client]
        if len(own) > MOST_UNCONNECTED_OF_CLIENT:
            own[0].end(EndReason.NOT_CONNECTED)
        elif len(self._unconnected) > MOST_UNCONNECTED:
            next(iter(self._unconnected)).end(EndReason.NOT_CONNECTED)

    def connect(self, session: Session) -> None:
        """Take that the session's first authentic check has come."""
        self._unconnected.pop(session, None)

    def leave(self, session: Session) -> None:
        self._unconnected.pop(session, None)
        self._viewers[session.client] -= session.role is Role.PLAY
        if not self._viewers[session.client]:
            del self._viewers[session.client]

    def late(self, now: float) -> int:
        """How many viewers should have connected by now: they use nothing of the worker."""
        return sum(
            session.role is Role.PLAY and now - session.began_at >= LATE_SECONDS
            for session in self._unconnected
        )

    def gives_way(self, client: str, seats: Container[SessionId], now: float) -> Session | None:
        """Which of the sessions `seats` must end for a viewer of `client`; None: none must.

        It is the oldest of the client that holds most without having connected. A client pushes nobody out
        while it holds as many itself: so a flood of offers finds no other's seat.
        """
        idle = [session for session in self._unconnected if session.id in seats]
        held = Counter(session.client for session in idle)
        others = [session for session in idle if session.client != client]
        if not others:
            return None
        oldest = max(others, key=lambda session: held[session.client])  # of the first of these
        more = held[oldest.client] - held[client]
        if more < 1 or (more == 1 and now - oldest.began_at < LATE_SECONDS):
            return None
        return oldest
