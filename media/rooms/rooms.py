"""The rooms of this worker: opened, joined and ended here, in plain calls that do not wait."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from media.negotiation.agreed_tracks import PublishedTrack
from media.negotiation.negotiate import CannotPlayError, negotiate_play, negotiate_publish
from media.recording.recorder import Recorder
from media.relay.origin import RelaysOut
from media.rooms import recorded as room_recording
from media.rooms.farewells import FAREWELL_SECONDS, Farewells
from media.rooms.opening import new_room
from media.rooms.room import Room
from media.rooms.roster import Sessions
from media.rooms.source import Source
from media.rooms.succession import fits, is_same, may_change_hands, take_over
from media.sessions.demux import Demux
from media.sessions.end_reason import FOR_GOOD, MAY_COME_BACK, MAY_SAY_FAREWELL, EndReason
from media.sessions.ledger import Ledger
from media.sessions.publisher_session import PublisherSession
from media.sessions.session import Session
from media.sessions.viewer_session import ViewerSession
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import JoinBurstMode
from media.transport.ice import Credentials, new_credentials
from media.transport.udp import UdpPort
from media.worker.alarms import Alarms
from shared.errors import ErrorCode, ServiceError
from shared.logging import get_logger
from shared.messages.signalling import Role
from shared.messages.status import RoomStatus
from shared.names import RoomName, SessionId, WorkerId
from shared.sdp.offer import Offer

NO_PUBLISHER_RETRY_SECONDS = 2

log = get_logger()


class Rooms:
    """Owns every room. `closed` is called with the name of each room that is gone.

    `grace`: seconds that a room waits for a publisher that has fallen silent.
    """

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
        *,
        grace: float = 0.0,
    ) -> None:
        self._max_viewers = max_viewers
        self._grace = grace
        self._closed = closed
        self._recorder = recorder
        self._join_burst: JoinBurstMode = join_burst
        self._switch = PacketSwitch(port.transmit, self._speak)
        self._alarms = Alarms(self._speak)
        self._rooms: dict[RoomName, Room] = {}
        self._opening: set[RoomName] = set()
        self._by_feed: dict[Feed, Room] = {}
        self._farewells = Farewells(max(FAREWELL_SECONDS, grace))
        self.ledger = Ledger()
        self.demux = Demux(self._switch, port.send, self._publisher_rtcp)
        self.sessions = Sessions(worker, port, candidates, self.demux, self.ledger, self._session_ended)
        self.relays_out = RelaysOut(
            self._switch, self.demux, port.send, self.ledger.relays, relay_addresses or candidates
        )

    # --- opening

    @contextmanager
    def opening(self, name: RoomName, identity: str, now: float) -> Iterator[bool]:
        """Hold `name` while its claim is under way; gives whether the room is this worker's already.

        Raises `PUBLISHER_EXISTS` when another has it, or is just about to. A copy takes nothing: the claim is
        its origin's, if that still lives.
        """
        room = self._rooms.get(name)
        if room is not None and room.origin is not None:
            room = None
        if name in self._opening or (room is not None and not may_change_hands(room, identity, now)):
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        self._opening.add(name)
        try:
            yield room is not None
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
        identity: str,
    ) -> PublisherSession:
        """Open a room with its publisher, or let that take over the room of its former session.

        A copy of the room may be taken over, too: the worker that had the publisher is gone.
        """
        session = self.sessions.new(PublisherSession, offer, local, now, expires_at)
        room = self._rooms.get(name)
        if room is None or not self.hand_over(room, session, tracks, identity):
            if room is not None:
                self._end(room, EndReason.PUBLISHER_LEFT)
            room = self.open_room(name, session, tracks, now)
            room.identity = identity
        self.sessions.register(session, room)
        return session

    def open_room(self, name: RoomName, source: Source, tracks: Sequence[PublishedTrack], now: float) -> Room:
        """Open a room for what `source` sends. Call `source_ended` when it has ended."""
        room = new_room(name, source, tracks, now, self._join_burst, self.ledger.publishers)
        source.relay_into(self._switch, room.feed)
        room_recording.begin(room, self._recorder)
        self._rooms[name] = room
        self._by_feed[room.feed] = room
        return room

    def hand_over(self, room: Room, source: Source, tracks: Sequence[PublishedTrack], identity: str) -> bool:
        """Let another source feed a room; False when it is not the same publisher's, or does not fit."""
        if not is_same(room.identity, identity) or not fits(room, tracks):
            return False
        former = room.source
        left_behind, codecs_changed = take_over(room, source, tracks, self._switch)
        log.info("room taken over", room=room.name, viewers=len(room.viewers), left_behind=len(left_behind))
        if former is not None:
            former.end(EndReason.REPLACED)
        for viewer in left_behind:
            viewer.end(EndReason.CODEC_CHANGED)
        if codecs_changed:
            self.relays_out.tracks_changed(room.name)
        room_recording.go_on(room, self._recorder, codecs_changed=codecs_changed)
        return True

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
        try:
            played, answer = negotiate_play(offer, room.tracks, self.sessions.transport(local), name)
        except CannotPlayError as refusal:
            room.warnings.set(f"a viewer could not play it: {refusal.message}", holds=True)
            raise
        session = self.sessions.new(ViewerSession, offer, local, now, expires_at)
        session.played = played
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
        """End a session at its client's wish; returns why it ended. Raises `SESSION_NOT_FOUND`.

        The farewell of a publisher that has gone ends its room, unless another has come.
        """
        reason = self._farewells.take(SessionId(session_id), room, role, now)
        if reason is None:
            self.sessions.find(session_id, room, role).end(EndReason.DELETED)
            return EndReason.DELETED
        left = self._rooms.get(RoomName(room))
        if left is not None and left.source is None and left.left_by == session_id:
            self._close(left, EndReason.DELETED)
        return reason

    def close(self, name: RoomName, reason: EndReason) -> int:
        """End every session of a room; returns how many there were. 0: none, or no such room."""
        room = self._rooms.get(name)
        if room is None:
            return 0
        count = (room.source is not None and room.origin is None) + len(room.viewers)
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
            try:
                room.tick(now)
            except Exception:
                log.exception("a room broke", room=room.name)
                self._close(room, EndReason.FAULT)
            if room.source is None and self._is_over(room, now):
                self._close(room, EndReason.PUBLISHER_LEFT)
        self.relays_out.tick(now)

    def source_ended(self, room: Room, source: Source, reason: EndReason) -> None:
        """The source of a room has ended. It may come back for a while, unless it was to end."""
        if room.source is not source:
            return
        room.source, room.live = None, False
        now = monotonic()
        room.heard_at = max(room.heard_at, now if reason is EndReason.CLOSED_BY_PEER else source.heard_at)
        if reason not in MAY_COME_BACK or self._is_over(room, now):
            self._close(room, reason)
        else:
            log.info("room waits for its publisher", room=room.name, reason=reason)

    def _is_over(self, room: Room, now: float) -> bool:
        """Whether a room without a publisher has waited long enough for it."""
        return now >= room.heard_at + self._grace

    def _session_ended(self, session: Session, room: Room, reason: EndReason) -> None:
        if reason in MAY_SAY_FAREWELL or (session.role is Role.PUBLISH and reason in FOR_GOOD):
            self._farewells.expect(session.id, room.name, session.role, reason, monotonic())
        if isinstance(session, PublisherSession):
            room.left_by = session.id
            self.source_ended(room, session, reason)
        else:
            del room.viewers[session.id]

    def _close(self, room: Room, reason: EndReason) -> None:
        """End a room and give up its name."""
        if room.feed in self._by_feed:
            self._closed(room.name)
            self._end(room, reason)

    def _end(self, room: Room, reason: EndReason) -> None:
        del self._by_feed[room.feed]
        del self._rooms[room.name]
        self._alarms.clear(room.feed)
        self.ledger.feeds.retire(room.feed)
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
        try:
            again = room.feedback.speak(now)
            if again is not None:
                self._alarms.set(feed, again)
        except Exception as fault:  # an alarm may have called
            feed.breaks(fault)


def _for_viewers(reason: EndReason) -> EndReason:
    of_room = (EndReason.ROOM_CLOSED, EndReason.ROOM_LOST, EndReason.WORKER_STOPS)
    return reason if reason in of_room else EndReason.PUBLISHER_LEFT
