"""WHEP's choice of a layer (draft-ietf-wish-whep, Video Layer Selection extension), below a session's URL.

The session's URL is the credential, as for its events.
"""

import re
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.http.bodies import read_json
from control.http.caller import caller_of
from control.http.json_object import is_number, json_object
from control.http.params import session_in_path
from control.http.resource import Resource
from control.workers.gateway import Gateway
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import ChooseLayer, Role

RELATION = "urn:ietf:params:whep:ext:core:layer"
_MAX_BYTES = 4_096  # of a choice
_SECTION = re.compile(r"[0-9]{1,3}")
_MOST_PIXELS = 65_536
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
        room, session = session_in_path(request, self._authenticator, Role.PLAY)
        choice = parse_choice(await read_json(request, _MAX_BYTES))
        message = ChooseLayer(session=session, room=room, **choice._asdict())
        await self._gateway.choose_layer(message, caller_of(request).request_id)
        return Response()


class Choice(NamedTuple):
    """What a viewer wants of the picture; see `ChooseLayer`."""

    rid: str | None = None
    picture: bool = True
    max_width: int = 0
    max_height: int = 0
    section: str = ""


def parse_choice(body: bytes) -> Choice:
    """The choice in a JSON object; without `rid` it is the server's. Raises `ServiceError(INVALID_LAYER)`.

    `picture` is ours: false asks for the sound alone. `encodingId` is the name of `rid` in earlier drafts.
    Spatial and temporal layers are ignored: those of a room have no others within that could be named.
    """
    wish = json_object(body, None, _invalid)
    rid, picture = wish.get("rid", wish.get("encodingId")), wish.get("picture", True)
    if rid is not None and not (isinstance(rid, str) and _RID.fullmatch(rid)):
        raise _invalid("rid is not the name of a layer")
    if not isinstance(picture, bool):
        raise _invalid("picture is not true or false")
    section = wish.get("mediaId")
    if section is not None and not (isinstance(section, str) and _SECTION.fullmatch(section)):
        raise _invalid("mediaId is not the place of a section")
    return Choice(rid, picture, _pixels(wish, "maxWidth"), _pixels(wish, "maxHeight"), section or "")


def _pixels(wish: dict[str, object], name: str) -> int:
    """A limit; 0: none."""
    value = wish.get(name)
    if value is None:
        return 0
    if not is_number(value, 1, _MOST_PIXELS):
        raise _invalid(f"{name} is not a number of pixels")
    return int(value)


def _invalid(detail: str) -> ServiceError:
    return ServiceError(ErrorCode.INVALID_LAYER, detail=detail)
