"""The sessions of a worker as operators see them, and the messages about them."""

from dataclasses import dataclass

from shared.messages.signalling import Role

MOST_SESSIONS = 500  # that one worker tells of at once: some 100 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions:
    """The clients of one room, or, when it is empty, of all -> `ListedSessions`."""

    room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """One client. `id` is cut: a whole one is the credential for its session."""

    id: str
    room: str
    role: Role
    state: str  # new, connecting, connected
    age: float  # seconds since its offer
    address: str = ""  # ip:port that media goes to or comes from; empty: none is known yet
    codecs: tuple[str, ...] = ()  # of the tracks that it sends or gets
    packets: int = 0  # of media, in or out
    octets: int = 0
    resent: int = 0  # packets that it asked for again and got
    loss: float | None = None  # share of packets lost lately on the way, 0 to 1; None: not known
    rtt: float | None = None  # seconds; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSessions:
    sessions: tuple[SessionStatus, ...]  # publishers first, then the youngest; `MOST_SESSIONS` at most
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSessions:
    """Which of these sessions live -> `Living`."""

    sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    sessions: tuple[str, ...]
