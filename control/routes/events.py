"""WHEP's server-sent events (draft-ietf-wish-whep, Server Sent Events extension), below a session's URL.

The session's URL is the credential: an `EventSource` cannot send any other.
"""

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from control.events.streams import EventStream, EventStreams
from control.events.text import EVENTS, RELATION, events_of_stream, new_stream_name
from control.http.bodies import read_events
from control.http.caller import caller_of
from control.http.path_params import room_in_path, session_in_path
from control.http.resource import Resource
from shared.errors import ErrorCode, ServiceError

_PATH = "/api/whep/play/{room}/{session}/events"


def events_link(session_url: str) -> str:
    """The `Link` header of a 201 that offers events."""
    return f'<{session_url}/events>; rel="{RELATION}"; events="{",".join(EVENTS)}"'


class EventRoutes:
    def __init__(self, streams: EventStreams, public_url: str) -> None:
        self._streams = streams
        self._public_url = public_url

    def routes(self) -> list[Route]:
        accept = {"Accept-Post": "application/json"}
        return [
            Route(_PATH, Resource({"GET": self.follow, "POST": self.create}, accept)),
            Route(f"{_PATH}/{{stream}}", Resource({"GET": self.follow, "DELETE": self.delete})),
        ]

    async def create(self, request: Request) -> Response:
        """POST of a JSON array of the wanted events, or without a body -> 201 with the stream's URL."""
        room, session = room_in_path(request), session_in_path(request)
        if not await self._streams.is_alive(session):
            return _no_events(request)
        wanted = _wanted(await read_events(request))
        base = self._public_url or caller_of(request).prefix
        path = _PATH.format(room=room, session=session)
        return Response(status_code=201, headers={"Location": f"{base}{path}/{new_stream_name(wanted)}"})

    async def follow(self, request: Request) -> Response:
        """The stream; on the URL without a name it has all events."""
        room, session = room_in_path(request), session_in_path(request)
        name, wanted = _stream(request)
        if not await self._streams.is_alive(session):
            return _no_events(request)
        stream = await self._streams.open(room, session, name, wanted)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx must not buffer it
        if request.method == "HEAD":
            self._streams.close(stream)
            return Response(headers=headers, media_type="text/event-stream")
        return StreamingResponse(self._text(stream), headers=headers, media_type="text/event-stream")

    async def delete(self, request: Request) -> Response:
        room_in_path(request)
        session = session_in_path(request)
        name, _ = _stream(request)
        if not await self._streams.is_alive(session):
            raise ServiceError(ErrorCode.SESSION_NOT_FOUND)
        await self._streams.delete(name)
        return Response()

    async def _text(self, stream: EventStream) -> AsyncIterator[str]:
        try:
            async for text in stream.text():
                yield text
        finally:
            self._streams.close(stream)


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
