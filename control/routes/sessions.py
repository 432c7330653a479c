"""The sessions of the cluster, for operators."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.http.caller import caller_of, operator_of
from control.http.params import room_in_query
from control.http.resource import Resource
from control.workers.every_worker import EveryWorker
from control.workers.gateway import Gateway
from control.workers.operator_facts import in_order, session_facts
from shared.messages.sessions import ListedSessions, ListSessions
from shared.names import RoomName


class SessionRoutes:
    def __init__(self, workers: EveryWorker, gateway: Gateway, authenticator: Authenticator) -> None:
        self._workers = workers
        self._gateway = gateway
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [
            Route("/api/admin/sessions", Resource({"GET": self.list_sessions})),
            Route("/api/admin/sessions/{session}/line", Resource({"GET": self.read_line})),
        ]

    async def list_sessions(self, request: Request) -> Response:
        """All sessions, or with `?room=` those of a room; `total` includes those beyond the limit."""
        room = self._room(request)
        replies = await self._workers.ask(
            ListSessions(room=room), ListedSessions, caller_of(request).request_id
        )
        sessions = in_order(replies)
        return JSONResponse(
            {
                "total": sum(reply.total for reply in replies),
                "sessions": [session_facts(one) for one in sessions],
            }
        )

    async def read_line(self, request: Request) -> Response:
        """The log of one session's line. It is named as lists name it; with `?room=` it is of that room."""
        room, session = self._room(request), request.path_params["session"]
        log = await self._gateway.read_line(session, room, caller_of(request).request_id)
        return Response(log, media_type="application/json")

    def _room(self, request: Request) -> RoomName:
        """The room of the query; empty: all. Raises unless the caller may look at it."""
        operator_of(request, self._authenticator, Operator.WATCH, request.query_params.get("room") or None)
        return room_in_query(request)
