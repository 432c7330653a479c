"""What clients ask before they stream: how to connect, and which rooms exist."""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.auth import Authenticator, credential
from control.http.resource import Resource
from control.ice_servers import IceServers
from control.workers.cluster import Cluster
from control.workers.cluster_rooms import ClusterRoom
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import LayerReason, LayerStatus, RoomStatus
from shared.settings import Settings


class RoomRoutes:
    def __init__(
        self, settings: Settings, cluster: Cluster, authenticator: Authenticator, ice_servers: IceServers
    ) -> None:
        self._record_enabled = settings.record_enabled
        self._cluster = cluster
        self._authenticator = authenticator
        self._ice_servers = ice_servers

    def routes(self) -> list[Route]:
        return [
            Route("/api/bootstrap", Resource({"GET": self.bootstrap})),
            Route("/api/rooms", Resource({"GET": self.list_rooms})),
            Route("/api/rooms/{room}", Resource({"GET": self.show_room})),
        ]

    async def bootstrap(self, request: Request) -> Response:
        now = time.time()
        access = self._authenticator.access(credential(request.headers), now)
        return JSONResponse(
            {
                "authEnabled": self._authenticator.required,
                "recordEnabled": self._record_enabled,
                "iceServers": self._ice_servers.entries(now, authorised=access.opens_anything),
                "features": {"rooms": True, "records": self._record_enabled},
            }
        )

    async def list_rooms(self, request: Request) -> Response:
        """All rooms, or with `?name=` that room only; with `?detail=true` each in the form of `show_room`."""
        name = request.query_params.get("name")
        rooms = [room for room in await self._cluster.rooms() if name in (None, room.status.name)]
        if request.query_params.get("detail") == "true":
            return JSONResponse([self._detail(room) for room in rooms])
        return JSONResponse([_summary(room.status) for room in rooms])

    async def show_room(self, request: Request) -> Response:
        for room in await self._cluster.rooms():
            if room.status.name == request.path_params["room"]:
                return JSONResponse(self._detail(room))
        raise ServiceError(ErrorCode.ROOM_NOT_FOUND)

    def _detail(self, room: ClusterRoom) -> dict[str, object]:
        uptime = max(0.0, self._cluster.unix_time - room.status.started_at)
        return {
            **_summary(room.status),
            "codecs": room.status.codecs,
            "bitrate": room.status.bitrate,
            "uptime": round(uptime, 1),
            "workers": room.workers,
            "warnings": room.status.warnings,
            "layers": [_layer(layer) for layer in room.status.layers],
            "viewersByReason": {
                reason: room.status.viewers_by_reason.get(reason, 0) for reason in LayerReason
            },
        }


def _layer(layer: LayerStatus) -> dict[str, object]:
    return {
        "rid": layer.rid,
        "width": layer.width,
        "height": layer.height,
        "bitrate": layer.bitrate,
        "viewers": layer.viewers,
    }


def _summary(room: RoomStatus) -> dict[str, object]:
    return {
        "name": room.name,
        "hasPublisher": room.has_publisher,
        "tracks": room.tracks,
        "subscribers": room.subscribers,
    }
