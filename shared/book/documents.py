"""Stamped documents as one process holds them. Does no I/O: the time is an argument.

Every process holds all of them, and they survive in any order of arrival: of two of one name the one with the
later stamp counts. A stamp is the time of Redis' clock at which the document was made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.messages.encoding import DecodeError
from shared.messages.room_settings import RoomSettings
from shared.messages.rulings import Ruling

STAMP_DIGITS = 16  # microseconds since 1970, until the year 2286


# Each has a name, the same wherever it is held, and an end, in Unix time. One that was lifted is kept for a
# while: so nobody who has not heard of that brings it back.
D = TypeVar("D", bound=RoomSettings | Ruling)


@dataclass(frozen=True, slots=True)
class Stamped(Generic[D]):
    """A document as it is in Redis: `data` is its stamp, and the packed document."""

    data: bytes
    document: D

    @property
    def stamp(self) -> bytes:
        return self.data[:STAMP_DIGITS]

    @property
    def body(self) -> bytes:
        return self.data[STAMP_DIGITS:]


def read_stamped(name: str, data: bytes, read: Callable[[str, bytes], D]) -> Stamped[D]:
    """The document in a field of Redis; `read` has its name and what is packed. Raises `DecodeError`."""
    stamp = data[:STAMP_DIGITS]
    document = read(name, data[STAMP_DIGITS:])
    if not (len(stamp) == STAMP_DIGITS and stamp.isdigit() and document.name == name):
        raise DecodeError("its stamp or its name is wrong")
    return Stamped(data, document)


def in_force(document: D, now: float) -> D | None:
    """The document, unless it was lifted or has ended."""
    return None if document.lifted or document.until <= now else document


class Documents(Generic[D]):
    """`read` makes a document of its name and what is packed; raises `DecodeError`."""

    def __init__(self, read: Callable[[str, bytes], D]) -> None:
        self.read = read
        self._held: dict[str, Stamped[D]] = {}

    def __len__(self) -> int:
        """How many are held, those that were lifted among them."""
        return len(self._held)

    def held(self, name: str) -> Stamped[D] | None:
        """The document of that name, whether it is in force or not."""
        return self._held.get(name)

    def take(self, name: str, stamped: Stamped[D]) -> bool:
        """Hold a document, unless a later one of its name is held; returns whether that changed anything."""
        held = self._held.get(name)
        if held is not None and held.stamp >= stamped.stamp:
            return False
        if held is not None:
            self._left(held.document)
        self._held[name] = stamped
        self._came(stamped.document)
        return True

    def later_than(self, others: dict[str, bytes], now: float) -> dict[str, Stamped[D]]:
        """The documents that another holder, by name and data, lacks or has an earlier one of."""
        return {
            name: held
            for name, held in self._held.items()
            if held.document.until > now and others.get(name, b"")[:STAMP_DIGITS] < held.stamp
        }

    def forget_ended(self, now: float) -> None:
        for name in [name for name, held in self._held.items() if held.document.until <= now]:
            self._left(self._held.pop(name).document)

    def _came(self, document: D) -> None:
        """A document is held from now on."""

    def _left(self, document: D) -> None:
        """A document is held no longer: it has ended, or a later one comes in its place."""
