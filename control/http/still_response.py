"""A still picture as an HTTP response: which width is asked for, and 304 for who has it."""

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from shared.errors import ErrorCode, ServiceError
from shared.messages.stills import WIDTHS

DEFAULT_WIDTH = WIDTHS[-1]


def asked_width(request: Request) -> int:
    """One of `WIDTHS`; raises `INVALID_WIDTH`."""
    text = request.query_params.get("width")
    if text is None:
        return DEFAULT_WIDTH
    for width in WIDTHS:
        if text == str(width):
            return width
    widths = " or ".join(map(str, WIDTHS))
    raise ServiceError(ErrorCode.INVALID_WIDTH, detail=f"width is {widths}")


def still_response(
    request: Request, jpeg: bytes, max_age: int, headers: Mapping[str, str], *, locked: bool
) -> Response:
    """200 `image/jpeg`, or 304.

    Browsers keep it for `max_age` seconds; shared caches, too, unless it is `locked`.
    """
    etag = f'"{hashlib.blake2b(jpeg, digest_size=12).hexdigest()}"'
    scope = "private" if locked else "public"
    every = {**headers, "Cache-Control": f"{scope}, max-age={max_age}", "ETag": etag}
    if locked:
        every["Vary"] = "Authorization, X-Auth-Token"
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=every)
    return Response(jpeg, media_type="image/jpeg", headers=every)


def _has(if_none_match: str, etag: str) -> bool:
    """Whether the caller has the picture already (RFC 9110 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return not tags.isdisjoint({"*", etag})
