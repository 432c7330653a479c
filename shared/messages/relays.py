"""Messages by which one worker asks another for a copy of a room."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRelay:
    """From an edge to a room's origin, or an edge that this names: send me the room -> `RelayOpened`.

    It replaces an earlier relay of the room to the same edge; the same request again is the same relay. Media
    flows once the edge has said hello. Each end chooses the key that it sends under, so that no message can
    make it send under an old one.
    """

    room: str
    edge: str  # the worker that asks
    ssrc: int  # identifies its RTCP
    up: bytes = field(repr=False)  # SRTP master key and salt, edge to origin
    feeds: int = 0  # other edges that it feeds with the room
    takes: int | None = None  # ... and would feed besides; None: it wants the relay from nobody else
    avoid: tuple[str, ...] = ()  # edges that it shall not be sent to: they gave no relay, or are leaving
    keyframe: bytes = b""  # a digest of the keyframe that it has had last, of a copy that goes on; ...
    had: int = 0  # ... and how many packets it has had from there on


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTrack:
    """One track of a room as the relay carries it. A layer of the picture is a track of its own."""

    kind: str
    codec: str  # its name
    clock_rate: int
    channels: int
    parameters: dict[str, str]  # of fmtp
    payload_type: int
    extensions: dict[str, int]  # URI -> id
    ssrc: int
    rid: str = ""  # of its simulcast layer; "" without simulcast
    layer: int = 0  # rank of that layer: 0 is the best


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOpened:
    """With `instead`, the origin opens none, and the other fields are empty: ask that edge."""

    tracks: tuple[RelayTrack, ...]
    started_at: float  # of the room, Unix time
    addresses: tuple[tuple[str, int], ...]  # of the origin, IP and port; any of them may work
    down: bytes = field(repr=False)  # SRTP master key and salt, origin to edge
    identity: str = ""  # of the publisher, as in `Publish`
    tier: int = 0  # of the worker that sends: 0 has the publisher
    instead: str = ""  # an edge that feeds others
    # sequence number and timestamp with which the order's keyframe begins here; None: it is not held
    keyframe_at: tuple[int, int] | None = None
