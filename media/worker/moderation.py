"""What operators forbid, on this worker: it refuses that, and ends the sessions that do it.

The worker decides, not control alone: so a session cannot slip through while a ruling is on its way to a
control process, or to another worker of the same room.
"""

from collections.abc import Awaitable, Callable

from media.rooms.rooms import Rooms
from media.rooms.roster import Roster
from media.sessions.end_reason import EndReason
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import EndedSession, EndSession, Obeyed, ObeyRulings, TokenMark
from shared.names import RoomName, cut_end
from shared.rpc.request import Handler
from shared.rulings.ruling_book import RulingBook
from shared.telemetry.logging import get_logger

log = get_logger()


class Moderation:
    """`obey` must be called when other rulings are in force than before.

    `announced` waits until the directory knows what has changed. `cut_off_seconds`: how long a session may
    go on while nobody knows whether a ruling forbids it; 0: for ever.
    """

    def __init__(
        self,
        book: RulingBook,
        rooms: Rooms,
        roster: Roster,
        announced: Callable[[], Awaitable[None]],
        cut_off_seconds: float = 0.0,
    ) -> None:
        self._cut_off_seconds = cut_off_seconds
        self._book = book
        self._announced = announced
        self._rooms = rooms
        self._roster = roster
        self._ended = 0  # sessions, since somebody asked

    def handlers(self) -> dict[type, Handler]:
        return {ObeyRulings: self.obey_now, EndSession: self.end_session}

    def check(self, room: RoomName, token: TokenMark | None) -> None:
        """Raises `ROOM_BLOCKED`, or `UNAUTHORIZED` if the token was revoked."""
        now, rulings = self._book.now(), self._book.rulings
        if rulings.revokes(token, now):
            raise ServiceError(ErrorCode.UNAUTHORIZED, detail="the JWT was revoked")
        if block := rulings.block_of(room, now):
            raise ServiceError(ErrorCode.ROOM_BLOCKED, detail=block.reason or None)

    def obey(self) -> None:
        """End every session that a ruling forbids, and every copy of a blocked room."""
        now, rulings = self._book.now(), self._book.rulings
        for session, _ in list(self._roster.with_rooms()):
            if not session.ended and rulings.revokes(session.token, now):
                session.end(EndReason.TOKEN_REVOKED)
                self._ended += 1
        for room in self._rooms.all_names():
            if rulings.block_of(room, now):
                self._ended += self._rooms.close(room, EndReason.ROOM_BLOCKED)

    def tick(self, now: float) -> None:
        """End everything when the rulings have been out of reach for too long. `now`: of the steady clock."""
        if not self._cut_off_seconds or now - self._book.known_at < self._cut_off_seconds:
            return
        if len(self._rooms):
            log.error("cut off from Redis for too long: all sessions end", rooms=len(self._rooms))
            self._rooms.close_all(EndReason.CUT_OFF)

    async def obey_now(self, message: ObeyRulings) -> Obeyed:
        if message.data:
            self._book.take(message.name, message.data)
        await self._book.look()
        ended, self._ended = self._ended, 0
        if ended:
            await self._announced()
        return Obeyed(sessions=ended)

    async def end_session(self, message: EndSession) -> EndedSession:
        session, room = self._roster.named(cut_end(message.session), message.room)
        session.end(EndReason.ENDED_BY_OPERATOR)
        await self._announced()
        return EndedSession(room=room.name, role=session.role)
