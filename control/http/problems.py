"""Errors as HTTP: the only map from `ErrorCode` to a status and a message (`openapi.yaml`)."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.errors import ErrorCode, ServiceError

PROBLEMS: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.INVALID_SDP: (400, "invalid SDP"),
    ErrorCode.INVALID_ROOM: (400, "invalid room name"),
    ErrorCode.INVALID_FRAGMENT: (400, "invalid SDP fragment"),
    ErrorCode.INVALID_EVENTS: (400, "invalid list of events"),
    ErrorCode.INVALID_MESSAGE: (400, "invalid message"),
    ErrorCode.INVALID_LAYER: (400, "invalid choice of a layer"),
    ErrorCode.INVALID_VIEWING: (400, "invalid report"),
    ErrorCode.INVALID_RULING: (400, "invalid block or revocation"),
    ErrorCode.INVALID_SETTINGS: (400, "invalid settings of a room"),
    ErrorCode.INVALID_PAGE: (400, "invalid page"),
    ErrorCode.INVALID_QUERY: (400, "invalid query"),
    ErrorCode.INVALID_WIDTH: (400, "invalid width"),
    ErrorCode.UNAUTHORIZED: (401, "unauthorized"),
    ErrorCode.CALLBACK_AWAY: (503, "credentials cannot be verified now"),
    ErrorCode.KEYS_AWAY: (503, "credentials cannot be verified now"),
    ErrorCode.SUBSCRIBER_LIMIT: (403, "subscriber limit reached"),
    ErrorCode.ROOM_BLOCKED: (403, "room blocked"),
    ErrorCode.NO_PUBLISHER: (404, "no active publisher in room"),
    ErrorCode.NO_PUBLISHER_YET: (409, "no active publisher in room"),
    ErrorCode.ROOM_NOT_FOUND: (404, "room not found"),
    ErrorCode.WORKER_NOT_FOUND: (404, "worker not found"),
    ErrorCode.RULING_NOT_FOUND: (404, "not blocked or revoked"),
    ErrorCode.TOO_MANY_RULINGS: (503, "too many blocks and revocations"),
    ErrorCode.SETTINGS_NOT_FOUND: (404, "nothing is set for this room"),
    ErrorCode.NOT_MARKED: (409, "this recording cannot be marked so"),
    ErrorCode.TOO_MANY_SETTINGS: (503, "too many rooms with settings"),
    ErrorCode.AMBIGUOUS_SESSION: (409, "several sessions match"),
    ErrorCode.SESSION_NOT_FOUND: (404, "session not found"),
    ErrorCode.NOT_FOUND: (404, "not found"),
    ErrorCode.METHOD_NOT_ALLOWED: (405, "method not allowed"),
    ErrorCode.NOT_ACCEPTABLE: (406, "codec not acceptable"),
    ErrorCode.PUBLISHER_EXISTS: (409, "publisher already exists in this room"),
    ErrorCode.NO_STANDBY: (409, "nobody else publishes in this room"),
    ErrorCode.ALREADY_ANSWERED: (409, "already answered"),
    ErrorCode.PRECONDITION_FAILED: (412, "precondition failed"),
    ErrorCode.PRECONDITION_REQUIRED: (428, "precondition required"),
    ErrorCode.BODY_TOO_LARGE: (413, "request body too large"),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: (415, "unsupported media type"),
    ErrorCode.RATE_LIMITED: (429, "too many requests"),
    ErrorCode.PUBLISHER_LIMIT: (429, "too many requests"),
    ErrorCode.VIEWER_LIMIT: (429, "too many requests"),
    ErrorCode.NO_WORKER: (503, "no media worker available"),
    ErrorCode.WORKER_FULL: (503, "no media worker available"),
    ErrorCode.ROOM_LIMIT: (503, "room limit reached"),
    ErrorCode.INTERNAL: (500, "internal server error"),
}

# Where the contract of 503 is fixed, with the reason in `detail`. Elsewhere the reason is the message.
_FIXED = re.compile(
    r"/api/(whip|whep)/.*|/api/(bootstrap|rooms|records)(/.*)?|/records/.*|/api/admin/rooms/[^/]*/close|/readyz"
)
_REDIS_CAUSES = ("redis_away", "redis_is_new")

# Seconds after which another try makes sense, for errors that do not carry their own.
_RETRY_AFTER = {
    ErrorCode.CALLBACK_AWAY: 5,
    ErrorCode.KEYS_AWAY: 5,
    ErrorCode.NO_PUBLISHER: 2,
    ErrorCode.NO_PUBLISHER_YET: 2,
    ErrorCode.NO_WORKER: 1,
    ErrorCode.WORKER_FULL: 2,
    ErrorCode.RATE_LIMITED: 1,
    ErrorCode.ROOM_LIMIT: 5,
    ErrorCode.TOO_MANY_RULINGS: 60,
    ErrorCode.TOO_MANY_SETTINGS: 60,
    ErrorCode.PUBLISHER_LIMIT: 5,
    ErrorCode.VIEWER_LIMIT: 5,
}

_ANY_METHOD = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_FROM_STATUS = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}


def problem_response(error: ServiceError) -> JSONResponse:
    """`{"error": message}`, with a `detail` if there is one, and the headers that belong to the status."""
    status, message = PROBLEMS[error.code]
    body = {"error": error.message or message}
    if error.detail:
        body["detail"] = error.detail
    headers = {}
    retry_after = error.retry_after or _RETRY_AFTER.get(error.code)
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    if error.code is ErrorCode.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 3
    return JSONResponse(body, status, headers)


async def on_service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    request.state.cause = error.cause
    if error.cause in _REDIS_CAUSES and not _FIXED.fullmatch(request.url.path):
        error = ServiceError(error.code, error.detail or "", retry_after=error.retry_after)
    return problem_response(error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Errors of the router and the file server, in the API's format.

    A preflight of an unknown path is answered as if all were there: only so the page sends its request, and
    can read that there is nothing.
    """
    assert isinstance(error, HTTPException)
    is_preflight = request.method == "OPTIONS" and request.url.path.startswith("/api/")
    if is_preflight and error.status_code == 404:
        return Response(status_code=204, headers={"Allow": _ANY_METHOD})
    code = _FROM_STATUS.get(error.status_code)
    message = PROBLEMS[code][1] if code else error.detail.lower()
    return JSONResponse({"error": message}, error.status_code, error.headers)
