"""What travels between the planes: requests, replies and the status that workers announce.

Frozen values, carried as msgpack maps. A field that one side does not know is ignored and a field with a
default may be missing, so that two versions can run side by side during an upgrade.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgpack
from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


class Role(StrEnum):
    """Which end of a room a session is, named as the HTTP paths name it."""

    PUBLISH = "publish"
    PLAY = "play"


class WorkerState(StrEnum):
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Claim the room and answer the publisher's offer -> `Answer`."""

    room: str
    offer: str
    expires_at: float | None = None  # Unix time at which the caller's token ends the session
    identity: str = ""  # the same for the same credentials, and no secret; "": nobody's


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Answer a viewer's offer -> `Answer`.

    A worker that does not have the room takes a copy of it from `origin`, the worker that has its publisher.
    """

    room: str
    offer: str
    expires_at: float | None = None
    origin: str | None = None
    viewers_elsewhere: int = 0  # of the room, on other workers: they count for MAX_SUBS_PER_ROOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    session: str
    sdp: str
    etag: str  # without quotes; names the ICE session (RFC 9725 4.3.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A trickle-ice-sdpfrag for a session -> `Patched`."""

    session: str
    room: str
    role: Role
    fragment: str
    if_match: str | None  # the header as sent, None when absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """`fragment` is None after a trickle; after an ICE restart it holds the new credentials."""

    etag: str
    fragment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """End one session -> `Closed`."""

    session: str
    room: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRoom:
    """End every session of a room on this worker -> `Closed`."""

    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    sessions: int
    reason: str = ""  # why the worker itself had ended a session for good before it was asked to


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRelay:
    """From an edge to a room's origin: send me the room -> `RelayOpened`.

    An earlier relay of the room to the same edge ends with it. Media flows when the edge has said hello.
    """

    room: str
    edge: str  # the worker that asks
    ssrc: int  # by which its RTCP is known
    down: bytes = field(repr=False)  # SRTP master key and salt, origin to edge
    up: bytes = field(repr=False)  # and edge to origin


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTrack:
    """One track of a room as it comes over the relay."""

    kind: str
    codec: str  # its name
    clock_rate: int
    channels: int
    parameters: dict[str, str]  # of fmtp
    payload_type: int
    extensions: dict[str, int]  # URI -> id
    ssrc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOpened:
    tracks: tuple[RelayTrack, ...]
    started_at: float  # of the room, Unix time
    addresses: tuple[tuple[str, int], ...]  # of the origin, IP and port; one of them will do
    identity: str = ""  # of the publisher, as in `Publish`


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDrain:
    """Empty this worker, or take that back -> `Drained`."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    state: WorkerState
    until: float = 0.0  # Unix time at which the worker stops


@dataclass(frozen=True, slots=True, kw_only=True)
class FindSessions:
    """Which of these sessions live -> `Living`."""

    sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    sessions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatus:
    """One room as one worker sees it."""

    name: str
    has_publisher: bool
    tracks: int
    subscribers: int
    codecs: tuple[str, ...] = ()
    bitrate: int = 0  # bits a second that the publisher sends
    started_at: float = 0.0  # Unix time
    rx_bytes: int = 0  # RTP bytes received from publishers since the room began
    rx_packets: int = 0
    warnings: tuple[str, ...] = ()  # for people: what does not work as it should, recording for one
    origin: str = ""  # the worker that this one has its copy of the room from; empty: the publisher is here


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker's heartbeat."""

    id: str
    state: WorkerState
    http_url: str  # health, metrics and files of the worker
    load: float = 0.0  # share of one core, 0 to 1
    egress_packets: float = 0.0  # that it sends to viewers, a second
    sessions: int = 0
    viewers: int = 0
    takes_publishers: bool = True  # False: it would refuse, for it is at its limit
    takes_viewers: bool = True
    drains_from: float = 0.0  # Unix time, of a worker that drains
    drains_until: float = 0.0  # its sessions are ended then
    rooms: tuple[RoomStatus, ...] = ()


class DecodeError(ValueError):
    """Bytes from Redis are not the message that was expected."""


def to_map(message: Any) -> dict[str, Any]:
    """The plain map of a message. Shallow on purpose: `asdict` would copy every room of a heartbeat twice."""
    return {
        f.name: [to_map(v) for v in value] if _holds_messages(value) else value
        for f in fields(message)
        for value in (getattr(message, f.name),)
    }


def _holds_messages(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and is_dataclass(value[0])


_adapters: dict[type, TypeAdapter[Any]] = {}


def from_map(kind: type[T], data: object) -> T:
    """The message that a plain map holds; raises `DecodeError`."""
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    try:
        message: T = adapter.validate_python(data)
    except ValidationError as error:
        raise DecodeError(f"not a {kind.__name__}: {error.error_count()} wrong fields") from error
    return message


def pack(data: object) -> bytes:
    packed: bytes = msgpack.packb(data)
    return packed


def unpack(data: bytes) -> Any:
    """The value that `data` holds; raises `DecodeError`."""
    try:
        return msgpack.unpackb(data, strict_map_key=True)
    except Exception as error:  # msgpack raises many kinds, ValueError not always among them
        raise DecodeError("not msgpack") from error
