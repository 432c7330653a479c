"""The closed set of errors with which a request can end, in either plane.

A `ServiceError` is an expected outcome with a code. The code travels over RPC and is mapped to HTTP in one
place (`control/http/problems.py`). Any other exception is a bug: it becomes 500 and a log line.
"""

from enum import StrEnum
from typing import Literal, get_args

REDIS_RETRY_SECONDS = 2  # after which a client should try again when Redis was away
# What tells apart errors of the same code, for logs and metrics (docs/alerts.md); "": the code says it all.
Cause = Literal["", "jwt_claims", "no_credentials", "redis_away", "redis_is_new", "worker_silent"]
CAUSES: tuple[Cause, ...] = get_args(Cause)


class ErrorCode(StrEnum):
    INVALID_SDP = "invalid_sdp"  # the offer cannot be read or served; the detail says why
    INVALID_ROOM = "invalid_room"  # not a valid room name
    INVALID_FRAGMENT = "invalid_fragment"  # the trickle-ice-sdpfrag cannot be read
    INVALID_EVENTS = "invalid_events"  # not a JSON array of event names
    INVALID_MESSAGE = "invalid_message"  # not a JSON object
    INVALID_LAYER = "invalid_layer"  # not a choice of a layer, or not of one that the room has
    INVALID_VIEWING = "invalid_viewing"  # not a report of what a viewer saw; the detail says why
    INVALID_RULING = "invalid_ruling"  # not a block or a revocation; the detail says what it must be
    INVALID_SETTINGS = "invalid_settings"  # of a room; the detail says what they must be
    INVALID_PAGE = "invalid_page"  # not a page of a list: `limit` is no number, or too large
    INVALID_QUERY = "invalid_query"  # a parameter is given twice
    INVALID_WIDTH = "invalid_width"  # not a width that pictures have
    UNAUTHORIZED = "unauthorized"  # no credentials, wrong ones, or not for this room or action
    CALLBACK_AWAY = "callback_away"  # AUTH_URL, which decides, does not answer
    KEYS_AWAY = "keys_away"  # the keys that may verify a JWT cannot be fetched
    SUBSCRIBER_LIMIT = "subscriber_limit"  # the room has MAX_SUBS_PER_ROOM viewers
    ROOM_BLOCKED = "room_blocked"  # an operator has blocked the room; the detail says why
    NO_PUBLISHER = "no_publisher"  # nobody publishes in the room
    NO_PUBLISHER_YET = "no_publisher_yet"  # the same, as WHEP's draft says it (WHEP_WITHOUT_PUBLISHER)
    ROOM_NOT_FOUND = "room_not_found"  # admin close of a room that does not exist
    WORKER_NOT_FOUND = "worker_not_found"
    RULING_NOT_FOUND = "ruling_not_found"  # no such block or revocation
    TOO_MANY_RULINGS = "too_many_rulings"  # the cluster holds no more blocks and revocations
    SETTINGS_NOT_FOUND = "settings_not_found"  # nothing is set for this room
    NOT_MARKED = "not_marked"  # the room is not to be recorded, or has no such clip; the detail says which
    TOO_MANY_SETTINGS = "too_many_settings"  # the cluster holds no more rooms' settings
    AMBIGUOUS_SESSION = "ambiguous_session"  # several sessions begin with this cut id
    SESSION_NOT_FOUND = "session_not_found"  # ended, or never existed
    NOT_FOUND = "not_found"  # no such resource
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"  # the viewer cannot decode the publisher's codec
    PUBLISHER_EXISTS = "publisher_exists"  # the room has another publisher
    NO_STANDBY = "no_standby"  # nobody else publishes in the room
    ROOM_LIMIT = "room_limit"  # the cluster has MAX_ROOMS rooms
    PUBLISHER_LIMIT = "publisher_limit"  # this address publishes in MAX_PUBLISHERS_PER_CLIENT rooms
    VIEWER_LIMIT = "viewer_limit"  # this address has MAX_VIEWERS_PER_CLIENT viewers
    ALREADY_ANSWERED = "already_answered"  # another answer to the same offer of ours
    PRECONDITION_FAILED = "precondition_failed"  # If-Match names an older ICE session
    PRECONDITION_REQUIRED = "precondition_required"  # an ICE restart without If-Match
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    RATE_LIMITED = "rate_limited"
    NO_WORKER = "no_worker"  # no worker is ready or answers in time, or Redis is away
    WORKER_FULL = "worker_full"  # this worker is at its limit or drains; another one may serve the request
    INTERNAL = "internal"  # a bug; the log has it under the request id


class ServiceError(Exception):
    """An expected failure.

    `message` replaces the standard text of the code, `detail` adds a reason for people, `retry_after` is the
    number of whole seconds after which another try makes sense. `cause` tells apart what has the same code.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str | None = None,
        *,
        detail: str | None = None,
        retry_after: int | None = None,
        cause: Cause = "",
    ) -> None:
        super().__init__(message or code.value)
        self.code = code
        self.message = message
        self.detail = detail
        self.retry_after = retry_after
        self.cause: str = cause or code.value


def redis_away() -> ServiceError:
    """The request needs Redis, and Redis does not answer."""
    return ServiceError(
        ErrorCode.NO_WORKER, detail="Redis is away", retry_after=REDIS_RETRY_SECONDS, cause="redis_away"
    )


def redis_is_new() -> ServiceError:
    """Redis is not the one of before, and may lack what exists: see `shared/directory/epoch.lua`."""
    return ServiceError(
        ErrorCode.NO_WORKER,
        detail="Redis has just come back",
        retry_after=REDIS_RETRY_SECONDS,
        cause="redis_is_new",
    )


def invalid_sdp(detail: str) -> ServiceError:
    """The offer cannot be read or served; `detail` says why."""
    return ServiceError(ErrorCode.INVALID_SDP, detail=detail)
