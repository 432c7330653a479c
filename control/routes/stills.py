"""The still picture of a room: behind the same access as playing, and kept by browsers for a moment."""

import hashlib
import time
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.auth import Authenticator, credential
from control.http.caller import caller_of
from control.http.path_params import room_in_path
from control.http.resource import Resource
from control.workers.room_stills import KEPT_SECONDS, RoomStills
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.messages.stills import WIDTHS

DEFAULT_WIDTH = WIDTHS[-1]


class StillRoutes:
    def __init__(self, stills: RoomStills, authenticator: Authenticator) -> None:
        self._stills = stills
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [Route("/api/rooms/{room}/still", Resource({"GET": self.show}))]

    async def show(self, request: Request) -> Response:
        """GET -> 200 `image/jpeg`, 304 if the caller has it, 404 if there is none."""
        room = room_in_path(request)
        access = self._authenticator.access(credential(request.headers), time.time())
        access.grant(room, Role.PLAY)
        width = _width(request.query_params.get("width"))
        still = await self._stills.get(room, width, caller_of(request).request_id)
        etag = f'"{hashlib.blake2b(still.jpeg, digest_size=12).hexdigest()}"'
        scope = "private" if self._authenticator.required else "public"
        headers = {
            "Cache-Control": f"{scope}, max-age={round(KEPT_SECONDS)}",
            "ETag": etag,
            "Last-Modified": formatdate(still.taken_at, usegmt=True),
        }
        if self._authenticator.required:
            headers["Vary"] = "Authorization, X-Auth-Token"
        if _has(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(still.jpeg, media_type="image/jpeg", headers=headers)


def _width(text: str | None) -> int:
    if text is None:
        return DEFAULT_WIDTH
    for width in WIDTHS:
        if text == str(width):
            return width
    widths = " or ".join(map(str, WIDTHS))
    raise ServiceError(ErrorCode.INVALID_WIDTH, detail=f"width is {widths}")


def _has(if_none_match: str, etag: str) -> bool:
    """RFC 9110 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return not tags.isdisjoint({"*", etag})
