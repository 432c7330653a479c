"""The book of rulings, and what this process holds of it."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from redis.asyncio import Redis

from shared.book.book import Book, Place
from shared.book.documents import Documents, in_force
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode
from shared.messages.encoding import read
from shared.messages.rulings import (
    Block,
    Revocation,
    Ruling,
    TokenMark,
    block_name,
    revocation_name,
)

MOST_RULINGS = 10_000  # in the whole cluster

R = TypeVar("R", Block, Revocation)


def read_ruling(name: str, body: bytes) -> Ruling:
    """A ruling as it is packed; raises `DecodeError`."""
    kind: type[Ruling] = Block if name.startswith("block:") else Revocation
    return read(kind, body)


class Rulings(Documents[Ruling]):
    """The rulings in force, as one process holds them. Does no I/O: the time is an argument."""

    def __init__(self) -> None:
        super().__init__(read_ruling)
        # each session is looked up here when a ruling is made: by the claim itself, without a digest
        self._by_claim: dict[tuple[str, str], Revocation] = {}
        self._cutoffs: dict[str, Revocation] = {}  # those by `issued_before`

    # --- what they forbid

    def block_of(self, room: str, now: float) -> Block | None:
        held = self._held.get(block_name(room))
        return in_force(held.document, now) if held and isinstance(held.document, Block) else None

    def revokes(self, token: TokenMark | None, now: float) -> bool:
        """Whether a JWT with this mark opens nothing any more. None, what is no JWT, is not revoked."""
        if token is None:
            return False
        for claim, value in (("jti", token.jti), ("subject", token.subject)):
            found = None if value is None else self._by_claim.get((claim, value))
            if found is not None and in_force(found, now):
                return True
        return any(
            (token.issued_at is None or token.issued_at < (cutoff.issued_before or 0))
            and in_force(cutoff, now)
            for cutoff in self._cutoffs.values()
        )

    def revocation(self, revocation: str, now: float) -> Revocation | None:
        held = self._held.get(revocation_name(revocation))
        return in_force(held.document, now) if held and isinstance(held.document, Revocation) else None

    def blocks(self, now: float) -> list[Block]:
        """The blocks in force, by room."""
        return sorted(self._all(Block, now), key=lambda block: block.room)

    def revocations(self, now: float) -> list[Revocation]:
        """The revocations in force, by id."""
        return sorted(self._all(Revocation, now), key=lambda one: one.id)

    def _all(self, kind: type[R], now: float) -> Iterator[R]:
        for held in self._held.values():
            if isinstance(held.document, kind) and (ruling := in_force(held.document, now)):
                yield ruling

    # --- holding them

    def _came(self, document: Ruling) -> None:
        if isinstance(document, Revocation):
            if claim := _claim(document):
                self._by_claim[claim] = document
            else:
                self._cutoffs[document.name] = document

    def _left(self, document: Ruling) -> None:
        self._cutoffs.pop(document.name, None)
        if isinstance(document, Revocation) and (claim := _claim(document)):
            del self._by_claim[claim]


class RulingBook(Book[Ruling]):
    """See `Book`. `changed` is called when other rulings are in force than before."""

    def __init__(
        self,
        redis: Redis,
        clock: RedisClock,
        changed: Callable[[set[str]], None] = lambda _: None,
        is_settled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.rulings = Rulings()
        place = Place(
            keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG, MOST_RULINGS, ErrorCode.TOO_MANY_RULINGS
        )
        super().__init__(redis, clock, place, self.rulings, changed, is_settled)

    def revokes(self, mark: TokenMark) -> bool:
        """Whether the JWT with this mark is revoked; raises `NO_WORKER` until the book was read once."""
        self.check_read()
        return self.rulings.revokes(mark, self.now())


def _claim(revocation: Revocation) -> tuple[str, str] | None:
    if revocation.jti is not None:
        return "jti", revocation.jti
    return None if revocation.subject is None else ("subject", revocation.subject)
