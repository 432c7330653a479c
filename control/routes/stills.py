"""The still picture of a room: behind the same access as playing, and kept by browsers for a moment."""

from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.http.caller import access_of, caller_of
from control.http.params import room_in_path
from control.http.resource import Resource
from control.http.still_response import asked_width, still_response
from control.workers.room_stills import KEPT_SECONDS, RoomStills
from shared.messages.signalling import Role


class StillRoutes:
    def __init__(self, stills: RoomStills, authenticator: Authenticator) -> None:
        self._stills = stills
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [Route("/api/rooms/{room}/still", Resource({"GET": self.show}))]

    async def show(self, request: Request) -> Response:
        """GET -> 200 `image/jpeg`, 304 if the caller has it, 404 if there is none."""
        room = room_in_path(request)
        access_of(request, self._authenticator).grant(room, Role.PLAY)
        width = asked_width(request)
        still = await self._stills.get(room, width, caller_of(request).request_id)
        taken = {"Last-Modified": formatdate(still.taken_at, usegmt=True)}
        locked = self._authenticator.required
        return still_response(request, still.jpeg, round(KEPT_SECONDS), taken, locked=locked)
