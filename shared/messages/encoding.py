"""How messages are encoded: frozen dataclasses as msgpack maps.

Unknown fields are ignored, and fields with a default may be missing, so that two versions can run side by
side during an upgrade. A field says by its type which numbers it takes: all of them are finite.

What is read often, statuses and rooms, is read from the bytes at once, without a map.
"""

from dataclasses import fields, is_dataclass
from typing import Annotated, Any, TypeVar

import msgpack
import msgspec
from msgspec import Meta

# A float without other bounds has these: JSON, dates and comparisons rely on that.
Finite = Annotated[float, Meta(ge=-(2.0**1023), le=2.0**1023)]
# Until the year 4147: every calendar and wire format can hold it.
UnixTime = Annotated[float, Meta(ge=0, lt=2**36)]
Count = Annotated[int, Meta(ge=0)]
# A measured share or rate.
Figure = Annotated[float, Meta(ge=0, lt=2**53)]
# Goes into URLs and headers as it is.
UrlText = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,200}\Z")]

T = TypeVar("T")


class DecodeError(ValueError):
    """Bytes from Redis are not the message that was expected."""


def to_map(message: Any) -> dict[str, Any]:
    """The plain map of a message. Not `asdict`, which would copy every room of a heartbeat twice."""
    return {
        name: [to_map(v) for v in value] if _holds_messages(value) else value
        for name in _names_of(type(message))
        for value in (getattr(message, name),)
    }


_names: dict[type, tuple[str, ...]] = {}  # of a message's fields


def _names_of(kind: type[Any]) -> tuple[str, ...]:
    if kind not in _names:
        _names[kind] = tuple(field.name for field in fields(kind))
    return _names[kind]


def _holds_messages(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and is_dataclass(value[0])


def from_map(kind: type[T], data: object) -> T:
    """The message in a plain map; raises `DecodeError`."""
    try:
        return msgspec.convert(data, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, RecursionError, OverflowError) as error:
        raise DecodeError(f"not a {kind.__name__}: {error}") from error


def read(kind: type[T], data: bytes) -> T:
    """The message in packed `data`, for messages without a float that has no bounds; raises `DecodeError`."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    try:
        message: T = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise DecodeError(f"not a {kind.__name__}") from error
    return message


_decoders: dict[type, msgspec.msgpack.Decoder[Any]] = {}


def pack(data: object) -> bytes:
    packed: bytes = msgpack.packb(data)
    return packed


def unpack(data: bytes) -> Any:
    """The value in `data`; raises `DecodeError`."""
    try:
        return msgpack.unpackb(data, strict_map_key=True)
    except Exception as error:  # msgpack raises many kinds of errors, not only ValueError
        raise DecodeError("not msgpack") from error
