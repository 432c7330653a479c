"""WHEP's server-sent events (draft-ietf-wish-whep): which, when, and as text. Does no I/O.

A stream tells how its room differs from what it told before: a slow reader misses steps, never the outcome.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RELATION = "urn:ietf:params:whep:ext:core:server-sent-events"
KEEP_ALIVE = ": \n\n"  # a comment: it keeps proxies from giving the connection up

# By the letter that stands for it in a stream's name.
_LETTERS = {"a": "active", "i": "inactive", "r": "reconnect", "v": "viewercount"}
EVENTS = tuple(_LETTERS.values())
_STREAM = re.compile(r"([airv]{0,4})-[A-Za-z0-9_-]{11}")

# Viewers are asked to move in this share of the time that their worker drains; the rest is for late ones.
_WAVE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class RoomView:
    """What a viewer can be told of its room."""

    active: bool  # whether somebody publishes
    viewers: int
    reconnect: bool = False  # this viewer should move to another worker now


def new_stream_name(wanted: Iterable[str]) -> str:
    """A name that holds the events it is for: so any control process serves it, and none need remember it."""
    names = set(wanted)
    letters = "".join(letter for letter, name in _LETTERS.items() if name in names)
    return f"{letters}-{secrets.token_urlsafe(8)}"


def events_of_stream(name: str) -> frozenset[str] | None:
    """The events that a stream's name asks for; None when it is no such name."""
    match = _STREAM.fullmatch(name)
    return frozenset(_LETTERS[letter] for letter in match[1]) if match else None


def changes(before: RoomView | None, now: RoomView, wanted: frozenset[str]) -> Iterator[str]:
    """The wanted events that lead from one view to the next, as text; `before` is None at the beginning."""
    if before is None or now.active != before.active:
        # a stream does not begin with `inactive`: the draft forbids it
        name = "active" if now.active else "inactive"
        if name in wanted and (now.active or before is not None):
            yield _text(name, {})
    if "viewercount" in wanted and (before is None or now.viewers != before.viewers):
        yield _text("viewercount", {"viewercount": now.viewers})
    if "reconnect" in wanted and now.reconnect and not (before and before.reconnect):
        yield _text("reconnect", {})


def moves_at(session: str, drains_from: float, drains_until: float) -> float:
    """When a viewer is asked to leave a draining worker: each at its own time, without a stampede."""
    lot = int.from_bytes(hashlib.sha256(session.encode()).digest()[:4]) / 2**32
    return drains_from + _WAVE_SHARE * lot * (drains_until - drains_from)


def _text(name: str, data: dict[str, int]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
