"""The rooms of this worker: opened, taken over, found and ended here, in plain calls that do not wait."""

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import nlargest
from time import monotonic, time
from typing import Protocol

from media.negotiation.agreed_tracks import PublishedTrack
from media.recording.recorder import Recorder
from media.rooms.chronicle import Chronicle
from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.publisher_life import LIFE, Outcome, PublisherEvent
from media.rooms.room import Room, new_room
from media.rooms.source import MakeSource, Source
from media.rooms.standby import Standby
from media.sessions.end_reason import MAY_COME_BACK, EndReason
from media.sessions.ledger import Ledger
from media.sessions.publisher_session import PublisherSession
from media.switch.feed import Feed
from media.tracks.sent_track import JoinBurstMode
from media.tracks.track import Track, continues
from shared.messages.status import RoomStatus
from shared.names import RoomName, SessionId, is_check
from shared.telemetry.logging import get_logger

MEASURED_SECONDS = 3.0  # after which the load of a worker contains what a new room costs

log = get_logger()


class Copies(Protocol):
    """Sends copies of this worker's rooms to other workers. `Rooms` calls it."""

    def room_closed(self, name: RoomName, reason: EndReason) -> None:
        """A room has ended."""

    def tracks_changed(self, name: RoomName) -> None:
        """Another publisher has brought other codecs into a room."""


