"""Server-sent events of rooms: whether they are live, their viewers, and the list of all, without polling."""

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from control.events.room_streams import MAX_ROOMS_OF_STREAM, RoomStreams
from control.http.caller import caller_of
from control.http.long_response import event_head, event_response
from control.http.resource import Resource
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, parse_room_name


class RoomEventRoutes:
    def __init__(self, streams: RoomStreams) -> None:
        self._streams = streams

    def routes(self) -> list[Route]:
        return [Route("/api/rooms/events", Resource({"GET": self.follow}, lists=["room"]))]

    async def follow(self, request: Request) -> ASGIApp:
        """The stream of each `?room=`, or without one of all rooms; in detail with `?detail=true`."""
        rooms = _rooms(request)
        if request.method == "HEAD":
            return event_head()
        detailed = request.query_params.get("detail") == "true"
        client = caller_of(request).network
        stream = await self._streams.follow(rooms, detailed=detailed, client=client)
        return event_response(stream.text(), stream.reader, lambda: self._streams.close(stream))


def _rooms(request: Request) -> set[RoomName]:
    names = set()
    for text in request.query_params.getlist("room"):
        name = parse_room_name(text)
        if name is None:
            raise ServiceError(ErrorCode.INVALID_ROOM)
        names.add(name)
    if len(names) > MAX_ROOMS_OF_STREAM:
        detail = f"a stream has at most {MAX_ROOMS_OF_STREAM} rooms"
        raise ServiceError(ErrorCode.INVALID_EVENTS, detail=detail)
    return names
