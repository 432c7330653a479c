"""WHEP's server-sent events (draft-ietf-wish-whep, Server Sent Events extension), below a session's URL.

The session's URL is the credential: an `EventSource` cannot send any other.
"""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from control.access.auth import Authenticator
from control.events.viewer_streams import ViewerStream, ViewerStreams
from control.events.viewer_text import EVENTS, RELATION, events_of_stream
from control.http.bodies import read_json
from control.http.caller import caller_of
from control.http.long_response import event_head, event_response
from control.http.params import session_in_path
from control.http.resource import Resource
from control.workers.gateway import Gateway
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import Living
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId

_PATH = "/api/whep/play/{room}/{session}/events"
_MAX_BYTES = 4_096  # of a list of events


def events_link(session_url: str) -> str:
    """The `Link` header of a 201 that offers events."""
    return f'<{session_url}/events>; rel="{RELATION}"; events="{",".join(EVENTS)}"'


class EventRoutes:
    def __init__(
        self, streams: ViewerStreams, gateway: Gateway, authenticator: Authenticator, public_url: str
    ) -> None:
        self._streams = streams
        self._gateway = gateway
        self._authenticator = authenticator
        self._public_url = public_url

    def routes(self) -> list[Route]:
        accept = {"Accept-Post": "application/json"}
        return [
            Route(_PATH, Resource({"GET": self.follow, "POST": self.create}, accept)),
            Route(f"{_PATH}/{{stream}}", Resource({"GET": self.follow, "DELETE": self.delete})),
        ]

    async def create(self, request: Request) -> Response:
        """POST of a JSON array of the wanted events, or without a body -> 201 with the stream's URL."""
        room, session = session_in_path(request, self._authenticator, Role.PLAY)
        if await self._life(request, room, session) is None:
            return _no_events(request)
        wanted = _wanted(await read_json(request, _MAX_BYTES, optional=True))
        name = await self._streams.create(session, wanted)
        base = self._public_url or caller_of(request).prefix
        path = _PATH.format(room=room, session=session)
        return Response(status_code=201, headers={"Location": f"{base}{path}/{name}"})

    async def follow(self, request: Request) -> ASGIApp:
        """The stream; on the URL without a name it has all events."""
        room, session = session_in_path(request, self._authenticator, Role.PLAY)
        name, wanted = _stream(request)
        life = await self._life(request, room, session)
        if life is None:
            return _no_events(request)
        await self._streams.check_name(session, name)
        if request.method == "HEAD":
            return event_head()
        picture = life.pictures.get(session)
        stream = ViewerStream(caller_of(request).network, room, session, name, wanted, picture)
        await self._streams.follow(stream)
        return event_response(stream.text(), stream.reader, lambda: self._streams.close(stream))

    async def delete(self, request: Request) -> Response:
        room, session = session_in_path(request, self._authenticator, Role.PLAY)
        name, _ = _stream(request)
        await self._gateway.living_one(session, caller_of(request).request_id, room)
        await self._streams.delete(session, name)
        return Response()

    async def _life(self, request: Request, room: RoomName, session: SessionId) -> Living | None:
        """What its worker says about a session; None: it has ended."""
        try:
            return await self._gateway.living_one(session, caller_of(request).request_id, room)
        except ServiceError as error:
            if error.code is ErrorCode.SESSION_NOT_FOUND:
                return None
            raise


def _no_events(request: Request) -> Response:
    """The session is over: 404, or 204 for a browser, which logs every 404 as an error of its page.

    A page cannot avoid that: the session may end while its request is on the way. After either an
    `EventSource` does not connect again (HTML 9.2).
    """
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=204)
    raise ServiceError(ErrorCode.SESSION_NOT_FOUND)


def _stream(request: Request) -> tuple[str, frozenset[str]]:
    name = request.path_params.get("stream", "")
    wanted = events_of_stream(name) if name else frozenset(EVENTS)
    if wanted is None:
        raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
    return name, wanted


def _wanted(body: bytes) -> frozenset[str]:
    """The events that a body asks for; unknown ones are ignored."""
    if not body.strip():
        return frozenset(EVENTS)
    try:
        names = json.loads(body)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ServiceError(ErrorCode.INVALID_EVENTS)
    return frozenset(names) & frozenset(EVENTS)
