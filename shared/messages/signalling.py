"""Messages that carry a client's WHIP and WHEP requests to a worker, and the replies.

Offers and fragments travel as control has parsed them: in the bytes of `shared/sdp/encoding.py`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from shared.messages.encoding import Count, Finite, UnixTime, UrlText
from shared.messages.rulings import TokenMark


class Role(StrEnum):
    """The role of a session in its room, named as in the HTTP paths."""

    PUBLISH = "publish"
    PLAY = "play"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Claim the room and answer the publisher's offer -> `Answer`.

    Who `stands_by` does not displace a publisher: viewers get it while the room's own does not send. One that
    does so `alone` is refused where another one stands by.
    """

    room: str
    offer: bytes = field(repr=False)
    expires_at: Finite | None = None  # Unix time at which the caller's token ends the session
    identity: str = ""  # the same for the same credentials, not a secret; "": unknown
    token: TokenMark | None = None  # of the caller's JWT; it ends the session when it is revoked
    network: str = ""  # where the publisher is: an IPv4 address or an IPv6 /64; "": unknown
    stands_by: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Answer a viewer's offer -> `Answer`.

    A worker without the room gets a copy of it from `origin`, the worker that has the publisher. A viewer
    that `takes_offers` gets one of ours where its own cannot be answered, or is empty.
    """

    room: str
    offer: bytes = field(repr=False)
    takes_offers: bool = False
    expires_at: Finite | None = None
    token: TokenMark | None = None
    origin: str | None = None
    viewers_elsewhere: int = 0  # of the room on other workers, which count for MAX_SUBS_PER_ROOM, too
    network: str = ""  # where the viewer is: an IPv4 address or an IPv6 /64; "": unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`sdp` is an offer of ours if its client has a time to answer it: `valid_until`, in Unix time."""

    session: UrlText
    sdp: str
    etag: UrlText  # without quotes; identifies the ICE session (RFC 9725 4.3.1)
    valid_until: UnixTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOffer:
    """A viewer's answer to an offer of ours -> `Patched`. It is read as an offer: what the viewer takes."""

    session: str
    room: str
    answer: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A trickle-ice-sdpfrag for a session -> `Patched`."""

    session: str
    room: str
    role: Role
    fragment: bytes = field(repr=False)
    if_match: str | None  # the header as it was sent; None: it was not


@dataclass(frozen=True, slots=True, kw_only=True)
class Patched:
    """`fragment` is None after a trickle; after an ICE restart it holds the new credentials."""

    etag: UrlText
    fragment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseLayer:
    """What a viewer wants to get of the picture -> `LayerChosen`.

    The best layer that the line carries, up to the chosen one.
    """

    session: str
    room: str
    rid: str | None = None  # of the best layer that it wants; None: any
    picture: bool = True  # False: the sound only
    max_width: Count = 0  # pixels that no layer is to exceed; 0: no limit
    max_height: Count = 0
    section: str = ""  # the place in the viewer's SDP of the m-line that it means; "": the picture's


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChosen:
    """The choice holds until the session ends."""


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
class SwitchRoom:
    """Have viewers get the next one that publishes in the room -> `Switched`."""

    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    session: str  # that viewers get from its next keyframe on, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    sessions: int
    reason: str = ""  # why the worker had already ended the session for good by itself
