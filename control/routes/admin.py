"""For operators: list the workers, drain one. Requires `ADMIN_TOKEN` or an admin's JWT."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.http.audit import audit
from control.http.caller import caller_of, operator_of
from control.http.resource import Resource
from control.workers.cluster import Cluster
from control.workers.gateway import Gateway
from control.workers.operator_facts import worker_facts
from control.workers.room_list import RoomList
from shared.errors import ErrorCode, ServiceError
from shared.names import parse_worker_id


class AdminRoutes:
    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        gateway: Gateway,
        authenticator: Authenticator,
        is_listed: Callable[[str], bool],
    ) -> None:
        self._is_listed = is_listed
        self._cluster = cluster
        self._rooms = rooms
        self._gateway = gateway
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [
            Route(
                "/api/admin/workers/{worker}/drain",
                Resource({"POST": self.drain_worker, "DELETE": self.undrain_worker}),
            ),
            Route("/api/admin/workers/{worker}/undrain", Resource({"POST": self.undrain_worker})),
            Route("/api/workers", Resource({"GET": self.list_workers})),
        ]

    async def drain_worker(self, request: Request) -> Response:
        return await self._set_drain(request, on=True)

    async def undrain_worker(self, request: Request) -> Response:
        return await self._set_drain(request, on=False)

    async def _set_drain(self, request: Request, *, on: bool) -> Response:
        access = operator_of(request, self._authenticator, Operator.ADMIN)
        worker = parse_worker_id(request.path_params["worker"])
        if worker is None:
            raise ServiceError(ErrorCode.WORKER_NOT_FOUND)
        drained = await self._gateway.set_drain(worker, on=on, request_id=caller_of(request).request_id)
        audit(request, access, "worker.drain" if on else "worker.undrain", worker=worker)
        left = max(0.0, drained.until - self._cluster.unix_time) if drained.until else None
        return JSONResponse({"id": worker, "state": drained.state, "stopsIn": left and round(left, 1)})

    async def list_workers(self, request: Request) -> Response:
        """Lists the workers.

        Without a configured admin everybody may, but gets no addresses in the cluster, nor unlisted rooms.
        """
        if self._authenticator.has_admin:
            operator_of(request, self._authenticator, Operator.WATCH)
        await self._rooms.catch_up()
        return JSONResponse(
            [
                {
                    **worker_facts(worker, with_url=self._authenticator.has_admin),
                    "rooms": [
                        room
                        for room in self._rooms.rooms_of(worker.id)
                        if self._authenticator.has_admin or self._is_listed(room)
                    ],
                }
                for worker in await self._cluster.workers()
            ]
        )
