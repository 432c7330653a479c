"""Server-sent events for operators: workers, rooms, sessions, rulings and totals, without polling.

A page reads them with `fetch`: an `EventSource` cannot send a token.
"""

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.events.operator_streams import OperatorStreams
from control.events.operator_text import SessionFilter
from control.http.caller import caller_of, operator_of
from control.http.long_response import event_head, event_response
from control.http.params import room_in_query
from control.http.resource import Resource
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role


class OperatorEventRoutes:
    def __init__(self, streams: OperatorStreams, authenticator: Authenticator) -> None:
        self._streams = streams
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [Route("/api/admin/events", Resource({"GET": self.follow}))]

    async def follow(self, request: Request) -> ASGIApp:
        """The stream, which ends when its credential expires or is revoked.

        `?room=`, `?role=` and `?trouble=true` choose the sessions.
        """

        def check() -> None:
            operator_of(request, self._authenticator, Operator.WATCH)

        def may_go_on() -> bool:
            try:
                check()
            except ServiceError as error:  # while keys cannot be fetched nobody is shut out who was let in
                return error.code is ErrorCode.KEYS_AWAY
            return True

        check()
        sessions = _sessions(request)
        if request.method == "HEAD":
            return event_head()
        stream = await self._streams.follow(sessions, may_go_on, caller_of(request).network)
        return event_response(stream.text(), stream.reader, lambda: self._streams.close(stream))


def _sessions(request: Request) -> SessionFilter:
    room, role = room_in_query(request), request.query_params.get("role", "")
    if role not in ("", *Role):
        raise ServiceError(ErrorCode.INVALID_EVENTS, detail="role is publish or play")
    return SessionFilter(room, role, request.query_params.get("trouble") == "true")
