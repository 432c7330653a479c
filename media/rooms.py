"""The rooms and sessions of this worker: opened, found and ended here, in plain calls that do not wait."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from media.answer import LocalTransport
from media.demux import Demux
from media.dtls import Certificate
from media.fanout import Wire
from media.feedback import Feedback
from media.ice import Credentials, new_credentials
from media.metrics.ledger import Ledger
from media.negotiate import PlayedTrack, PublishedTrack, RoomTrack, negotiate_play, negotiate_publish
from media.recording.recorder import Recorder
from media.room import Room, new_feed
from media.session import EndReason, PublisherSession, Session, ViewerSession
from media.switch import Feed, PacketSwitch
from media.udp import UdpPort
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages import Role, RoomStatus
from shared.names import RoomName, SessionId, WorkerId, new_session_id
from shared.offer import Offer
from shared.sdpfrag import build_fragment

NO_PUBLISHER_RETRY_SECONDS = 2
# OBS and browsers close DTLS first and send their DELETE behind it; OBS wants a 200 all the same.
FAREWELL_SECONDS = 30.0
MAX_FAREWELLS = 1024

log = get_logger()


class Rooms:
    """Owns every room and session. `closed` is called with the name of each room that is gone."""

    def __init__(
        self,
        worker: WorkerId,
        port: UdpPort,
        candidates: tuple[tuple[str, int], ...],
        max_viewers: int,
        closed: Callable[[RoomName], None],
        recorder: Recorder | None = None,
    ) -> None:
        self._worker = worker
        self._port = port
        self._candidates = candidates
        self._max_viewers = max_viewers
        self._closed = closed
        self._recorder = recorder
        self._certificate = Certificate.generateCertificate()
        self._switch = PacketSwitch(port.transmit)
        self._rooms: dict[RoomName, Room] = {}
        self._opening: set[RoomName] = set()
        self._sessions: dict[SessionId, Session] = {}
        self._room_of: dict[Session, Room] = {}
        self._by_feed: dict[Feed, Room] = {}
        self.ledger = Ledger()
        self._farewells: dict[SessionId, tuple[RoomName, Role, float]] = {}  # closed by the peer, until then
        self.demux = Demux(self._switch, port.send, self._publisher_rtcp)

    # --- opening

    @contextmanager
    def opening(self, name: RoomName) -> Iterator[None]:
        """Hold `name` while its claim is under way; raises `PUBLISHER_EXISTS` when it is taken here."""
        if name in self._rooms or name in self._opening:
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        self._opening.add(name)
        try:
            yield
        finally:
            self._opening.discard(name)

    def negotiate_publish(self, offer: Offer) -> tuple[Credentials, tuple[PublishedTrack, ...], str]:
        """Credentials, tracks and answer for a publisher; nothing is held by it yet."""
        local = new_credentials()
        tracks, answer = negotiate_publish(offer, self._transport(local))
        return local, tracks, answer

    def open(
        self,
        name: RoomName,
        offer: Offer,
        local: Credentials,
        tracks: tuple[PublishedTrack, ...],
        now: float,
        expires_at: float | None,
    ) -> PublisherSession:
        """Open a room with its publisher."""
        session = PublisherSession(
            new_session_id(self._worker),
            offer,
            local,
            self._certificate,
            self._port,
            now,
            expires_at,
            self._ended,
        )
        feed = new_feed(tracks)
        feedback = Feedback(feed, tracks, name, time.time() - now, session.send_rtcp)
        session.relay_into(self._switch, feed)
        room = Room(
            name=name,
            started_at=time.time(),
            publisher=session,
            published=tracks,
            tracks=[
                RoomTrack(kind=track.kind, codec=track.codec, extensions=track.extensions, ssrc=ssrc)
                for track, ssrc in zip(tracks, feed.ssrcs, strict=True)
            ],
            feed=feed,
            feedback=feedback,
        )
        if self._recorder is not None:
            feed.tap = room.recording = self._recorder.open(
                name,
                room.tracks,
                report_at=feedback.play_time,
                want_keyframe=lambda: feedback.want_keyframes(monotonic()),
                warn=room.warnings.append,
            )
        self._rooms[name] = room
        self._by_feed[feed] = room
        self._register(session, room)
        return session

    def join(
        self, name: RoomName, offer: Offer, now: float, expires_at: float | None
    ) -> tuple[ViewerSession, str]:
        """Add a viewer to a room; returns its session and answer."""
        room = self._rooms.get(name)
        if room is None or room.publisher.ended:
            raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=NO_PUBLISHER_RETRY_SECONDS)
        if self._max_viewers and len(room.viewers) >= self._max_viewers:
            raise ServiceError(ErrorCode.SUBSCRIBER_LIMIT)
        local = new_credentials()
        played, answer = negotiate_play(offer, room.tracks, self._transport(local), name)
        session = ViewerSession(
            new_session_id(self._worker),
            offer,
            local,
            self._certificate,
            self._port,
            now,
            expires_at,
            self._ended,
        )
        session.watch(self._switch, room.feed, _wires(room, played), room.feedback)
        room.viewers[session.id] = session
        self._register(session, room)
        return session, answer

    def restart_ice(self, session: Session, remote_ufrag: str) -> str:
        """Begin a new ICE session for a client (RFC 9725 4.3.2); returns the fragment to answer with."""
        local = new_credentials()
        session.ice.restart(local, remote_ufrag)
        self.demux.add(session)
        kind, mid = session.first_section
        return build_fragment(local.ufrag, local.password, self._candidates, kind=kind, mid=mid)

    def _transport(self, local: Credentials) -> LocalTransport:
        return LocalTransport(
            ice_ufrag=local.ufrag,
            ice_pwd=local.password,
            fingerprint=self._certificate.fingerprint,
            candidates=self._candidates,
        )

    def _register(self, session: Session, room: Room) -> None:
        self._sessions[session.id] = session
        self._room_of[session] = room
        self.demux.add(session)
        self.ledger.session_opened(session)
        log.info("session opened", session=session.id, role=session.role, room=room.name)

    # --- finding

    def session(self, session_id: str, room: str, role: Role) -> Session:
        """The session of that id, room and role; raises `SESSION_NOT_FOUND`."""
        session = self._sessions.get(SessionId(session_id))
        if session is None or session.role != role or self._room_of[session].name != room:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        return session

    def names(self) -> Iterable[RoomName]:
        return self._rooms.keys()

    def statuses(self) -> tuple[RoomStatus, ...]:
        return tuple(room.status() for room in self._rooms.values())

    def sessions(self) -> Iterable[Session]:
        return self._sessions.values()

    def feeds(self) -> Iterable[Feed]:
        return self._by_feed

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    # --- ending

    def delete(self, session_id: str, room: str, role: Role, now: float) -> None:
        """End a session at its client's wish; raises `SESSION_NOT_FOUND`."""
        name, of, until = self._farewells.get(SessionId(session_id), (None, None, 0.0))
        if (name, of) == (room, role) and now < until:
            del self._farewells[SessionId(session_id)]
            return
        self.session(session_id, room, role).end(EndReason.DELETED)

    def close(self, name: RoomName, reason: EndReason) -> int:
        """End every session of a room; returns how many there were. 0: no such room."""
        room = self._rooms.get(name)
        if room is None:
            return 0
        count = 1 + len(room.viewers)
        room.publisher.end(reason)  # which takes the viewers along
        return count

    def close_all(self, reason: EndReason) -> None:
        for room in list(self._rooms.values()):
            room.publisher.end(reason)

    def tick(self, now: float) -> None:
        """Let time pass for all sessions and rooms. Called some times a second.

        A bug that shows in one of them ends that one: the worker and all others go on.
        """
        for session in list(self._sessions.values()):
            if not session.ended:  # an earlier one's end may have taken it along
                self._tick(session, session.tick, now)
        for room in list(self._rooms.values()):
            if not room.publisher.ended:
                self._tick(room.publisher, room.tick, now)

    def _tick(self, session: Session, tick: Callable[[float], None], now: float) -> None:
        try:
            tick(now)
        except Exception:
            log.exception("a session broke", session=session.id, role=session.role)
            try:
                session.end(EndReason.FAULT)
            except Exception:
                log.exception("a broken session ended badly", session=session.id, role=session.role)

    def _ended(self, session: Session, reason: EndReason) -> None:
        room = self._room_of.pop(session)
        del self._sessions[session.id]
        self.demux.remove(session)
        self.ledger.session_ended(session, reason)
        if reason is EndReason.CLOSED_BY_PEER:
            self._expect_farewell(session, room)
        log.info("session ended", session=session.id, role=session.role, room=room.name, reason=reason)
        if session is not room.publisher:
            del room.viewers[session.id]
            return
        del self._rooms[room.name], self._by_feed[room.feed]
        self.ledger.feeds.retire(room.feed)
        if room.recording is not None:
            room.recording.close()
        for viewer in list(room.viewers.values()):
            viewer.end(_for_viewers(reason))
        log.info("room closed", room=room.name, reason=reason)
        self._closed(room.name)

    def _expect_farewell(self, session: Session, room: Room) -> None:
        if len(self._farewells) >= MAX_FAREWELLS:
            del self._farewells[next(iter(self._farewells))]  # the oldest
        self._farewells[session.id] = (room.name, session.role, monotonic() + FAREWELL_SECONDS)

    def _publisher_rtcp(self, feed: Feed, compound: bytes, now: float) -> None:
        room = self._by_feed.get(feed)
        if room is not None:
            room.feedback.receive_from_publisher(compound, now)


def _for_viewers(reason: EndReason) -> EndReason:
    of_room = (EndReason.ROOM_CLOSED, EndReason.ROOM_LOST, EndReason.WORKER_STOPS)
    return reason if reason in of_room else EndReason.PUBLISHER_LEFT


def _wires(room: Room, played: Iterable[PlayedTrack]) -> list[Wire | None]:
    """The form of each of the room's tracks towards one viewer; None where it does not take the track."""
    wires: list[Wire | None] = [None] * len(room.tracks)
    for track in played:
        published = room.published[track.track_index].extensions
        ids = {published[uri]: to for uri, to in track.extensions.items() if uri in published}
        wires[track.track_index] = Wire(track.payload_type, ids)
    return wires
