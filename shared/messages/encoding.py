"""How messages are encoded: frozen dataclasses as msgpack maps. msgspec writes them, reads and checks them.

What is no message, lists and maps of plain values, goes through msgpack.

Unknown fields are ignored, and fields with a default may be missing, so that two versions can run side by
side during an upgrade. A field says by its type which numbers it takes: all of them are finite.
"""

from typing import Annotated, Any, TypeVar, cast

import msgpack
import msgspec
from msgspec import Meta, Raw

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


def encode(message: Any) -> bytes:
    """The packed map of a message."""
    return msgspec.msgpack.encode(message)


def read(kind: type[T], data: bytes | Raw) -> T:
    """The message in packed `data`; raises `DecodeError`."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise DecodeError(f"not a {kind.__name__}: {error}") from error


def to_map(message: Any) -> dict[str, Any]:
    """The plain map of a message."""
    return cast(dict[str, Any], msgspec.to_builtins(message, builtin_types=(bytes,)))


def pack(data: object) -> bytes:
    packed: bytes = msgpack.packb(data)
    return packed


def unpack(data: bytes) -> Any:
    """The value in `data`; raises `DecodeError`."""
    try:
        return msgpack.unpackb(data, strict_map_key=False)  # numbers, too: payload types
    except Exception as error:  # msgpack raises many kinds of errors, not only ValueError
        raise DecodeError("not msgpack") from error
