"""What a request asks for: the room and the session in its path, and a page of a list in its query."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TypeVar

from starlette.requests import Request

from control.access.auth import Authenticator
from control.http.caller import access_of
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId, parse_room_name, worker_of_session

MAX_LIMIT = 10_000  # entries on a page

T = TypeVar("T")


def room_in_path(request: Request) -> RoomName:
    """Raises `INVALID_ROOM`."""
    room = parse_room_name(request.path_params.get("room", ""))
    if room is None:
        raise ServiceError(ErrorCode.INVALID_ROOM)
    return room


def session_in_path(request: Request, authenticator: Authenticator, role: Role) -> tuple[RoomName, SessionId]:
    """The room, and the session, whose id is a credential; a token that is sent along must be valid, too.

    Raises `INVALID_ROOM`, `UNAUTHORIZED`, or `SESSION_NOT_FOUND` when it cannot be the id of a session.
    """
    room = room_in_path(request)
    access_of(request, authenticator).check_sent_along(room, role)
    session: str = request.path_params["session"]
    if worker_of_session(session) is None:
        raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
    return room, SessionId(session)


def room_in_query(request: Request) -> RoomName:
    """Empty without one. Raises `INVALID_ROOM`."""
    name = request.query_params.get("room", "")
    if name and parse_room_name(name) is None:
        raise ServiceError(ErrorCode.INVALID_ROOM)
    return RoomName(name)


# --- lists in pages: `?limit=` entries at most, the first behind `?after=`


def limit_in(query: Mapping[str, str]) -> int | None:
    """Raises `INVALID_PAGE`."""
    text = query.get("limit")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > MAX_LIMIT:
        raise ServiceError(ErrorCode.INVALID_PAGE, detail=f"limit is a number up to {MAX_LIMIT}")
    return int(text)


def page_of(entries: list[T], key: Callable[[T], str], query: Mapping[str, str]) -> list[T]:
    """The page that `query` asks for, of entries that are sorted by `key`."""
    limit, after = limit_in(query), query.get("after", "")
    first = bisect_right(entries, after, key=key) if after else 0
    return entries[first : None if limit is None else first + limit]
