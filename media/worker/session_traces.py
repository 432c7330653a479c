"""Adds to the trace of an offer what its session goes through: ICE, DTLS, the first picture.

Nothing of that is measured for it: a few times a second it looks at the times that sessions note anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

from media.rooms.room import Room
from media.rooms.rooms import Rooms
from media.sessions.publisher_session import PublisherSession
from media.sessions.session import Session
from media.sessions.viewer_session import ViewerSession
from media.transport.address import transport_of
from shared.names import RoomName
from shared.telemetry.tracing import Trace

PICTURE_SECONDS = 60.0  # a picture that has not come after that never may: it may be sound alone


@dataclass(slots=True)
class _Followed:
    session: Session
    room: RoomName
    trace: Trace
    offset: float  # of Unix time to the steady clock
    is_connected: bool = False  # and that was added


class SessionTraces:
    """`tick` adds what has happened since. Spans have the times of this host, by `unix_clock`."""

    def __init__(
        self,
        rooms: Rooms,
        clock: Callable[[], float] = monotonic,
        unix_clock: Callable[[], float] = time,
    ) -> None:
        self._rooms = rooms
        self._clock = clock
        self._unix_clock = unix_clock
        self._followed: list[_Followed] = []

    def follow(self, session: Session, room: RoomName, trace: Trace | None) -> None:
        """Add to `trace` from now on; None: nobody wants to know. `session` has just begun."""
        if trace is not None:
            offset = self._unix_clock() - self._clock()
            self._followed.append(_Followed(session, room, trace, offset))

    def tick(self, now: float) -> None:
        if self._followed:
            self._followed = [one for one in self._followed if self._goes_on(one, now)]

    def _goes_on(self, one: _Followed, now: float) -> bool:
        session = one.session
        if not one.is_connected and session.checked_at is not None and session.connected_at is not None:
            one.is_connected = True
            transport = transport_of(session.ice.selected)
            self._add(one, "ICE", session.began_at, session.checked_at, transport=transport)
            self._add(one, "DTLS", session.checked_at, session.connected_at)
        if one.is_connected and session.connected_at is not None:
            picture_at = self._first_picture(one)
            if picture_at is not None:
                self._add(one, "first picture", session.connected_at, picture_at)
                return False
        if session.ended:
            if not one.is_connected:
                self._add(one, "ICE and DTLS failed", session.began_at, now)
            return False
        return now - session.began_at < PICTURE_SECONDS

    def _first_picture(self, one: _Followed) -> float | None:
        """When the viewer was sent its first picture, or the publisher's first one came."""
        if isinstance(one.session, ViewerSession):
            return one.session.first_picture_at
        room = self._rooms.find(one.room)
        if not isinstance(one.session, PublisherSession) or room is None or room.source is not one.session:
            return None
        return _keyframe_after(room, one.session.connected_at or 0.0)

    def _add(self, one: _Followed, name: str, began: float, ended: float, **attributes: str) -> None:
        one.trace.add(name, began + one.offset, ended + one.offset, **attributes)


def _keyframe_after(room: Room, then: float) -> float | None:
    found = [track.sent.keyframe_at for track in room.tracks if track.sent.keyframe_at >= then]
    return min(found, default=None)
