"""Request bodies: their type, size and text."""

from starlette.requests import Request

from shared.errors import ErrorCode, ServiceError, invalid_sdp

MAX_BODY_BYTES = 1_048_576
OFFER_TYPES = frozenset({"application/sdp", "text/plain"})
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"


async def read_offer(request: Request) -> str:
    """The text of an SDP offer; raises `ServiceError` for 415, 413 or 400, checked in this order."""
    _check_type(request, OFFER_TYPES)
    try:
        return (await _read(request)).decode()
    except UnicodeDecodeError:
        raise invalid_sdp("not UTF-8") from None


async def read_fragment(request: Request) -> str:
    """The text of a trickle-ice-sdpfrag (RFC 8840 9); errors as for an offer."""
    _check_type(request, {FRAGMENT_TYPE})
    try:
        return (await _read(request)).decode()
    except UnicodeDecodeError:
        raise ServiceError(ErrorCode.INVALID_FRAGMENT, detail="not UTF-8") from None


async def read_json(request: Request) -> bytes:
    """A JSON body, not yet parsed, or no body; raises `ServiceError` for 415 or 413."""
    body = await _read(request)
    if body:
        _check_type(request, {"application/json"})
    return body


def _check_type(request: Request, allowed: frozenset[str] | set[str]) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in allowed:
        raise ServiceError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)


async def _read(request: Request) -> bytes:
    """The body, counted as it arrives: an announced length counts only when it is too large."""
    if int(request.headers.get("content-length", 0)) > MAX_BODY_BYTES:
        raise ServiceError(ErrorCode.BODY_TOO_LARGE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ServiceError(ErrorCode.BODY_TOO_LARGE)
    return bytes(body)
