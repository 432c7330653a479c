"""The rooms of this worker: opened, joined and ended here, in plain calls that do not wait."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from media.alarms import Alarms
from media.demux import Demux
from media.farewells import Farewells
from media.feedback import Feedback
from media.ice import Credentials, new_credentials
from media.metrics.ledger import Ledger
from media.negotiate import PublishedTrack, RoomTrack, negotiate_play, negotiate_publish
from media.recording.recorder import Recorder
from media.relays_out import RelaysOut
from media.room import Room, new_feed
from media.sent_track import JoinBurstMode
from media.session import FOR_GOOD, EndReason, PublisherSession, Session
from media.sessions import Sessions
from media.source import Source
from media.switch import Feed, PacketSwitch
from media.udp import UdpPort
from media.viewer_session import ViewerSession
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages import Role, RoomStatus
from shared.names import RoomName, SessionId, WorkerId
from shared.offer import Offer

NO_PUBLISHER_RETRY_SECONDS = 2

log = get_logger()


class Rooms:
    """Owns every room. `closed` is called with the name of each room that is gone."""

    def __init__(
        self,
        worker: WorkerId,
        port: UdpPort,
        candidates: tuple[tuple[str, int], ...],
        max_viewers: int,
        closed: Callable[[RoomName], None],
        recorder: Recorder | None = None,
        relay_addresses: tuple[tuple[str, int], ...] = (),
        join_burst: JoinBurstMode = "auto",
    ) -> None:
        self._max_viewers = max_viewers
        self._closed = closed
        self._recorder = recorder
        self._join_burst: JoinBurstMode = join_burst
        self._switch = PacketSwitch(port.transmit, self._speak)
        self._alarms = Alarms(self._speak)
        self._rooms: dict[RoomName, Room] = {}
        self._opening: set[RoomName] = set()
        self._by_feed: dict[Feed, Room] = {}
        self._farewells = Farewells()
        self.ledger = Ledger()
        self.demux = Demux(self._switch, port.send, self._publisher_rtcp)
        self.sessions = Sessions(worker, port, candidates, self.demux, self.ledger, self._session_ended)
        self.relays_out = RelaysOut(
            self._switch, self.demux, port.send, self.ledger.relays, relay_addresses or candidates
        )

    # --- opening

    @contextmanager
    def opening(self, name: RoomName) -> Iterator[None]:
        """Hold `name` while its claim is under way; raises `PUBLISHER_EXISTS` when it is taken here.

        A copy takes nothing: the claim is its origin's, if that still lives.
        """
        room = self._rooms.get(name)
        if (room is not None and room.origin is None) or name in self._opening:
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        self._opening.add(name)
        try:
            yield
        finally:
            self._opening.discard(name)

    def negotiate_publish(self, offer: Offer) -> tuple[Credentials, tuple[PublishedTrack, ...], str]:
        """Credentials, tracks and answer for a publisher; nothing is held by it yet."""
        local = new_credentials()
        tracks, answer = negotiate_publish(offer, self.sessions.transport(local))
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
        """Open a room with its publisher. A copy of it that was here ends."""
        self.close(name, EndReason.PUBLISHER_LEFT)
        session = self.sessions.new(PublisherSession, offer, local, now, expires_at)
        room = self.open_room(name, session, tracks, now)
        self.sessions.register(session, room)
        return session

    def open_room(self, name: RoomName, source: Source, tracks: Sequence[PublishedTrack], now: float) -> Room:
        """Open a room for what `source` sends. Call `source_ended` when it has ended."""
        feed = new_feed(tracks, self._join_burst)
        feedback = Feedback(feed, tracks, name, time.time() - now, source.send_rtcp, self.ledger.publishers)
        source.relay_into(self._switch, feed)
        room = Room(
            name=name,
            started_at=time.time(),
            source=source,
            published=tracks,
            tracks=[
                RoomTrack(
                    kind=track.kind,
                    codec=track.codec,
                    extensions=track.extensions,
                    ssrc=sent.ssrc,
                    rtx_ssrc=sent.rtx_ssrc,
                )
                for track, sent in zip(tracks, feed.sent, strict=True)
            ],
            feed=feed,
            feedback=feedback,
        )
        if self._recorder is not None and room.origin is None:
            feed.tap = room.recording = self._recorder.open(
                name,
                room.tracks,
                report_at=feedback.play_time,
                want_keyframe=lambda: feedback.want_keyframes(monotonic()),
                warn=room.warnings.append,
            )
        self._rooms[name] = room
        self._by_feed[feed] = room
        return room

    def join(
        self,
        name: RoomName,
        offer: Offer,
        now: float,
        expires_at: float | None,
        viewers_elsewhere: int = 0,
    ) -> tuple[ViewerSession, str]:
        """Add a viewer to a room; returns its session and answer."""
        room = self._rooms.get(name)
        if room is None:
            raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=NO_PUBLISHER_RETRY_SECONDS)
        if self._max_viewers and len(room.viewers) + viewers_elsewhere >= self._max_viewers:
            raise ServiceError(ErrorCode.SUBSCRIBER_LIMIT)
        local = new_credentials()
        played, answer = negotiate_play(offer, room.tracks, self.sessions.transport(local), name)
        session = self.sessions.new(ViewerSession, offer, local, now, expires_at)
        session.watch(self._switch, room.feed, room.wires(played), room.feedback, self.ledger.viewers)
        room.viewers[session.id] = session
        self.sessions.register(session, room)
        return session, answer

    # --- finding

    def find(self, name: RoomName) -> Room | None:
        return self._rooms.get(name)

    def names(self) -> Iterable[RoomName]:
        """The rooms that this worker owns: copies of other workers' are theirs."""
        return [name for name, room in self._rooms.items() if room.origin is None]

    def statuses(self) -> tuple[RoomStatus, ...]:
        return tuple(room.status() for room in self._rooms.values())

    def feeds(self) -> Iterable[Feed]:
        return self._by_feed

    @property
    def session_count(self) -> int:
        return len(self.sessions)

    @property
    def viewer_count(self) -> int:
        return sum(len(room.viewers) for room in self._rooms.values())

    # --- ending

    def delete(self, session_id: str, room: str, role: Role, now: float) -> str:
        """End a session at its client's wish; returns why it ended. Raises `SESSION_NOT_FOUND`."""
        if reason := self._farewells.take(SessionId(session_id), room, role, now):
            return reason
        self.sessions.find(session_id, room, role).end(EndReason.DELETED)
        return EndReason.DELETED

    def close(self, name: RoomName, reason: EndReason) -> int:
        """End every session of a room; returns how many there were. 0: none, or no such room."""
        room = self._rooms.get(name)
        if room is None:
            return 0
        count = (room.origin is None) + len(room.viewers)
        self._close(room, reason)
        return count

    def close_all(self, reason: EndReason) -> None:
        for room in list(self._rooms.values()):
            self._close(room, reason)

    def tick(self, now: float) -> None:
        """Let time pass for all sessions and rooms. Called some times a second.

        A bug that shows in one of them ends that one: the worker and all others go on.
        """
        self.sessions.tick(now)
        for room in list(self._rooms.values()):
            with self._closing_if_broken(room):
                room.tick(now)
        self.relays_out.tick(now)

    @contextmanager
    def _closing_if_broken(self, room: Room) -> Iterator[None]:
        try:
            yield
        except Exception:
            log.exception("a room broke", room=room.name)
            self._close(room, EndReason.FAULT)

    def source_ended(self, room: Room, source: Source, reason: EndReason) -> None:
        """The source of a room has ended, for whatever reason."""
        if room.source is source:
            room.source = None
            self._close(room, reason)

    def _session_ended(self, session: Session, room: Room, reason: EndReason) -> None:
        if reason is EndReason.CLOSED_BY_PEER or (session.role is Role.PUBLISH and reason in FOR_GOOD):
            self._farewells.expect(session.id, room.name, session.role, reason, monotonic())
        if isinstance(session, PublisherSession):
            self.source_ended(room, session, reason)
        else:
            del room.viewers[session.id]

    def _close(self, room: Room, reason: EndReason) -> None:
        if self._by_feed.pop(room.feed, None) is None:
            return
        del self._rooms[room.name]
        self._alarms.clear(room.feed)
        self.ledger.feeds.retire(room.feed)
        self._closed(room.name)
        if room.recording is not None:
            room.recording.close()
        for viewer in list(room.viewers.values()):
            viewer.end(_for_viewers(reason))
        self.relays_out.room_closed(room.name, reason)
        if room.source is not None:
            source, room.source = room.source, None
            source.end(reason)
        log.info("room closed", room=room.name, reason=reason)

    def _publisher_rtcp(self, feed: Feed, compound: bytes, now: float) -> None:
        room = self._by_feed.get(feed)
        if room is not None:
            room.feedback.receive_from_publisher(compound, now)

    def _speak(self, feed: Feed, now: float) -> None:
        room = self._by_feed.get(feed)
        if room is None:
            return
        with self._closing_if_broken(room):
            again = room.feedback.speak(now)
            if again is not None:
                self._alarms.set(feed, again)


def _for_viewers(reason: EndReason) -> EndReason:
    of_room = (EndReason.ROOM_CLOSED, EndReason.ROOM_LOST, EndReason.WORKER_STOPS)
    return reason if reason in of_room else EndReason.PUBLISHER_LEFT
