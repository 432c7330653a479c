"""What clients ask before they stream: how to connect, and which rooms exist."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from control.access.auth import Access, Authenticator
from control.access.auth_callback import AuthCallback
from control.http.caller import access_of, caller_of, question_of
from control.http.params import limit_in, room_in_query
from control.http.resource import Resource
from control.ice_servers import IceServers
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from control.workers.room_facts import compact_json, detail, missing, summary
from control.workers.room_info import RoomInfos
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
        info: RoomInfos,
        callback: AuthCallback | None,
    ) -> None:
        self._record_enabled = settings.record_enabled
        self._cluster = cluster
        self._rooms = rooms
        self._authenticator = authenticator
        self._ice_servers = ice_servers
        self._is_listed = is_listed
        self._info = info
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
        action = Role.PUBLISH if request.query_params.get("action") == Role.PUBLISH else Role.PLAY
        authorised = self._ice_servers.has_turn and await self._is_authorised(request, room, action)
        return JSONResponse(
            {
                "authEnabled": self._authenticator.required,
                "recordEnabled": self._record_enabled,
                "iceServers": self._ice_servers.entries(time.time(), authorised=authorised),
                "features": {"rooms": True, "records": self._record_enabled},
            }
        )

    async def _is_authorised(self, request: Request, room: RoomName, action: Role) -> bool:
        access = access_of(request, self._authenticator)
        if self._callback is None or not room or not access.is_for_callback(room, action):
            return access.opens_anything
        return await self._callback_admits(request, room, action)

    async def _callback_admits(self, request: Request, room: RoomName, action: Role) -> bool:
        assert self._callback is not None
        # without the query of this URL it is the question of the offer that follows, and asked once
        question = replace(question_of(request, room, action), query="")
        try:
            await self._callback.check(question, caller_of(request).request_id)
        except ServiceError:
            return False
        return True

    async def list_rooms(self, request: Request) -> Response:
        """All rooms, or with `?name=` that room only; with `?detail=true` each in the form of `show_room`.

        With `?missing=true` a room of that name that does not exist is in the list, too, as the event `room`
        tells it. With `?limit=` that many at most, the first whose names come after `?after=`.
        """
        query = request.query_params
        limit = limit_in(query)
        detailed = query.get("detail") == "true"
        if "name" in query:
            name = parse_room_name(query["name"])
            if name is None:
                return JSONResponse([])
            room = await self._cluster.room(name)
            if room is None:
                return JSONResponse(
                    [await self._missing(request, name)]
                    if detailed and query.get("missing") == "true"
                    else []
                )
            return JSONResponse([await self._detail(request, room) if detailed else summary(room.status)])
        await self._rooms.catch_up()
        names = islice(filter(self._is_listed, self._rooms.held_names(query.get("after", ""))), limit)
        if detailed:
            access = access_of(request, self._authenticator)
            pages = self._pages(names, lambda name: self._detail_json(name, access))
        else:
            pages = self._pages(names, self._rooms.summary)
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
        return JSONResponse(await self._detail(request, room))

    def _detail_json(self, name: str, access: Access) -> bytes | None:
        room = self._rooms.room(name)
        if room is None:
            return None
        info = self._info(name)
        if not access.may_play(RoomName(name)):
            info = info.for_anybody()
        return compact_json(detail(room, self._cluster.unix_time, info))

    async def _detail(self, request: Request, room: ClusterRoom) -> dict[str, object]:
        name = RoomName(room.status.name)
        info = self._info(name)
        if not await self._may_know(request, name):
            info = info.for_anybody()
        return detail(room, self._cluster.unix_time, info)

    async def _missing(self, request: Request, name: RoomName) -> dict[str, object]:
        info = self._info(name)
        if not await self._may_know(request, name):
            return missing(name, info.for_anybody(), None, self._cluster.unix_time)
        ends = await self._cluster.room_ends([name])
        return missing(name, info, ends.get(name), self._cluster.unix_time)

    async def _may_know(self, request: Request, room: RoomName) -> bool:
        """Whether this caller may know the title of a room, whether it is blocked, and how it ended."""
        access = access_of(request, self._authenticator)
        if access.may_play(room):
            return True
        asks = self._callback is not None and access.has_token and access.is_for_callback(room, Role.PLAY)
        return asks and await self._callback_admits(request, room, Role.PLAY)
