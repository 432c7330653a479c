"""How control hands to a worker what it has parsed: an offer or a fragment as msgpack.

As in all messages between the planes, unknown fields are ignored, and fields with a default may be missing.
"""

from typing import TypeVar

import msgspec

from shared.errors import ServiceError
from shared.messages.encoding import DecodeError
from shared.sdp.fragment import Fragment
from shared.sdp.offer import Offer

MAX_ENCODED = 256 << 10  # bytes; the fattest offer that is parsed has less than half of it

T = TypeVar("T", Offer, Fragment)

_encoder = msgspec.msgpack.Encoder()
_offers = msgspec.msgpack.Decoder(Offer)
_fragments = msgspec.msgpack.Decoder(Fragment)


def encode(parsed: Offer | Fragment) -> bytes:
    return _encoder.encode(parsed)


def decode_offer(data: bytes) -> Offer:
    """The offer in `data`. Raises `DecodeError` unless `parse_offer` could have returned it."""
    return _decode(_offers, data)


def decode_fragment(data: bytes) -> Fragment:
    """The fragment in `data`. Raises `DecodeError` unless `parse_fragment` could have returned it."""
    return _decode(_fragments, data)


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    if len(data) > MAX_ENCODED:
        raise DecodeError("larger than any offer")
    try:
        return decoder.decode(data)
    except ServiceError as error:
        raise DecodeError(error.detail) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DecodeError(f"no valid {decoder.type.__name__}") from error
