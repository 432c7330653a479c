"""What the two ends of a relay tell each other about who may feed whom, as RTCP APP packets.

An edge says how many others it would feed; the worker that feeds an edge, that it leaves. Both repeat that
each second.
"""

import struct

from media.rtp.rtcp import Packet
from media.rtp.rtcp_app import App, app

_TAKES, _LEAVES = b"TAKE", b"MOVE"
_NUMBER = struct.Struct("!I")


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
    number: int = _NUMBER.unpack_from(packet.data)[0]
    return number


def says_leaves(packet: Packet) -> bool:
    return isinstance(packet, App) and packet.name == _LEAVES
