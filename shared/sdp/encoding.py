"""How control hands to a worker what it has parsed: an offer or a fragment, encoded as all messages are."""

from typing import TypeVar

from shared.errors import ServiceError
from shared.messages import encoding
from shared.messages.encoding import DecodeError, read
from shared.sdp.fragment import Fragment
from shared.sdp.offer import Offer

MAX_ENCODED = 256 << 10  # bytes; the fattest offer that is parsed has less than half of it

T = TypeVar("T", Offer, Fragment)


def encode(parsed: Offer | Fragment) -> bytes:
    return encoding.encode(parsed)


def decode_offer(data: bytes) -> Offer:
    """The offer in `data`. Raises `DecodeError` unless `parse_offer` could have returned it."""
    return _decode(Offer, data)


def decode_fragment(data: bytes) -> Fragment:
    """The fragment in `data`. Raises `DecodeError` unless `parse_fragment` could have returned it."""
    return _decode(Fragment, data)


def _decode(kind: type[T], data: bytes) -> T:
    if len(data) > MAX_ENCODED:
        raise DecodeError("larger than any offer")
    try:
        return read(kind, data)
    except ServiceError as error:
        raise DecodeError(error.detail) from error
    except ValueError as error:
        raise DecodeError(f"no valid {kind.__name__}") from error
