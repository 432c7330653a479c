"""All sessions of this worker: registered, found and ticked here."""

from collections.abc import Callable, Iterable, Iterator

from media.negotiation.answer import LocalTransport
from media.negotiation.candidates import Candidates
from media.rooms.room import Room
from media.rooms.seats import Seats
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.sessions.ledger import Ledger
from media.sessions.session import Session, Setup
from media.transport.address import Address
from media.transport.certificate import Certificate
from media.transport.ice import Credentials, new_credentials
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Role
from shared.names import SessionId, WorkerId, checked_room, new_session_id
from shared.sdp.fragment import build_fragment
from shared.sdp.offer import Offer
from shared.telemetry.logging import get_logger

log = get_logger()

Ended = Callable[[Session, Room, EndReason], None]


class Roster:
    """Registers every session of a worker, and knows the room of each."""

    def __init__(
        self,
        worker: WorkerId,
        send: Callable[[bytes, Address], None],
        candidates: Candidates,
        demux: Demux,
        ledger: Ledger,
        tcp_port: int | None = None,
        seats: Seats | None = None,
    ) -> None:
        self.seats = Seats() if seats is None else seats
        self._worker = worker
        self._send = send
        self._candidates = candidates
        self._tcp_port = tcp_port
        self._demux = demux
        self._ledger = ledger
        self.drains = False  # the worker asks its viewers to move
        self._certificate = Certificate.generate()
        self._by_id: dict[SessionId, Session] = {}
        self._lives: dict[Session, tuple[Room, Ended]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_id.values())

    def has(self, session_id: str, room: str) -> bool:
        """Whether the session is alive, and in `room` unless that is empty."""
        session = self._by_id.get(SessionId(session_id))
        return session is not None and room in ("", self._lives[session][0].name)

    def new_id(self) -> SessionId:
        return new_session_id(self._worker)

    def transport(self, local: Credentials, *, over_ipv6: bool = False) -> LocalTransport:
        """This worker's side of a session, for the answer. `over_ipv6`: the client's offer came so."""
        return LocalTransport(
            ice_ufrag=local.ufrag,
            ice_pwd=local.password,
            fingerprint=self._certificate.fingerprint,
            candidates=self._candidates.for_client(over_ipv6=over_ipv6),
            tcp_port=self._tcp_port,
        )

    def setup(
        self,
        offer: Offer,
        local: Credentials,
        now: float,
        expires_at: float | None,
        token: TokenMark | None = None,
        client: str = "",
        session: SessionId | None = None,
    ) -> Setup:
        """What a session of this worker is made of. It receives no packets before it is registered.

        `session`: its id, if it has one already.
        """
        return Setup(
            id=self.new_id() if session is None else session,
            offer=offer,
            local=local,
            certificate=self._certificate,
            send=self._send,
            now=now,
            expires_at=expires_at,
            token=token,
            client=client,
            checked=self.seats.connect,
            connected=self._ledger.session_connected,
            interrupted=self._ledger.session_interrupted,
            sends_as=self._demux.sends_as,
            ended=self._session_ended,
        )

    def register(self, session: Session, room: Room, ended: Ended) -> None:
        """Deliver packets to a session from now on. `ended` is called once, when it has ended."""
        self._by_id[session.id] = session
        self._lives[session] = (room, ended)
        self._demux.add(session)
        self._ledger.session_opened(session)
        self.seats.take(session)
        log.info("session opened", session=session.id, role=session.role, room=room.name)

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(SessionId(session_id))

    def find(self, session_id: str, room: str, role: Role) -> Session:
        """The session of that id, room and role; raises `SESSION_NOT_FOUND`."""
        session = self.get(session_id)
        if session is None or session.role != role or checked_room(self._lives[session][0].name) != room:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        return session

    def named(self, beginning: str, in_room: str) -> tuple[Session, Room]:
        """The one session whose id begins so, and which is in `in_room` unless that is empty, and its room.

        Raises `SESSION_NOT_FOUND` or `AMBIGUOUS_SESSION`.
        """
        found = [
            (session, room)
            for session, room in self.with_rooms()
            if session.id.startswith(beginning) and in_room in ("", room.name)
        ]
        if not found:
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        if len(found) > 1:
            raise ServiceError(ErrorCode.AMBIGUOUS_SESSION, detail="name the room, or the whole session")
        return found[0]

    def with_rooms(self) -> Iterable[tuple[Session, Room]]:
        return ((session, room) for session, (room, _) in self._lives.items())

    def restart_ice(self, session: Session, remote: Credentials) -> str:
        """Restart a client's ICE (RFC 9725 4.3.3); returns the SDP fragment to answer with."""
        session.ice.restart(new_credentials(), remote)
        self._demux.add(session)
        return self.ice_fragment(session)

    def ice_fragment(self, session: Session) -> str:
        """The SDP fragment with our side of the session's newest ICE."""
        local = session.ice.local
        kind, mid = session.first_section
        return build_fragment(
            local.ufrag, local.password, self._candidates.all, self._tcp_port, kind=kind, mid=mid
        )

    def tick(self, now: float) -> None:
        """Do what is due for all sessions, and end those that fail. Called several times a second."""
        for session in list(self._by_id.values()):
            if session.ended:  # the end of another session may have ended it
                continue
            try:
                session.tick(now)
            except Exception:
                log.exception("unexpected session error", session=session.id, role=session.role)
                self._end_broken(session)

    def _end_broken(self, session: Session) -> None:
        try:
            session.end(EndReason.FAULT)
        except Exception:
            log.exception("unexpected error while a session ends", session=session.id, role=session.role)

    def _session_ended(self, session: Session, reason: EndReason) -> None:
        room, ended = self._lives.pop(session)
        del self._by_id[session.id]
        self._demux.remove(session)
        self.seats.leave(session)
        self._ledger.session_ended(session, reason)
        why = {} if session.handshake_error is None else {"why": str(session.handshake_error)}
        moved = self.drains and reason in (EndReason.CLOSED_BY_PEER, EndReason.DELETED)
        told = "left the draining worker" if moved else reason
        log.info("session ended", session=session.id, role=session.role, room=room.name, reason=told, **why)
        ended(session, room, reason)
