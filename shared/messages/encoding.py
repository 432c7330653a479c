"""How messages are encoded: frozen dataclasses as msgpack maps.

Unknown fields are ignored, and fields with a default may be missing, so that two versions can run side by
side during an upgrade. Numbers are finite: JSON, dates and comparisons rely on that.
"""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import msgpack
from pydantic import ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")


class DecodeError(ValueError):
    """Bytes from Redis are not the message that was expected."""


def to_map(message: Any) -> dict[str, Any]:
    """The plain map of a message. Not `asdict`, which would copy every room of a heartbeat twice."""
    return {
        f.name: [to_map(v) for v in value] if _holds_messages(value) else value
        for f in fields(message)
        for value in (getattr(message, f.name),)
    }


def _holds_messages(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and is_dataclass(value[0])


_adapters: dict[type, TypeAdapter[Any]] = {}
_FINITE = ConfigDict(allow_inf_nan=False)


def from_map(kind: type[T], data: object) -> T:
    """The message in a plain map; raises `DecodeError`."""
    adapter = _adapters.get(kind)
    if adapter is None:
        # a dataclass takes this configuration only from what it is a part of
        adapter = _adapters[kind] = TypeAdapter(tuple[kind], config=_FINITE)  # type: ignore[valid-type]
    try:
        message: T = adapter.validate_python((data,))[0]
    except ValidationError as error:
        raise DecodeError(f"not a {kind.__name__}: {error.error_count()} wrong fields") from error
    return message


def pack(data: object) -> bytes:
    packed: bytes = msgpack.packb(data)
    return packed


def unpack(data: bytes) -> Any:
    """The value in `data`; raises `DecodeError`."""
    try:
        return msgpack.unpackb(data, strict_map_key=True)
    except Exception as error:  # msgpack raises many kinds of errors, not only ValueError
        raise DecodeError("not msgpack") from error
