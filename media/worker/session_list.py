"""Lists this worker's sessions for the control plane, and reads the log of one's line."""

from time import monotonic

from media.rooms.room import Room
from media.rooms.roster import Roster
from media.sessions.session import Session
from media.transport.address import Address, transport_of
from shared.messages.sessions import (
    MOST_SESSIONS,
    LineRead,
    ListedSessions,
    ListSessions,
    ReadLine,
    SessionStatus,
)
from shared.messages.signalling import Role
from shared.names import cut_end, cut_session
from shared.rpc.request import Handler
from shared.settings.host_port import HostPort


class SessionList:
    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def handlers(self) -> dict[type, Handler]:
        return {ListSessions: self.list_sessions, ReadLine: self.read_line}

    async def list_sessions(self, message: ListSessions) -> ListedSessions:
        """The sessions, publishers first, then the newest; at most `MOST_SESSIONS`."""
        now = monotonic()
        found = [
            (session, room)
            for session, room in self._roster.with_rooms()
            if not message.room or room.name == message.room
        ]
        found.sort(key=lambda each: (each[0].role is not Role.PUBLISH, -each[0].began_at))
        return ListedSessions(
            sessions=tuple(_status(session, room, now) for session, room in found[:MOST_SESSIONS]),
            total=len(found),
        )

    async def read_line(self, message: ReadLine) -> LineRead:
        session, _ = self._roster.named(cut_end(message.session), message.room)
        return LineRead(log=session.line_log(monotonic()))


def _status(session: Session, room: Room, now: float) -> SessionStatus:
    traffic = session.traffic()
    standby = next((each for each in room.standbys if each.session is session), None)
    tracks = room.tracks if standby is None else standby.tracks
    return SessionStatus(
        id=cut_session(session.id),
        room=room.name,
        role=session.role,
        state=session.state,
        standby=standby is not None,
        age=now - session.began_at,
        address=_text(session.ice.selected),
        transport=transport_of(session.ice.selected),
        # the layers of a picture have one codec
        codecs=tuple(dict.fromkeys(tracks[number].published.codec.name for number in traffic.tracks)),
        packets=traffic.packets,
        octets=traffic.octets,
        resent=traffic.resent,
        loss=traffic.loss,
        rtt=traffic.rtt,
        layer=room.describe(traffic.rendition) if traffic.reason else "",
        reason=traffic.reason,
        carries=traffic.carries,
        sound_lost=traffic.sound_lost,
        sound_resent=traffic.sound_resent,
        sound_redundant=traffic.sound_redundant,
    )


def _text(address: Address | None) -> str:
    if address is None:
        return ""
    return str(HostPort(address[0], address[1]))
