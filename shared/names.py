"""Names of rooms, workers, sessions and requests.

A name is parsed once, where it enters the process, and trusted afterwards.
"""

import base64
import hashlib
import re
import secrets
import unicodedata
from typing import NewType, TypeGuard

RoomName = NewType("RoomName", str)
WorkerId = NewType("WorkerId", str)
SessionId = NewType("SessionId", str)
RequestId = NewType("RequestId", str)

MAX_CLAIM = 1024  # characters of a jti or a sub
A_CLAIM = f"a text in NFC of 1 to {MAX_CLAIM} characters without control characters"
_CHECK = "~"  # no room's name has it

_ROOM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WORKER = re.compile(r"[A-Za-z0-9_-]{1,48}")
_SESSION = re.compile(r"([A-Za-z0-9_-]{1,48})\.[A-Za-z0-9_-]{22,64}")
_CUT_SESSION = re.compile(r"([A-Za-z0-9_-]{1,48})\.[A-Za-z0-9_-]{4,64}…?")
_REQUEST = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def parse_room_name(text: str) -> RoomName | None:
    """`text` as a room name, or None when it is not valid."""
    return RoomName(text) if _ROOM.fullmatch(text) else None


def is_plain(text: str) -> bool:
    """Whether it fits into a line of a log: no control characters, and no half of a surrogate pair."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def is_claim(value: object) -> TypeGuard[str]:
    """Whether this may be the `jti` or the `sub` of a JWT: plain text in its one spelling (Unicode's NFC).

    Somebody is told apart by it, and revoked by it: two spellings of one name would be two users.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_CLAIM
        and is_plain(value)
        and unicodedata.is_normalized("NFC", value)
    )


def check_name(room: RoomName, caller: str) -> RoomName:
    """Return the name of a caller's check of its uplink before it publishes in `room`.

    No request can name such a room. It is the same for the same caller: a caller has one check at a time.
    """
    digest = hashlib.sha256(caller.encode()).digest()
    return RoomName(f"{room}{_CHECK}{base64.urlsafe_b64encode(digest[:9]).decode()}")


def is_check(name: str) -> bool:
    """Whether this is the name of a check, which nobody else is to notice."""
    return _CHECK in name


def checked_room(name: str) -> RoomName:
    """The room for which a check is made; a room's own name stays."""
    return RoomName(name.partition(_CHECK)[0])


def parse_worker_id(text: str) -> WorkerId | None:
    """`text` as a worker id, or None. It has no dot: a dot ends the worker's part of a session id."""
    return WorkerId(text) if _WORKER.fullmatch(text) else None


def worker_in_key(data: bytes) -> WorkerId:
    """The worker id that Redis holds; anything else becomes the id of no worker."""
    return WorkerId(data.decode(errors="replace"))


def new_session_id(worker: WorkerId) -> SessionId:
    """`{worker}.{random}`: it names its worker, and 128 random bits make it a credential."""
    return SessionId(f"{worker}.{secrets.token_urlsafe(16)}")


def worker_of_session(text: str) -> WorkerId | None:
    """The worker that a session id names, or None when `text` is not a session id."""
    match = _SESSION.fullmatch(text)
    return WorkerId(match[1]) if match else None


def cut_session(session: str) -> str:
    """A session id for logs and lists: its worker, and four characters of its secret part."""
    worker, _dot, secret_part = session.partition(".")
    return f"{worker}.{secret_part[:4]}…"


def parse_cut_session(text: str) -> tuple[WorkerId, str] | None:
    """The worker, and the beginning, of a session id that may be cut; None when it is neither."""
    match = _CUT_SESSION.fullmatch(text)
    return (WorkerId(match[1]), cut_end(text)) if match else None


def cut_end(session: str) -> str:
    """What is left of a cut session id without the mark at its end."""
    return session.removesuffix("…")


def new_request_id() -> RequestId:
    return RequestId(secrets.token_hex(8))


def parse_request_id(text: str) -> RequestId | None:
    """A proxy's request id, or None when it is not fit for a log line."""
    return RequestId(text) if _REQUEST.fullmatch(text) else None
