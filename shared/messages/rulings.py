"""What operators have forbidden: rooms that are blocked, and JWTs that are revoked.

Both are rulings. Each has a name that is the same wherever it is held, and an end. A ruling that was lifted
is kept for a while: so nobody who has not heard of that brings it back.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from shared.messages.encoding import UnixTime


class TokenMark(NamedTuple):
    """What a JWT may be revoked by. None: the token does not say."""

    jti: str | None = None
    subject: str | None = None
    issued_at: UnixTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Nobody publishes or plays in a room."""

    room: str
    until: UnixTime
    reason: str = ""  # for clients
    by: str = ""  # who said so, for operators
    lifted: bool = False

    @property
    def name(self) -> str:
        return block_name(self.room)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """JWTs open nothing any more: exactly one of these three says which."""

    until: UnixTime
    jti: str | None = None
    subject: str | None = None
    issued_before: UnixTime | None = None  # and those that do not say when they were issued
    at: UnixTime = 0.0
    by: str = ""
    lifted: bool = False

    @property
    def id(self) -> str:
        """The revocation's id, the same for the same tokens. It may be in a URL."""
        if self.jti is not None:
            return jti_id(self.jti)
        if self.subject is not None:
            return subject_id(self.subject)
        return f"before-{self.issued_before or 0:.3f}"

    @property
    def name(self) -> str:
        return revocation_name(self.id)


Ruling = Block | Revocation


_BLOCK = "block:"


def block_name(room: str) -> str:
    return f"{_BLOCK}{room}"


def room_of_block(ruling: str) -> str | None:
    """The room of the block with this name; None: it is the name of another ruling."""
    return ruling.removeprefix(_BLOCK) if ruling.startswith(_BLOCK) else None


def revocation_name(revocation: str) -> str:
    return f"revocation:{revocation}"


def jti_id(jti: str) -> str:
    return f"jti-{_digest(jti)}"


def subject_id(subject: str) -> str:
    return f"subject-{_digest(subject)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObeyRulings:
    """Read the rulings now, and end what they forbid -> `Obeyed`.

    `data` is one of them, of that `name`, as Redis has it: Redis may lose it before it is read.
    """

    name: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obeyed:
    """How many sessions of clients were ended because of any ruling since the last time."""

    sessions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """End one session for good, as an operator asks -> `EndedSession`, or SESSION_NOT_FOUND.

    `session` may be cut, as in lists: AMBIGUOUS_SESSION when several begin so.
    """

    session: str
    room: str = ""  # it must be in this one, unless it is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    room: str
    role: str
