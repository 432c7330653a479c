"""WHEP's choice of a layer (draft-ietf-wish-whep, Video Layer Selection extension), below a session's URL.

The session's URL is the credential, as for its events.
"""

import json
import re
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.auth import Authenticator, credential
from control.http.bodies import read_choice
from control.http.caller import caller_of
from control.http.params import room_in_path, session_in_path
from control.http.resource import Resource
from control.workers.gateway import Gateway
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import ChooseLayer, Role

RELATION = "urn:ietf:params:whep:ext:core:layer"
_RID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # RFC 8851 10; the bound is ours


def layer_link(session_url: str) -> str:
    """The `Link` header of a 201 that lets its client choose a layer."""
    return f'<{session_url}/layer>; rel="{RELATION}"'


class LayerRoutes:
    def __init__(self, gateway: Gateway, authenticator: Authenticator) -> None:
        self._gateway = gateway
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        accept = {"Accept-Post": "application/json"}
        return [Route("/api/whep/play/{room}/{session}/layer", Resource({"POST": self.choose}, accept))]

    async def choose(self, request: Request) -> Response:
        """POST of a JSON object -> 200 once the worker has taken the choice."""
        room = room_in_path(request)
        access = self._authenticator.access(credential(request.headers), time.time())
        access.check_sent_along(room, Role.PLAY)
        session = session_in_path(request)
        rid, picture = parse_choice(await read_choice(request))
        message = ChooseLayer(session=session, room=room, rid=rid, picture=picture)
        await self._gateway.choose_layer(message, caller_of(request).request_id)
        return Response()


def parse_choice(body: bytes) -> tuple[str | None, bool]:
    """The `rid` of the wanted layer, None for the server's choice; and whether a picture is wanted at all.

    `picture` is ours: false asks for the sound alone. `encodingId` is the name of `rid` in earlier drafts.
    All else is ignored: a room has one picture (`mediaId`), and its layers have no others within. Raises
    `ServiceError(INVALID_LAYER)`.
    """
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        wish = None
    if not isinstance(wish, dict):
        raise ServiceError(ErrorCode.INVALID_LAYER, detail="not a JSON object")
    rid, picture = wish.get("rid", wish.get("encodingId")), wish.get("picture", True)
    if rid is not None and not (isinstance(rid, str) and _RID.fullmatch(rid)):
        raise ServiceError(ErrorCode.INVALID_LAYER, detail="rid is not the name of a layer")
    if not isinstance(picture, bool):
        raise ServiceError(ErrorCode.INVALID_LAYER, detail="picture is not true or false")
    return rid, picture
