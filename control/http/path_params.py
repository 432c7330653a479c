"""The room and the session in a request's path."""

from starlette.requests import Request

from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, SessionId, parse_room_name, worker_of_session


def room_in_path(request: Request) -> RoomName:
    """Raises `INVALID_ROOM`."""
    room = parse_room_name(request.path_params.get("room", ""))
    if room is None:
        raise ServiceError(ErrorCode.INVALID_ROOM)
    return room


def session_in_path(request: Request) -> SessionId:
    """Raises `SESSION_NOT_FOUND` when it cannot be the id of a session."""
    session: str = request.path_params["session"]
    if worker_of_session(session) is None:
        raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
    return SessionId(session)
