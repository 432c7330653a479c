"""RPC over Redis lists: a list of requests for each worker, a list of replies for each process that calls.

A request is `{id, op, reply_to, deadline, request_id, body, traceparent}`, a reply `{id, ok}` or
`{id, error}`. `body` and `ok` are messages.

The deadline is a time of Redis' own clock (`RedisClock`), and Redis checks it itself when it takes a request
and when it takes a reply: so a deadline holds, however wrong the clocks of the hosts are. It lies before the
end of the caller's patience: a reply that Redis took in time arrives in time. A worker drops a request whose
deadline has passed, and undoes what it did when its reply is too late.

A worker that leaves closes its list: it serves what waits there, and later callers are told at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from msgspec import UNSET, Raw, UnsetType

from shared.errors import CAUSES, Cause, ErrorCode, ServiceError
from shared.messages.encoding import DecodeError, Finite, encode, read

R = TypeVar("R")
Handler = Callable[[Any], Awaitable[Any]]
# Called for each request with its operation, its outcome ("ok", the code of an error, or one of those below)
# and its seconds.
Observe = Callable[[str, str, float], None]

TOO_LATE, UNANSWERED = "too_late", "unanswered"

RETRY_SECONDS = 0.5  # between two tries to read a list while Redis is away
CLOSED = b"closed"  # marks a list of requests that takes no more; no map of msgpack begins so
CLOSED_SECONDS = 60  # the mark stays this long: a worker has left the directory by then
REPLY_SHARE = 0.1  # this share of a caller's time is for the way of the reply
RETRY_AFTER_SECONDS = 1  # what a caller is told whose request another worker, or the same, may serve
MAX_SECONDS = 10.0  # the longest time for a request; a longer one is an error of its caller


@dataclass(frozen=True, slots=True)
class Request:
    id: str
    op: str
    reply_to: str
    deadline: Finite
    request_id: str
    body: Raw
    traceparent: str = ""  # W3C Trace Context: the caller's span; "": it has none


@dataclass(frozen=True, slots=True)
class Reply:
    """One of `ok` and `error`."""

    id: str
    ok: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET

    @classmethod
    def to(cls, request: Request, answer: Any) -> "Reply":
        """`answer` is the reply, or a `ServiceError`."""
        if not isinstance(answer, ServiceError):
            return cls(request.id, ok=Raw(encode(answer)))
        error = _Error(answer.code, answer.message, answer.detail, answer.retry_after, answer.cause)
        return cls(request.id, error=Raw(encode(error)))

    def read(self, kind: type[R]) -> R:
        """What is in it; raises its error. What a newer or broken worker has made up is `NO_WORKER`."""
        try:
            if self.error is UNSET:
                return read(kind, self.ok or Raw())
            error = read(_Error, self.error)
        except DecodeError:
            raise ServiceError(ErrorCode.NO_WORKER, detail="the worker's answer cannot be read") from None
        # It becomes a label of a metric: what a stranger makes up would be a series of its own each time.
        cause: Cause = next((known for known in CAUSES if known == error.cause), "")
        raise ServiceError(
            error.code, error.message, detail=error.detail, retry_after=error.retry_after, cause=cause
        )


@dataclass(frozen=True, slots=True)
class _Error:
    code: ErrorCode
    message: str | None = None
    detail: str | None = None
    retry_after: int | None = None
    cause: str = ""


def unobserved(_operation: str, _outcome: str, _seconds: float) -> None:
    """An `Observe` for callers that measure nothing."""
