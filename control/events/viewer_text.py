"""WHEP's server-sent events (draft-ietf-wish-whep): which ones, and as text. Does no I/O."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_facts import compact_json
from shared.messages.status import LayerStatus

RELATION = "urn:ietf:params:whep:ext:core:server-sent-events"

# Each event by its letter in the names of streams.
_LETTERS = {
    "a": "active",
    "d": "delay",
    "i": "inactive",
    "l": "layers",
    "m": "message",
    "r": "reconnect",
    "v": "viewercount",
}
EVENTS = tuple(_LETTERS.values())
_STREAM = re.compile(r"([adilmrv]{0,7})-[A-Za-z0-9_-]{11}")

# Viewers are asked to move within this share of the time for which their worker drains.
_WAVE_SHARE = 0.6
# A bit rate is told anew when it differs by more than this share: otherwise the event would come each second.
_BITRATE_SHARE = 0.25


class State(NamedTuple):
    """What is told of a thing: by which event (empty: by none), and as text. `granted`: see `Stream.show`."""

    name: str
    event: str
    text: bytes
    granted: bool = False


def new_stream_name(wanted: Iterable[str]) -> str:
    """A name that contains the wanted events: any control process can serve it."""
    names = set(wanted)
    letters = "".join(letter for letter, name in _LETTERS.items() if name in names)
    return f"{letters}-{secrets.token_urlsafe(8)}"


def events_of_stream(name: str) -> frozenset[str] | None:
    """The events in a stream's name; None when it is not a stream's name."""
    match = _STREAM.fullmatch(name)
    return frozenset(_LETTERS[letter] for letter in match[1]) if match else None


def states(room: ClusterRoom | None, worker: str, picture: int | None, *, moves: bool) -> Iterator[State]:
    """What a room's viewer at that worker is told. `moves`: it should play the room elsewhere.

    `picture` is the place of the viewer's section (m-line) for the picture; None: it gets none.
    """
    is_live = room is not None and room.status.has_publisher
    # a stream does not begin with `inactive`: the draft forbids it
    yield _state("life", "active" if is_live else "inactive", {}, granted=not is_live)
    if picture is not None:
        layers = room.status.layers if room else ()
        yield _state("layers", "layers", layers_data(picture, layers), granted=not layers)
    yield _state("viewers", "viewercount", {"viewercount": room.status.subscribers if room else 0})
    delay = room.delay(worker) if room else None
    yield _state("delay", "delay", {"delay": delay}, granted=delay is None)
    yield _state("move", "reconnect" if moves and is_live else "", {})


def _state(name: str, event: str, data: Mapping[str, object], *, granted: bool = False) -> State:
    return State(name, event, b"event: %b\ndata: %b\n\n" % (event.encode(), compact_json(data)), granted)


def moves_at(session: str, drains_from: float, drains_until: float) -> float:
    """When a viewer is asked to leave a draining worker: spread out, so that not all move at once."""
    lot = int.from_bytes(hashlib.sha256(session.encode()).digest()[:4]) / 2**32
    return drains_from + _WAVE_SHARE * lot * (drains_until - drains_from)


def message_text(message: str) -> bytes:
    """The event of a message of one line."""
    return f"event: message\ndata: {message}\n\n".encode()


def steady_layers(before: tuple[LayerStatus, ...], now: tuple[LayerStatus, ...]) -> tuple[LayerStatus, ...]:
    """The layers to send: those of `before`, unless they differ in more than a viewer cares for."""
    return before if len(before) == len(now) and all(map(_is_alike, before, now)) else now


def _is_alike(before: LayerStatus, now: LayerStatus) -> bool:
    if (before.rid, before.width, before.height) != (now.rid, now.width, now.height):
        return False
    if not before.bitrate or not now.bitrate:
        return before.bitrate == now.bitrate
    return abs(now.bitrate - before.bitrate) <= _BITRATE_SHARE * before.bitrate


def layers_data(picture: int, layers: tuple[LayerStatus, ...]) -> dict[str, object]:
    """The event's data: the layers, best first, by the place of the picture's section in the viewer's SDP.

    A layer without `bitrate` is inactive. A publisher that sends one layer names none: it is spatial layer 0.
    """
    return {str(picture): [_entry(layer) for layer in layers]}


def _entry(layer: LayerStatus) -> dict[str, object]:
    entry: dict[str, object] = {"rid": layer.rid} if layer.rid else {"spatialLayerId": 0}
    if layer.bitrate:
        entry["bitrate"] = _rounded(layer.bitrate)
    if layer.width and layer.height:
        entry |= {"width": layer.width, "height": layer.height}
    return entry


def _rounded(bitrate: int) -> int:
    """A bit rate in two figures: more would only look exact."""
    return int(float(f"{bitrate:.1e}"))
