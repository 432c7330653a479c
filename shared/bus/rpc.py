"""RPC over Redis lists: a list of requests for each worker, a list of replies for each process that calls.

A request is `{id, op, reply_to, deadline, request_id, body}`, a reply `{id, ok}` or `{id, error}`, both
msgpack.

The deadline is a time of Redis' own clock (`RedisClock`), and Redis checks it itself when it takes a request
and when it takes a reply: so a deadline holds, however wrong the clocks of the hosts are. It lies before the
end of the caller's patience: a reply that Redis took in time arrives in time. A worker drops a request whose
deadline has passed, and undoes what it did when its reply is too late.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis

from shared.bus.connection import CALL_TIMEOUT_SECONDS, answered_within
from shared.errors import ErrorCode, ServiceError

Handler = Callable[[Any], Awaitable[Any]]
# Called for each request with its operation, its outcome ("ok", the code of an error, or one of those below)
# and its seconds.
Observe = Callable[[str, str, float], None]

TOO_LATE, UNANSWERED = "too_late", "unanswered"

BLOCK_SECONDS = 2.0  # for one BLPOP
RETRY_SECONDS = 0.5  # between two tries to read a list while Redis is away
REPLY_SHARE = 0.1  # of a caller's time: for the reply to travel
MAX_SECONDS = 10.0  # that a request may take; more must be an error of its caller


@dataclass(frozen=True, slots=True)
class Request:
    id: str
    op: str
    reply_to: str
    deadline: float
    request_id: str
    body: dict[str, Any]


def script(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def error_to_map(error: ServiceError) -> dict[str, Any]:
    return {
        "code": error.code.value,
        "message": error.message,
        "detail": error.detail,
        "retry_after": error.retry_after,
    }


def error_from_map(error: Any) -> ServiceError:
    """The error of a reply. One that a newer or broken worker has made up becomes `NO_WORKER`."""
    try:
        return ServiceError(
            ErrorCode(error["code"]),
            error.get("message"),
            detail=error.get("detail"),
            retry_after=error.get("retry_after"),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return ServiceError(ErrorCode.NO_WORKER, detail="the worker's answer cannot be read")


async def pop(redis: Redis, key: str) -> bytes | None:
    """The next entry of a list; None when none came within `BLOCK_SECONDS`."""
    async with answered_within(BLOCK_SECONDS + CALL_TIMEOUT_SECONDS):
        popped = cast(tuple[bytes, bytes] | None, await redis.blpop([key], timeout=BLOCK_SECONDS))
    return popped[1] if popped else None


def unobserved(_operation: str, _outcome: str, _seconds: float) -> None:
    """An `Observe` for callers that measure nothing."""
