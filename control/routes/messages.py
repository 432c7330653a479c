"""`POST /api/rooms/{room}/messages`: a message to all who watch a room."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.access.auth_callback import AuthCallback
from control.events.room_messages import RoomMessages, parse_message
from control.http.bodies import read_json
from control.http.caller import access_of, caller_of, question_of
from control.http.params import room_in_path
from control.http.resource import Resource
from shared.messages.signalling import Role
from shared.names import RoomName

_MAX_BYTES = 4_096  # of a message


class MessageRoutes:
    def __init__(
        self, messages: RoomMessages, authenticator: Authenticator, callback: AuthCallback | None
    ) -> None:
        self._messages = messages
        self._authenticator = authenticator
        self._callback = callback

    def routes(self) -> list[Route]:
        accept = {"Accept-Post": "application/json"}
        return [Route("/api/rooms/{room}/messages", Resource({"POST": self.tell}, accept))]

    async def tell(self, request: Request) -> Response:
        """POST of a JSON object -> 202: who has a stream of events open at present gets it."""
        room = room_in_path(request)
        await self._check(request, room)
        await self._messages.tell(room, parse_message(await read_json(request, _MAX_BYTES)))
        return Response(status_code=202)

    async def _check(self, request: Request, room: RoomName) -> None:
        """Raises unless the caller may: who may publish in the room, by `AUTH_URL` where that decides."""
        access = access_of(request, self._authenticator)
        if self._callback is None or not access.is_for_callback(room, Role.PUBLISH):
            access.check_may_tell(room)
            return
        question = question_of(request, room, Role.PUBLISH)
        await self._callback.check(question, caller_of(request).request_id)