class Rooms:
    """Owns every room. `closed` is called with each name that is free again, whether its publisher was ever
    connected, and why the room ended.

    `grace`: seconds that a room waits for its publisher. `clock` is a steady one, in seconds; by `unix_clock`
    the rooms of all workers are compared.
    """

    def __init__(
        self,
        ledger: Ledger,
        copies: Copies,
        closed: Callable[[RoomName, bool, EndReason], None],
        chronicle: Chronicle,
        recorder: Recorder | None = None,
        *,
        grace: float,
        policy: Policy = NOTHING_SET,
        join_burst: JoinBurstMode = "auto",
        clock: Callable[[], float] = monotonic,
        unix_clock: Callable[[], float] = time,
    ) -> None:
        self._ledger = ledger
        self._copies = copies
        self._closed = closed
        self._chronicle = chronicle
        self._recorder = recorder
        self._policy = policy
        self._join_burst: JoinBurstMode = join_burst
        self._grace = grace
        self._clock = clock
        self._unix_clock = unix_clock
        self._rooms: dict[RoomName, Room] = {}

    def __len__(self) -> int:
        return len(self._rooms)

    # --- opening

    def open(
        self,
        name: RoomName,
        tracks: Sequence[PublishedTrack],
        source: MakeSource,
        now: float,
        *,
        identity: str,
        started_at: float | None = None,
    ) -> Room:
        """Open a room for the media of `source`. Call `source_ended` when the source has ended.

        `started_at` is that of a room that goes on here, in Unix time.
        """
        unix_now = self._unix_clock()
        if started_at is None:
            started_at = unix_now
        room = self._rooms[name] = new_room(
            name,
            tracks,
            source,
            now,
            self._ledger.publishers,
            identity=identity,
            started_at=started_at,
            age=max(0.0, unix_now - started_at),
            join_burst=self._join_burst,
        )
        if not is_check(name):
            self._record(room)
            self._chronicle.opened(room)
        return room

    def succeed(self, room: Room, tracks: Sequence[PublishedTrack], source: MakeSource) -> None:
        """Let another source take a room over, with tracks that fit it.

        Viewers stay, except those that cannot decode a new codec.
        """
        former = self._take_over(room, tracks, source)
        if former is not None:
            former.end(EndReason.REPLACED)

    def _take_over(self, room: Room, tracks: Sequence[PublishedTrack], source: MakeSource) -> Source | None:
        """The same, but the former source goes on: it is returned."""
        former, left_behind, codecs_changed = room.succeed(tracks, source)
        log.info("room taken over", room=room.name, viewers=len(room.viewers), left_behind=len(left_behind))
        for viewer in left_behind:
            viewer.end(EndReason.CODEC_CHANGED)
        if codecs_changed:
            self._copies.tracks_changed(room.name)
            for standby in [each for each in room.standbys if not continues(room.tracks, each.published)]:
                standby.session.end(EndReason.CODEC_CHANGED)
            room.end_recording()  # they begin new files
        self._record(room)
        self._chronicle.opened(room)
        return former

    # --- standbys

    def stand_by(
        self,
        room: Room,
        tracks: Sequence[PublishedTrack],
        session: Callable[[Feed], PublisherSession],
        rank: int,
        heard_at: float = 0.0,
        was: Sequence[Track] = (),
    ) -> PublisherSession:
        """Keep a publisher beside the one that is on. See `Standby`."""
        standby = Standby(
            tracks,
            session,
            rank,
            cname=room.name,
            stats=self._ledger.publishers,
            unix_offset=self._unix_clock() - self._clock(),
            come_on=lambda standby: self._come_on(room, standby),
            heard_at=heard_at,
            was=was,
        )
        room.standbys.add(standby)
        return standby.session

    def _come_on(self, room: Room, standby: Standby) -> Feed:
        """Let viewers get a standby from now on; who was on stands by."""
        room.standbys.take_out(standby.session)
        if isinstance(former := room.source, PublisherSession):
            rank, heard_at = room.standbys.rank, room.feed.heard_at
            self.stand_by(room, room.published, former.move, rank, heard_at, room.tracks)
        self._take_over(room, standby.published, standby.session.move)
        standby.resumption.begin()
        room.standbys.is_on(standby)
        room.feed.after_burst[standby] = lambda now: room.has_switched(standby, now)
        standby.feed.publisher = None
        self._ledger.feeds.retire(standby.feed)
        log.info("room switched", room=room.name, session=standby.session.id, rank=standby.rank)
        return room.feed

    def follow(self, names: Iterable[str]) -> None:
        """Do what is newly set for these rooms."""
        for name in names:
            room = self._rooms.get(RoomName(name))
            if room is not None:
                self._record(room)

    def _record(self, room: Room) -> None:
        own = self._policy.set_for(room.name)
        if room.recording is not None and own.note is not None:
            room.recording.note = own.note
        if not self._policy.is_recorded(room.name):
            room.end_recording()
        elif room.recording is None:
            room.begin_recording(self._recorder, own.formats, own.note)

    # --- finding

    def find(self, name: RoomName) -> Room | None:
        return self._rooms.get(name)

    def names(self) -> Iterable[RoomName]:
        """The rooms that this worker owns. A copy belongs to its origin."""
        return [name for name, room in self._rooms.items() if room.origin is None]

    def all_names(self) -> Iterable[RoomName]:
        """The names of all rooms here, copies among them."""
        return list(self._rooms)

    def shown(self) -> list[Room]:
        """All rooms but checks of a line, which nobody else is to notice."""
        return [room for name, room in self._rooms.items() if not is_check(name)]

    def is_listed(self, name: str) -> bool:
        """Whether who does not know the room may find it."""
        return self._policy.is_listed(name)

    def pictured(self) -> list[Room]:
        """The rooms of this worker's own of which there are to be still pictures."""
        wanted = [room for room in self.shown() if room.origin is None]
        return [room for room in wanted if self._policy.has_stills(room.name)]

    def listed(self) -> list[Room]:
        """All rooms that others may find."""
        return [room for room in self.shown() if self.is_listed(room.name)]

    def statuses(self, of: Collection[RoomName] | None = None) -> tuple[RoomStatus, ...]:
        """The statuses of all rooms, or of those of these names that exist; never of checks."""
        wanted = self._rooms if of is None else [name for name in of if name in self._rooms]
        return tuple(self._rooms[name].status() for name in wanted if not is_check(name))

    def not_measured(self, now: float) -> int:
        """How many publishers came so late that the worker's load does not contain them yet."""
        since = now - MEASURED_SECONDS
        return sum(room.began_at > since and room.origin is None for room in self._rooms.values())

    def largest(self, most: int) -> list[Room]:
        """The `most` rooms with most viewers on this worker, of those that others may find; 0: all."""
        return nlargest(most or len(self._rooms), self.listed(), key=lambda room: len(room.viewers))

    def feeds(self) -> Iterable[Feed]:
        for room in self._rooms.values():
            yield room.feed
            yield from (standby.feed for standby in room.standbys)

    @property
    def viewer_count(self) -> int:
        return sum(len(room.viewers) for room in self._rooms.values())

    # --- ending

    def close(self, name: RoomName, reason: EndReason) -> int:
        """End every session of a room; returns how many there were, 0 if there is no such room."""
        room = self._rooms.get(name)
        if room is None:
            return 0
        count = room.session_count
        self._close(room, reason)
        return count

    def close_all(self, reason: EndReason) -> None:
        for room in list(self._rooms.values()):
            self._close(room, reason)

    def tick(self, now: float) -> None:
        """Do what is due for all rooms, and close those that fail. Called several times a second."""
        for room in list(self._rooms.values()):
            try:
                room.tick(now)
                self._chronicle.look(room)
            except Exception:
                log.exception("unexpected room error", room=room.name)
                self._close(room, EndReason.FAULT)
            if room.has_waited(self._grace, now):
                self.apply(room, PublisherEvent.GRACE_OVER, EndReason.PUBLISHER_LEFT, now)

    def apply(self, room: Room, event: PublisherEvent, reason: EndReason, now: float) -> None:
        """Close a room if that is the outcome of `event`."""
        if LIFE[room.publisher_state(now), event] is Outcome.CLOSE:
            self._close(room, reason)

    def source_ended(
        self, room: Room, source: Source, reason: EndReason, session: SessionId | None = None
    ) -> None:
        """The source of a room has ended: a publisher's `session`. The room may wait for the publisher."""
        if room.source is not source:
            if (left := room.leave(source)) is not None:
                self._ledger.feeds.retire(left.feed)
            return
        now = self._clock()
        event = PublisherEvent.SESSION_LOST if reason in MAY_COME_BACK else PublisherEvent.SESSION_ENDED
        if room.standbys:
            event = PublisherEvent.SESSION_RELIEVED
        outcome = LIFE[room.publisher_state(now), event]
        room.lose_source(now if reason is EndReason.CLOSED_BY_PEER else source.heard_at, session)
        if outcome is Outcome.SWITCH:
            room.call_standby(now)
        elif outcome is Outcome.CLOSE or is_check(room.name) or room.has_waited(self._grace, now):
            self._close(room, reason)
        else:
            log.info("room waits for its publisher", room=room.name, reason=reason)

    def _close(self, room: Room, reason: EndReason) -> None:
        """End a room and free its name."""
        if self._rooms.get(room.name) is room:
            self._closed(room.name, room.was_heard, reason)
            self.end(room, reason)

    def end(self, room: Room, reason: EndReason) -> None:
        """End a room but keep its name, for the room that replaces it."""
        del self._rooms[room.name]
        self._chronicle.ended(room, reason, self._clock() - room.began_at)
        for feed in (room.feed, *(standby.feed for standby in room.standbys)):
            self._ledger.feeds.retire(feed)
        self._copies.room_closed(room.name, reason)
        room.end(reason)
        log.info("room closed", room=room.name, reason=reason)
