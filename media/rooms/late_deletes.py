"""Sessions that are over, and whose DELETE may still come.

OBS and browsers close DTLS first and send their DELETE after that; OBS requires a 200 all the same. A
publisher whose session this worker ended learns from the answer to its DELETE whether it may come back.
"""

from dataclasses import dataclass

from shared.messages.signalling import Role
from shared.names import RoomName, SessionId

LATE_DELETE_SECONDS = 30.0
MAX_LATE_DELETES = 1024


@dataclass(frozen=True, slots=True)
class _Ended:
    room: RoomName
    role: Role
    reason: str
    until: float


class LateDeletes:
    """The sessions whose DELETE may still come, within `seconds`. `now` is in seconds of a steady clock."""

    def __init__(self, seconds: float = LATE_DELETE_SECONDS) -> None:
        self._seconds = seconds
        self._by_session: dict[SessionId, _Ended] = {}

    def expect(self, session: SessionId, room: RoomName, role: Role, reason: str, now: float) -> None:
        """Expect the DELETE of a session that has ended because of `reason`."""
        if len(self._by_session) >= MAX_LATE_DELETES:
            del self._by_session[next(iter(self._by_session))]  # the oldest
        self._by_session[session] = _Ended(room, role, reason, now + self._seconds)

    def take(self, session: SessionId, room: str, role: Role, now: float) -> str | None:
        """Why the session ended, if its DELETE was expected; otherwise None. A second DELETE gets None."""
        late_delete = self._by_session.get(session)
        if (
            late_delete is None
            or (late_delete.room, late_delete.role) != (room, role)
            or now >= late_delete.until
        ):
            return None
        del self._by_session[session]
        return late_delete.reason
