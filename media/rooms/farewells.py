"""Sessions that are over, and whose DELETE may still come.

OBS and browsers close DTLS first and send their DELETE after that; OBS requires a 200 all the same. A
publisher whose session this worker ended learns from the answer to its DELETE whether it may come back.
"""

from dataclasses import dataclass

from shared.messages.signalling import Role
from shared.names import RoomName, SessionId

FAREWELL_SECONDS = 30.0
MAX_FAREWELLS = 1024


@dataclass(frozen=True, slots=True)
class _Farewell:
    room: RoomName
    role: Role
    reason: str
    until: float


class Farewells:
    """The sessions whose DELETE may still come, within `seconds`. `now` is in seconds of a steady clock."""

    def __init__(self, seconds: float = FAREWELL_SECONDS) -> None:
        self._seconds = seconds
        self._by_session: dict[SessionId, _Farewell] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def expect(self, session: SessionId, room: RoomName, role: Role, reason: str, now: float) -> None:
        """Expect the DELETE of a session that has ended because of `reason`."""
        if len(self._by_session) >= MAX_FAREWELLS:
            del self._by_session[next(iter(self._by_session))]  # the oldest
        self._by_session[session] = _Farewell(room, role, reason, now + self._seconds)

    def take(self, session: SessionId, room: str, role: Role, now: float) -> str | None:
        """Why the session ended, if its DELETE was expected; otherwise None. A second DELETE gets None."""
        farewell = self._by_session.get(session)
        if farewell is None or (farewell.room, farewell.role) != (room, role) or now >= farewell.until:
            return None
        del self._by_session[session]
        return farewell.reason
