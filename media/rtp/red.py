"""Redundant sound (RFC 2198): a packet of one stream with earlier packets of the same stream in it."""

from collections.abc import Iterable
from typing import NamedTuple

MOST_BLOCKS = 32  # of one packet, as browsers take; senders put in one to nine
MOST_OFFSET = (1 << 14) - 1  # ticks of the media's clock; ...
MOST_LENGTH = (1 << 10) - 1  # ... and octets of a block (section 3)
# Of a payload that we build: with all headers it must not be cut into fragments (RFC 8200 5: 1,280 octets).
MOST_OCTETS = 1_150

_FOLLOWED = 0x80  # the bit of a block's header that says that another one follows
_EARLIER_SIZE = 4  # octets of a block's header, but for the last one's


class RedError(ValueError):
    """The bytes are no redundant payload."""


class Earlier(NamedTuple):
    """What was sent in an earlier packet, whose timestamp is lower by `offset` ticks."""

    offset: int
    payload: bytes


class Red(NamedTuple):
    """The payload of the packet itself, and of those before it, the oldest first."""

    primary: bytes
    earlier: list[Earlier]


def parse(payload: bytes, payload_type: int) -> Red:
    """What is in a payload without its padding; raises `RedError`.

    Blocks of other payload types than that are left out: they are no packets of this stream. The last block
    must be of it.
    """
    headers: list[tuple[int, int, int]] = []
    at = 0
    while True:
        if at >= len(payload):
            raise RedError("the headers are cut")
        if not payload[at] & _FOLLOWED:
            break
        header = int.from_bytes(payload[at : at + _EARLIER_SIZE])
        at += _EARLIER_SIZE
        headers.append((header >> 24 & 0x7F, header >> 10 & MOST_OFFSET, header & MOST_LENGTH))
        if len(headers) >= MOST_BLOCKS:
            raise RedError("too many blocks")
    if payload[at] != payload_type:
        raise RedError("the last block is of another format")
    at += 1
    earlier = []
    for kind, offset, length in headers:
        block = payload[at : at + length]
        at += length
        if at > len(payload):
            raise RedError("a block is cut")
        if kind == payload_type and offset and length:
            earlier.append(Earlier(offset, block))
    return Red(payload[at:], earlier)


def build(payload_type: int, primary: bytes, earlier: Iterable[Earlier]) -> bytes:
    """The payload of `primary` with those of `earlier`, the oldest first, that have room in it.

    The nearest ones have it first. All are of that payload type.
    """
    room = MOST_OCTETS - 1 - len(primary)
    kept: list[Earlier] = []
    for each in reversed([*earlier]):
        length = len(each.payload)
        if 0 < each.offset <= MOST_OFFSET and 0 < length <= min(MOST_LENGTH, room - _EARLIER_SIZE):
            kept.append(each)
            room -= _EARLIER_SIZE + length
    kept.reverse()
    headers = [
        ((_FOLLOWED | payload_type) << 24 | each.offset << 10 | len(each.payload)).to_bytes(_EARLIER_SIZE)
        for each in kept
    ]
    return b"".join((*headers, bytes((payload_type,)), *(each.payload for each in kept), primary))
