"""Messages that carry a client's WHIP and WHEP requests to a worker, and the replies."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Which end of a room a session is, named as the HTTP paths name it."""

    PUBLISH = "publish"
    PLAY = "play"


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
