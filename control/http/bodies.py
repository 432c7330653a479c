"""Request bodies: their type, size and text."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from shared.errors import ErrorCode, ServiceError, invalid_sdp

MAX_BODY_BYTES = 1_048_576  # of an offer; real ones have up to 20 KB
MAX_FRAGMENT_BYTES = 65_536
# A body may have so much without asking: so small bodies always pass. The 640 that can wait (`HttpLimits`)
# have 40 MB.
FREE_BYTES = 65_536
# All larger bodies in this process may have so much more together, until their requests are answered.
SHARED_BYTES = 16 * 1_048_576
OFFER_TYPES = frozenset({"application/sdp", "text/plain"})
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"


async def read_offer(request: Request) -> str:
    """The text of an SDP offer; raises `ServiceError` for 415, 413 or 400, checked in this order."""
    _check_type(request, OFFER_TYPES)
    try:
        return (await _read(request, MAX_BODY_BYTES)).decode()
    except UnicodeDecodeError:
        raise invalid_sdp("not UTF-8") from None


def is_answer(request: Request) -> bool:
    """Whether the body is an answer to an offer of ours (draft-ietf-wish-whep 4.3.2)."""
    return _media_type(request) == "application/sdp"


async def read_fragment(request: Request, check: Callable[[], Awaitable[object]]) -> str:
    """The text of a trickle-ice-sdpfrag (RFC 8840 9); errors as for an offer.

    `check` raises if nobody waits for the fragment. It is asked before the body is read.
    """
    _check_type(request, {FRAGMENT_TYPE})
    await check()
    try:
        return (await _read(request, MAX_FRAGMENT_BYTES)).decode()
    except UnicodeDecodeError:
        raise ServiceError(ErrorCode.INVALID_FRAGMENT, detail="not UTF-8") from None


async def read_json(request: Request, most: int, *, optional: bool = False) -> bytes:
    """A body of JSON, `most` bytes at most, not yet parsed, or none if it is `optional`.

    Raises `ServiceError` for 415 or 413.
    """
    if not optional:
        _check_type(request, {"application/json"})
    body = await _read(request, most)
    if body:
        _check_type(request, {"application/json"})
    return body


def _check_type(request: Request, allowed: frozenset[str] | set[str]) -> None:
    if _media_type(request) not in allowed:
        raise ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(request: Request, limit: int) -> bytes:
    """The body, counted as it arrives: an announced length counts only when it is too large."""
    if int(request.headers.get("content-length", 0)) > limit:
        raise ServiceError(ErrorCode.BODY_TOO_LARGE)
    body = bytearray()
    share = _Share()
    async for chunk in request.stream():
        if len(body) + len(chunk) > limit:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
        share.grow(len(body) + len(chunk) - FREE_BYTES)
        body += chunk
    return bytes(body)


class _Share:
    """What the body of one request has of `SHARED_BYTES`, until the task that answers it has ended."""

    taken = 0  # by all

    def __init__(self) -> None:
        self._size = 0

    def grow(self, size: int) -> None:
        """To `size`; raises `NO_WORKER` when there is not as much left."""
        more = max(0, size) - self._size
        if not more:
            return
        if _Share.taken + more > SHARED_BYTES:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many large requests", retry_after=1)
        if not self._size:
            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(self._give_back)
        self._size += more
        _Share.taken += more

    def _give_back(self, _: object) -> None:
        _Share.taken -= self._size
