"""What clients ask before they stream: how to connect, and which rooms exist."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from control.access.auth import Authenticator
from control.access.auth_callback import AuthCallback
from control.http.caller import access_of, caller_of, question_of
from control.http.params import limit_in, room_in_query
from control.http.resource import Resource
from control.ice_servers import IceServers
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_facts import compact_json, detail, summary
from control.workers.room_list import RoomList
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName, parse_room_name
from shared.settings.settings import Settings


class RoomRoutes:
    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        rooms: RoomList,
        authenticator: Authenticator,
        ice_servers: IceServers,
        is_listed: Callable[[str], bool],
        callback: AuthCallback | None,
    ) -> None:
        self._record_enabled = settings.record_enabled
        self._cluster = cluster
        self._rooms = rooms
        self._authenticator = authenticator
        self._ice_servers = ice_servers
        self._is_listed = is_listed
        self._callback = callback

    def routes(self) -> list[Route]:
        return [
            Route("/api/bootstrap", Resource({"GET": self.bootstrap})),
            Route("/api/rooms", Resource({"GET": self.list_rooms})),
            Route("/api/rooms/{room}", Resource({"GET": self.show_room})),
        ]

    async def bootstrap(self, request: Request) -> Response:
        """With `?room=`, and `?action=`, it knows who may have TURN servers also where `AUTH_URL` decides."""
        room = room_in_query(request)
        authorised = self._ice_servers.has_turn and await self._is_authorised(request, room)
        return JSONResponse(
            {
                "authEnabled": self._authenticator.required,
                "recordEnabled": self._record_enabled,
                "iceServers": self._ice_servers.entries(time.time(), authorised=authorised),
                "features": {"rooms": True, "records": self._record_enabled},
            }
        )

    async def _is_authorised(self, request: Request, room: RoomName) -> bool:
        access = access_of(request, self._authenticator)
        action = Role.PUBLISH if request.query_params.get("action") == Role.PUBLISH else Role.PLAY
        if self._callback is None or not room or not access.is_for_callback(room, action):
            return access.opens_anything
        # without the query of this URL it is the question of the offer that follows, and asked once
        question = replace(question_of(request, room, action), query="")
        try:
            await self._callback.check(question, caller_of(request).request_id)
        except ServiceError:
            return False
        return True

    async def list_rooms(self, request: Request) -> Response:
        """All rooms, or with `?name=` that room only; with `?detail=true` each in the form of `show_room`.

        With `?limit=` that many at most, the first whose names come after `?after=`.
        """
        query = request.query_params
        limit = limit_in(query)
        detailed = query.get("detail") == "true"
        if "name" in query:
            name = parse_room_name(query["name"])
            room = await self._cluster.room(name) if name is not None else None
            if room is None:
                return JSONResponse([])
            return JSONResponse([self._detail(room) if detailed else summary(room.status)])
        await self._rooms.catch_up()
        names = islice(filter(self._is_listed, self._rooms.held_names(query.get("after", ""))), limit)
        pages = self._pages(names, self._detail_json if detailed else self._rooms.summary)
        return StreamingResponse(pages, media_type="application/json")

    async def _pages(
        self, names: Iterable[str], render: Callable[[str], bytes | None]
    ) -> AsyncIterator[bytes]:
        """A JSON array, in parts. Rooms that end meanwhile are left out."""
        opening = b"["
        async for some in self._rooms.in_turns(names, render):
            if rooms := b",".join(filter(None, some)):
                yield opening + rooms
                opening = b","
        yield b"]" if opening == b"," else b"[]"

    async def show_room(self, request: Request) -> Response:
        name = parse_room_name(request.path_params["room"])
        room = await self._cluster.room(name) if name is not None else None
        if room is None:
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        return JSONResponse(self._detail(room))

    def _detail_json(self, name: str) -> bytes | None:
        room = self._rooms.room(name)
        return None if room is None else compact_json(self._detail(room))

    def _detail(self, room: ClusterRoom) -> dict[str, object]:
        locked = self._authenticator.locks(room.status.name)
        return detail(room, self._cluster.unix_time, locked=locked)
