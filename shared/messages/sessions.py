"""The sessions of a worker as operators see them, and the messages about them."""

from dataclasses import dataclass, field

from shared.messages.encoding import Count
from shared.messages.signalling import Role

MOST_SESSIONS = 500  # in one reply: about 100 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions:
    """List the clients of one room, or of all rooms when `room` is empty -> `ListedSessions`."""

    room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """One client. `id` is cut: a whole id is the credential for its session."""

    id: str
    room: str
    role: Role
    state: str  # new, connecting, connected
    standby: bool = False  # it publishes, and viewers get another
    age: float  # seconds since its offer
    address: str = ""  # ip:port of the client; empty: not known yet
    transport: str = ""  # udp or tcp; empty: not known yet
    codecs: tuple[str, ...] = ()  # of the tracks that it sends or receives
    packets: int = 0  # of media, in or out
    octets: int = 0
    resent: int = 0  # retransmissions to it
    loss: float | None = None  # recent packet loss, 0 to 1; None: not known
    rtt: float | None = None  # seconds; None: not known
    layer: str = ""  # what a viewer gets of the picture, for example "720p"; "" if the room has no picture
    reason: str = ""  # why: a `LayerReason`
    carries: int | None = None  # bits a second that its line is thought to carry; None: not known
    sound_lost: Count = 0  # packets of sound that a viewer reports as lost, without those sent again
    sound_resent: Count = 0  # retransmissions of sound, which `resent` has, too
    sound_redundant: Count = 0  # packets of sound that were sent with earlier ones in them


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSessions:
    sessions: tuple[SessionStatus, ...]  # publishers first, then the youngest; `MOST_SESSIONS` at most
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """Read the log of one client's line -> `LineRead`. The session's id may be cut, and `room` empty: any."""

    session: str
    room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRead:
    log: str  # JSON, as docs/bad-picture.md describes it: 150 kB at most


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSessions:
    """Which of these sessions are alive, and in `room` unless that is empty -> `Living`."""

    sessions: tuple[str, ...]
    room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    sessions: tuple[str, ...]
    # Of those that get a picture: the place of its section (m-line) in their SDP, from 0.
    pictures: dict[str, Count] = field(default_factory=dict)
    offered: tuple[str, ...] = ()  # those that answer an offer of ours, or have
