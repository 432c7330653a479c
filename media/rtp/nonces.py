"""The nonces of AES-GCM (RFC 7714 8.1), of many packets at once: as one number, which takes one operation."""

import struct

from media.rtp.run import MOST_PACKETS

NONCE = 12  # bytes

# Numbers that join `count` nonces: each of value 1, and of values 0, 1, 2 and so on.
_ONES = [sum(1 << 8 * NONCE * place for place in range(count)) for count in range(MOST_PACKETS + 1)]
_RISING = [sum(_ONES[place] for place in range(count)) for count in range(MOST_PACKETS + 1)]
_SPLIT = [struct.Struct(f"{NONCE}s" * count).unpack for count in range(MOST_PACKETS + 1)]


def iv(ssrc: int, index: int) -> int:
    """The IV of a packet before it is salted, as a number of `NONCE` bytes."""
    return ssrc << 48 | index


def joined_ivs(ssrc: int, first: int, count: int) -> int:
    """Those of `count` packets with successive indexes."""
    return iv(ssrc, first) * _ONES[count] + _RISING[count]


def salted(ivs: int, salt: int, count: int) -> tuple[bytes, ...]:
    """The nonces of so many joined IVs."""
    return _SPLIT[count]((ivs ^ salt * _ONES[count]).to_bytes(NONCE * count))
