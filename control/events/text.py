"""WHEP's server-sent events (draft-ietf-wish-whep): which ones, when, and as text. Does no I/O.

A stream reports how the room differs from its last report: a slow reader misses steps, never the outcome.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.messages.status import LayerStatus

RELATION = "urn:ietf:params:whep:ext:core:server-sent-events"
KEEP_ALIVE = ": \n\n"  # a comment, which keeps proxies from closing the connection

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


@dataclass(frozen=True, slots=True)
class RoomView:
    """What can be reported to a viewer about the room."""

    active: bool  # whether somebody publishes
    viewers: int
    layers: tuple[LayerStatus, ...] = ()  # of the picture, best first
    delay: float | None = None  # seconds from the capture of media to this viewer's worker; None: not known
    reconnect: bool = False  # this viewer should move to another worker now


def new_stream_name(wanted: Iterable[str]) -> str:
    """A name that contains the wanted events: any control process can serve it."""
    names = set(wanted)
    letters = "".join(letter for letter, name in _LETTERS.items() if name in names)
    return f"{letters}-{secrets.token_urlsafe(8)}"


def events_of_stream(name: str) -> frozenset[str] | None:
    """The events in a stream's name; None when it is not a stream's name."""
    match = _STREAM.fullmatch(name)
    return frozenset(_LETTERS[letter] for letter in match[1]) if match else None


def changes(
    before: RoomView | None, now: RoomView, wanted: frozenset[str], picture: int | None
) -> Iterator[str]:
    """The wanted events between two views, as text; `before` is None at the beginning.

    `picture` is the place of the viewer's section (m-line) for the picture; None: it gets none.
    """
    if before is None or now.active != before.active:
        # a stream does not begin with `inactive`: the draft forbids it
        name = "active" if now.active else "inactive"
        if name in wanted and (now.active or before is not None):
            yield _text(name, {})
    if "layers" in wanted and picture is not None and now.layers != (before.layers if before else ()):
        yield _text("layers", layers_data(picture, now.layers))
    if "viewercount" in wanted and (before is None or now.viewers != before.viewers):
        yield _text("viewercount", {"viewercount": now.viewers})
    if "delay" in wanted and now.delay != (before.delay if before else None):
        yield _text("delay", {"delay": now.delay})
    if "reconnect" in wanted and now.reconnect and not (before and before.reconnect):
        yield _text("reconnect", {})


def moves_at(session: str, drains_from: float, drains_until: float) -> float:
    """When a viewer is asked to leave a draining worker: spread out, so that not all move at once."""
    lot = int.from_bytes(hashlib.sha256(session.encode()).digest()[:4]) / 2**32
    return drains_from + _WAVE_SHARE * lot * (drains_until - drains_from)


def message_text(message: str) -> str:
    """The event of a message of one line."""
    return f"event: message\ndata: {message}\n\n"


def _text(name: str, data: Mapping[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


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
