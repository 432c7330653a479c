"""Lets publishers and viewers into this worker's rooms, and out of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from media.negotiation.agreed_tracks import PlayedTrack, PublishedTrack
from media.negotiation.codecs import describe
from media.negotiation.negotiate import CannotPlayError, negotiate_play, negotiate_publish
from media.negotiation.offer import build_offer
from media.rooms.late_deletes import LATE_DELETE_SECONDS, LateDeletes
from media.rooms.policy import NOTHING_SET, Policy
from media.rooms.publisher_life import Outcome, PublisherEvent, on_offer
from media.rooms.room import Room
from media.rooms.rooms import Rooms
from media.rooms.roster import Roster
from media.rooms.server_offers import VALID_SECONDS, ServerOffer, ServerOffers
from media.rooms.standbys import MOST_STANDBYS
from media.rooms.warnings import COULD_NOT_PLAY
from media.rooms.wires import viewer_wires
from media.sessions.end_reason import FOR_GOOD, MAY_DELETE_LATE, EndReason
from media.sessions.ledger import Ledger
from media.sessions.publisher_session import PublisherSession
from media.sessions.session import Session, Setup
from media.sessions.viewer_session import ViewerSession
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.track import continues, fits
from media.transport.ice import Credentials, new_credentials
from shared.errors import ErrorCode, ServiceError, invalid_sdp
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId, checked_room, is_check
from shared.sdp.offer import Offer

NO_PUBLISHER_RETRY_SECONDS = 2


class Admission:
    """Makes the sessions of clients, and puts each into its room. Plain calls that do not wait.

    `policy` says how many viewers a room may have. `late_delete_seconds`: how long after the end of a
    session its DELETE may still come. `clock` is a steady one, in seconds.
    """

    def __init__(
        self,
        rooms: Rooms,
        roster: Roster,
        switch: PacketSwitch,
        ledger: Ledger,
        *,
        policy: Policy = NOTHING_SET,
        late_delete_seconds: float = LATE_DELETE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._rooms = rooms
        self._roster = roster
        self._switch = switch
        self._ledger = ledger
        self._policy = policy
        self._clock = clock
        self.offers = ServerOffers()
        self._opening: set[RoomName] = set()
        self._late_deletes = LateDeletes(late_delete_seconds)

    @contextmanager
    def opening(
        self, name: RoomName, identity: str, now: float, *, stands_by: bool = False
    ) -> Iterator[bool]:
        """Reserve `name` while its claim is under way; yields whether this worker owns the room already.

        Raises `PUBLISHER_EXISTS` if another publisher has the room, or is just opening it. A copy does not
        reserve the name: the claim belongs to its origin, if that is alive.
        """
        room = self._rooms.find(name)
        is_here = room is not None and room.origin is None
        if name in self._opening or (
            room is not None and self._outcome(room, identity, now, stands_by=stands_by) is Outcome.REFUSE
        ):
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        self._opening.add(name)
        try:
            yield is_here
        finally:
            self._opening.discard(name)

    def negotiate_publish(
        self, offer: Offer, *, over_ipv6: bool
    ) -> tuple[Credentials, tuple[PublishedTrack, ...], str]:
        """Credentials, tracks and answer for a publisher. Nothing is reserved yet.

        `over_ipv6`: its offer came so.
        """
        local = new_credentials()
        tracks, answer = negotiate_publish(offer, self._roster.transport(local, over_ipv6=over_ipv6))
        return local, tracks, answer

    def publish(
        self,
        name: RoomName,
        offer: Offer,
        local: Credentials,
        tracks: Sequence[PublishedTrack],
        now: float,
        expires_at: float | None,
        identity: str,
        token: TokenMark | None = None,
        client: str = "",
        *,
        stands_by: bool = False,
        alone: bool = False,
    ) -> PublisherSession:
        """Put a publisher into its room: the one that waits for it, otherwise a new one.

        The room may be a copy: then the worker that had its publisher is gone. Raises `PUBLISHER_EXISTS` if
        the former publisher has come back, or the room has standbys enough for one that `stands_by`, which
        one is if that is to be `alone`; `NOT_ACCEPTABLE` if what that sends does not fit.
        """

        def session_into(feed: Feed) -> PublisherSession:
            setup = self._roster.setup(offer, local, now, expires_at, token, client)
            return PublisherSession(setup, self._switch, feed)

        room = self._rooms.find(name)
        outcome = Outcome.REPLACE if room is None else self._outcome(room, identity, now, stands_by=stands_by)
        if outcome is Outcome.REFUSE:  # the former publisher has come back meanwhile
            raise ServiceError(ErrorCode.PUBLISHER_EXISTS)
        if room is not None and outcome is Outcome.STAND_BY:
            _check_stands_by(room, tracks, 1 if alone else MOST_STANDBYS)
            session = self._rooms.stand_by(room, tracks, session_into, room.standbys.next_rank())
        elif room is not None and outcome is Outcome.COME_BACK and fits(room.tracks, tracks):
            if (covered := room.standbys.covered) is not None:
                covered.session.end(EndReason.REPLACED)
            room.identity = identity
            session = self._rooms.stand_by(room, tracks, session_into, rank=0)
        else:
            if room is not None and outcome is Outcome.SUCCEED and fits(room.tracks, tracks):
                self._rooms.succeed(room, tracks, session_into)
            else:
                if room is not None:
                    self._rooms.end(room, EndReason.PUBLISHER_LEFT)
                room = self._rooms.open(name, tracks, session_into, now, identity=identity)
            if stands_by:
                room.standbys.rank = room.standbys.next_rank()
            assert isinstance(room.source, PublisherSession)
            session = room.source
        self._roster.register(session, room, self._publisher_ended)
        return session

    @staticmethod
    def _outcome(room: Room, identity: str, now: float, *, stands_by: bool) -> Outcome:
        if is_check(room.name):  # the same caller checks its uplink again
            return Outcome.REPLACE
        return on_offer(room.publisher_state(now), room.identity, identity, stands_by=stands_by)

    def join(
        self,
        name: RoomName,
        offer: Offer,
        now: float,
        expires_at: float | None,
        viewers_elsewhere: int,
        token: TokenMark | None = None,
        client: str = "",
        *,
        has_another_way: bool = False,
    ) -> tuple[ViewerSession, str]:
        """Add a viewer to a room; returns its session and answer. Raises `ServiceError`.

        `viewers_elsewhere` counts the room's viewers on other workers. `client`: see `Seats`. A viewer that
        `has_another_way` may yet play what it cannot play by this offer.
        """
        room = self._present(name)
        leaving = self._seat(room, viewers_elsewhere, client, now)
        local = new_credentials()
        try:
            played, answer = self._negotiate(room, offer, local)
        except CannotPlayError as refusal:
            if not has_another_way:
                self._warn(room, refusal)
            raise
        setup = self._roster.setup(offer, local, now, expires_at, token, client)
        return self._admit(room, setup, played, leaving), answer

    def offer(
        self,
        name: RoomName,
        now: float,
        expires_at: float | None,
        viewers_elsewhere: int,
        token: TokenMark | None = None,
        client: str = "",
    ) -> tuple[ServerOffer, str]:
        """Make a viewer an offer of what the room has; returns it and its SDP. Raises `ServiceError`.

        It takes no seat: `answer` does.
        """
        room = self._present(name)
        self._roster.seats.check_viewer(client)
        offer = ServerOffer(
            session=self._roster.new_id(),
            room=room,
            local=new_credentials(),
            until=now + VALID_SECONDS,
            expires_at=expires_at,
            token=token,
            client=client,
            viewers_elsewhere=viewers_elsewhere,
        )
        tracks = [track.offered for track in room.tracks]
        text = build_offer(tracks, self._roster.transport(offer.local), name)
        self.offers.hold(offer, now)
        return offer, text

    def answer(self, offer: ServerOffer, answer: Offer, now: float) -> ViewerSession:
        """Add the viewer who has answered. Raises `ServiceError`; then another answer may follow."""
        room = offer.room
        if self._rooms.find(RoomName(room.name)) is not room:  # it has ended: its sources are no more
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        leaving = self._seat(room, offer.viewers_elsewhere, offer.client, now)
        try:
            played, _ = self._negotiate(room, answer, offer.local)
        except ServiceError as refusal:
            if isinstance(refusal, CannotPlayError):
                self._warn(room, refusal)
            raise invalid_sdp(refusal.message or refusal.detail or "") from None
        self.offers.take_out(offer)
        setup = self._roster.setup(
            answer, offer.local, now, offer.expires_at, offer.token, offer.client, offer.session
        )
        session = self._admit(room, setup, played, leaving)
        session.answer = answer
        return session

    def _present(self, name: RoomName) -> Room:
        room = self._rooms.find(name)
        if room is None:
            raise ServiceError(ErrorCode.NO_PUBLISHER, retry_after=NO_PUBLISHER_RETRY_SECONDS)
        return room

    def _seat(self, room: Room, viewers_elsewhere: int, client: str, now: float) -> Session | None:
        """The session that must end for this viewer, if one must. Raises if there is no seat."""
        seats = self._roster.seats
        seats.check_viewer(client)
        most = self._policy.seats_of(room.name)
        full = most and len(room.viewers) + viewers_elsewhere >= most
        leaving = seats.gives_way(client, room.viewers, now) if full else None
        if full and leaving is None:
            raise ServiceError(ErrorCode.SUBSCRIBER_LIMIT)
        return leaving

    def _negotiate(self, room: Room, offer: Offer, local: Credentials) -> tuple[tuple[PlayedTrack, ...], str]:
        tracks = [track.offered for track in room.tracks]
        return negotiate_play(offer, tracks, self._roster.transport(local), checked_room(room.name))

    def _warn(self, room: Room, refusal: CannotPlayError) -> None:
        room.warnings.set(f"{COULD_NOT_PLAY}{refusal.message}", holds=True)

    def _admit(
        self, room: Room, setup: Setup, played: Sequence[PlayedTrack], leaving: Session | None
    ) -> ViewerSession:
        if leaving is not None:  # not before: who cannot play the room needs no seat
            leaving.end(EndReason.NOT_CONNECTED)
        session = ViewerSession(
            setup,
            self._switch,
            room.feed,
            room.publisher,
            played,
            viewer_wires(room.tracks, room.feed, played),
            self._ledger.viewers,
        )
        room.viewers[session.id] = session
        self._roster.register(session, room, self._viewer_ended)
        return session

    def delete(self, session_id: str, room: str, role: Role, now: float) -> str:
        """End a session at its client's request; returns why it ended. Raises `SESSION_NOT_FOUND`.

        The DELETE of a publisher whose session is over already ends its room, unless another publisher has
        come.
        """
        if role is Role.PLAY and (offer := self.offers.find(session_id, room, now)) is not None:
            self.offers.take_out(offer)
            return EndReason.DELETED
        reason = self._late_deletes.take(SessionId(session_id), room, role, now)
        if reason is None:
            self._roster.find(session_id, room, role).end(EndReason.DELETED)
            return EndReason.DELETED
        left = self._rooms.find(RoomName(room))
        if left is not None and left.left_by == session_id:
            self._rooms.apply(left, PublisherEvent.LATE_DELETE, EndReason.DELETED, now)
        return reason

    def _publisher_ended(self, session: Session, room: Room, reason: EndReason) -> None:
        if reason in MAY_DELETE_LATE or reason in FOR_GOOD:
            asked_by = checked_room(room.name)
            self._late_deletes.expect(session.id, asked_by, session.role, reason, self._clock())
        assert isinstance(session, PublisherSession)
        self._rooms.source_ended(room, session, reason, session.id)

    def _viewer_ended(self, session: Session, room: Room, reason: EndReason) -> None:
        if reason in MAY_DELETE_LATE:
            asked_by = checked_room(room.name)
            self._late_deletes.expect(session.id, asked_by, session.role, reason, self._clock())
        del room.viewers[session.id]


def _check_stands_by(room: Room, tracks: Sequence[PublishedTrack], most: int) -> None:
    """Raises unless viewers of the room could get these tracks, and fewer than `most` stand by there."""
    if not continues(room.tracks, tracks):
        has = ", ".join(dict.fromkeys(describe(track.published.codec) for track in room.tracks))
        raise ServiceError(ErrorCode.NOT_ACCEPTABLE, f"a standby must send what the room has: {has}")
    if (count := room.standbys.count) >= most:
        raise ServiceError(ErrorCode.PUBLISHER_EXISTS, detail=f"standbys of the room: {count}")
