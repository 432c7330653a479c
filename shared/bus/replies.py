"""What Redis sends: values of RESP 2 and 3, out of bytes however they come. Does no I/O.

As of redis-py, which decodes no text for us, a text is bytes, a set a list, and an error an exception.
"""

from collections.abc import Callable, Generator
from typing import Any

from redis.exceptions import InvalidResponse

NOTHING = object()


class Push(list[Any]):
    """What Redis tells without being asked."""


class Replies:
    """Looks at each byte once. `error` makes the exception of an error's text."""

    def __init__(self, error: Callable[[str], Exception]) -> None:
        self._error = error
        self._data = bytearray()
        self._at = 0  # what is before has been read
        self._reading: Generator[None, None, Any] | None = None  # the value that has not come as a whole

    @property
    def is_empty(self) -> bool:
        """Whether all that has come was taken."""
        return len(self._data) == self._at

    def feed(self, data: bytes) -> None:
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += data

    def take(self) -> Any:
        """The next value, or `NOTHING` as long as more of it is to come. Raises `InvalidResponse`."""
        if self._reading is None:
            self._reading = self._value()
        try:
            next(self._reading)
        except StopIteration as end:
            self._reading = None
            return end.value
        return NOTHING

    def _value(self) -> Generator[None, None, Any]:
        while (end := self._data.find(b"\r\n", self._at)) < 0:
            yield
        kind, text = chr(self._data[self._at]), bytes(self._data[self._at + 1 : end])
        self._at = end + 2
        if kind in ":(":
            return int(text)
        if kind in "$=!*~>%":
            return (yield from self._sized(kind, int(text)))
        if kind == "+":
            return text
        if kind == "-":
            return self._error(text.decode(errors="replace"))
        if kind == "_":
            return None
        if kind == ",":
            return float(text)
        if kind == "#":
            return text == b"t"
        raise InvalidResponse(f"Protocol Error: {kind!r}")

    def _sized(self, kind: str, size: int) -> Generator[None, None, Any]:
        """What has so many bytes or parts; a negative size stands for nothing (RESP 2)."""
        if size < 0:
            return None
        if kind in "*~>":
            parts: list[Any] = Push() if kind == ">" else []
            for _ in range(size):
                parts.append((yield from self._value()))
            return parts
        if kind == "%":
            pairs = {}
            for _ in range(size):
                name = yield from self._value()
                pairs[name] = yield from self._value()
            return pairs
        while len(self._data) < self._at + size + 2:
            yield
        text = bytes(self._data[self._at : self._at + size])
        self._at += size + 2
        if kind == "!":
            return self._error(text.decode(errors="replace"))
        return text[4:] if kind == "=" else text  # behind the kind of a verbatim text
