"""What the two ends of a relay tell each other, as RTCP APP packets: of layers, and of who may feed whom.

The edge says which layers of the room's picture somebody there watches, and gets only these; and how many
other edges it would feed. The worker that feeds it says what each layer is, since an edge cannot measure what
it does not get; and that it leaves. Both repeat it each second, as UDP loses packets.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from media.rtp.rtcp import Packet
from media.rtp.rtcp_app import App, app

MOST_LAYERS = 32  # in one packet; a picture has three
_WANTED, _LAYERS, _STARVED = b"WANT", b"LAYR", b"STRV"
_TAKES, _LEAVES = b"TAKE", b"MOVE"
_ROUND_TRIP = b"TRIP"
_ENTRY = struct.Struct("!IIHH")
_NUMBER = struct.Struct("!I")


class LayerFigures(NamedTuple):
    """One layer at its origin. `ssrc` is the relay's."""

    ssrc: int
    bitrate: int  # bits a second of RTP payload; 0: nothing comes
    width: int = 0  # pixels, of the latest keyframe; 0: not known
    height: int = 0


def wanted_layers(sender_ssrc: int, ssrcs: Iterable[int]) -> bytes:
    """The edge's message: the SSRCs of the layers that it wants."""
    return _ssrcs(sender_ssrc, _WANTED, ssrcs)


def starved_layers(sender_ssrc: int, ssrcs: Iterable[int]) -> bytes:
    """The origin's second message: the SSRCs of layers that their publisher leaves too few pictures."""
    return _ssrcs(sender_ssrc, _STARVED, ssrcs)


def _ssrcs(sender_ssrc: int, name: bytes, ssrcs: Iterable[int]) -> bytes:
    return app(App(sender_ssrc, name, b"".join(map(_NUMBER.pack, ssrcs))))


def layer_figures(sender_ssrc: int, layers: Iterable[LayerFigures]) -> bytes:
    """The origin's message. Figures beyond their fields are cut to the most that these hold."""
    entries = [
        _ENTRY.pack(ssrc, min(bitrate, 0xFFFFFFFF), min(width, 0xFFFF), min(height, 0xFFFF))
        for ssrc, bitrate, width, height in layers
    ]
    return app(App(sender_ssrc, _LAYERS, b"".join(entries)))


def read_wanted(packet: Packet) -> frozenset[int] | None:
    """The SSRCs of the wanted layers; None if `packet` is no such message."""
    return _read_ssrcs(packet, _WANTED)


def read_starved(packet: Packet) -> frozenset[int] | None:
    """The SSRCs of the starved layers; None if `packet` is no such message."""
    return _read_ssrcs(packet, _STARVED)


def _read_ssrcs(packet: Packet, name: bytes) -> frozenset[int] | None:
    if not isinstance(packet, App) or packet.name != name:
        return None
    data = packet.data[: MOST_LAYERS * _NUMBER.size]
    whole = data[: len(data) // _NUMBER.size * _NUMBER.size]
    return frozenset(ssrc for (ssrc,) in _NUMBER.iter_unpack(whole))


def read_figures(packet: Packet) -> tuple[LayerFigures, ...] | None:
    """The layers at the origin; None if `packet` is no such message."""
    if not isinstance(packet, App) or packet.name != _LAYERS:
        return None
    data = packet.data[: MOST_LAYERS * _ENTRY.size]
    whole = data[: len(data) // _ENTRY.size * _ENTRY.size]
    return tuple(LayerFigures(*entry) for entry in _ENTRY.iter_unpack(whole))


# --- who may feed whom


def takes_edges(sender_ssrc: int, number: int) -> bytes:
    """The edge's message: how many other edges it would feed."""
    return app(App(sender_ssrc, _TAKES, _NUMBER.pack(number)))


def leaves(sender_ssrc: int) -> bytes:
    """The message of the worker that feeds the edge: find another one, before I am gone."""
    return app(App(sender_ssrc, _LEAVES, b""))


def read_takes(packet: Packet) -> int | None:
    """How many edges the edge would feed; None if `packet` is no such message."""
    if not isinstance(packet, App) or packet.name != _TAKES or len(packet.data) < _NUMBER.size:
        return None
    return int.from_bytes(packet.data[: _NUMBER.size])


def says_leaves(packet: Packet) -> bool:
    return isinstance(packet, App) and packet.name == _LEAVES


# --- how far they are apart


def round_trip(sender_ssrc: int, seconds: float) -> bytes:
    """The message of the worker that feeds the edge, in milliseconds: an edge gets no answers to reports."""
    return app(App(sender_ssrc, _ROUND_TRIP, _NUMBER.pack(round(seconds * 1000))))


def read_round_trip(packet: Packet) -> float | None:
    """That in seconds; None if `packet` is no such message."""
    if not isinstance(packet, App) or packet.name != _ROUND_TRIP or len(packet.data) < _NUMBER.size:
        return None
    return int.from_bytes(packet.data[: _NUMBER.size]) / 1000
