"""The rulings in force, as one process holds them. Does no I/O: the time is an argument.

Every process holds all of them, and they survive in any order of arrival: of two rulings of one name the one
with the later stamp counts. A stamp is the time of Redis' clock at which the ruling was made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from shared.messages.encoding import DecodeError, read
from shared.messages.rulings import (
    Block,
    Revocation,
    Ruling,
    TokenMark,
    block_name,
    revocation_name,
)

STAMP_DIGITS = 16  # microseconds since 1970, until the year 2286

R = TypeVar("R", Block, Revocation)


class RulingError(ValueError):
    """What Redis holds is no ruling that this version can read."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A ruling as it is in Redis: `data` is its stamp, and the packed ruling."""

    data: bytes
    ruling: Ruling

    @property
    def stamp(self) -> bytes:
        return self.data[:STAMP_DIGITS]

    @property
    def body(self) -> bytes:
        return self.data[STAMP_DIGITS:]


def read_stamped(name: str, data: bytes) -> Stamped:
    """The ruling in a field of Redis; raises `RulingError`."""
    stamp, body = data[:STAMP_DIGITS], data[STAMP_DIGITS:]
    kind: type[Ruling] = Block if name.startswith("block:") else Revocation
    try:
        ruling = read(kind, body)
    except DecodeError as error:
        raise RulingError(str(error)) from None
    if not (len(stamp) == STAMP_DIGITS and stamp.isdigit() and ruling.name == name):
        raise RulingError("its stamp or its name is wrong")
    return Stamped(data, ruling)


class Rulings:
    def __init__(self) -> None:
        self._held: dict[str, Stamped] = {}
        # each session is looked up here when a ruling is made: by the claim itself, without a digest
        self._by_claim: dict[tuple[str, str], Revocation] = {}
        self._cutoffs: dict[str, Revocation] = {}  # those by `issued_before`

    def __len__(self) -> int:
        """How many are held, those that were lifted among them."""
        return len(self._held)

    def held(self, name: str) -> Stamped | None:
        """The ruling of that name, whether it is in force or not."""
        return self._held.get(name)

    # --- what they forbid

    def block_of(self, room: str, now: float) -> Block | None:
        held = self._held.get(block_name(room))
        return _in_force(held.ruling, now) if held and isinstance(held.ruling, Block) else None

    def revokes(self, token: TokenMark | None, now: float) -> bool:
        """Whether a JWT with this mark opens nothing any more. None, what is no JWT, is not revoked."""
        if token is None:
            return False
        for claim, value in (("jti", token.jti), ("subject", token.subject)):
            found = None if value is None else self._by_claim.get((claim, value))
            if found is not None and _in_force(found, now):
                return True
        return any(
            (token.issued_at is None or token.issued_at < (cutoff.issued_before or 0))
            and _in_force(cutoff, now)
            for cutoff in self._cutoffs.values()
        )

    def revocation(self, revocation: str, now: float) -> Revocation | None:
        held = self._held.get(revocation_name(revocation))
        return _in_force(held.ruling, now) if held and isinstance(held.ruling, Revocation) else None

    def blocks(self, now: float) -> list[Block]:
        """The blocks in force, by room."""
        return sorted(self._all(Block, now), key=lambda block: block.room)

    def revocations(self, now: float) -> list[Revocation]:
        """The revocations in force, by id."""
        return sorted(self._all(Revocation, now), key=lambda one: one.id)

    def _all(self, kind: type[R], now: float) -> Iterator[R]:
        for held in self._held.values():
            if isinstance(held.ruling, kind) and (ruling := _in_force(held.ruling, now)):
                yield ruling

    # --- holding them

    def take(self, name: str, stamped: Stamped) -> bool:
        """Hold a ruling, unless a later one of its name is held; returns whether that changed anything."""
        held = self._held.get(name)
        if held is not None and held.stamp >= stamped.stamp:
            return False
        self._held[name] = stamped
        if isinstance(stamped.ruling, Revocation):
            self._index(name, stamped.ruling)
        return True

    def _index(self, name: str, revocation: Revocation) -> None:
        if claim := _claim(revocation):
            self._by_claim[claim] = revocation
        else:
            self._cutoffs[name] = revocation

    def later_than(self, others: dict[str, bytes], now: float) -> dict[str, Stamped]:
        """The rulings that another holder, by name and data, lacks or has an earlier one of."""
        return {
            name: held
            for name, held in self._held.items()
            if held.ruling.until > now and others.get(name, b"")[:STAMP_DIGITS] < held.stamp
        }

    def forget_ended(self, now: float) -> None:
        for name in [name for name, held in self._held.items() if held.ruling.until <= now]:
            ended = self._held.pop(name).ruling
            self._cutoffs.pop(name, None)
            if isinstance(ended, Revocation) and (claim := _claim(ended)):
                del self._by_claim[claim]


def _claim(revocation: Revocation) -> tuple[str, str] | None:
    if revocation.jti is not None:
        return "jti", revocation.jti
    return None if revocation.subject is None else ("subject", revocation.subject)


def _in_force(ruling: R, now: float) -> R | None:
    return None if ruling.lifted or ruling.until <= now else ruling
