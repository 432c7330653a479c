"""The sessions of the cluster, for operators."""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.auth import Authenticator, credential
from control.http.caller import caller_of
from control.http.resource import Resource
from control.workers.every_worker import EveryWorker
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import ListedSessions, ListSessions, SessionStatus
from shared.names import parse_room_name


class SessionRoutes:
    def __init__(self, workers: EveryWorker, authenticator: Authenticator) -> None:
        self._workers = workers
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        return [Route("/api/admin/sessions", Resource({"GET": self.list_sessions}))]

    async def list_sessions(self, request: Request) -> Response:
        """All sessions, or with `?room=` those of a room; `total` includes those beyond the limit."""
        room = request.query_params.get("room", "")
        self._authenticator.access(credential(request.headers), time.time()).check_admin(room or None)
        if room and parse_room_name(room) is None:
            raise ServiceError(ErrorCode.INVALID_ROOM)
        replies = await self._workers.ask(
            ListSessions(room=room), ListedSessions, caller_of(request).request_id
        )
        sessions = [session for reply in replies for session in reply.sessions]
        sessions.sort(key=lambda session: (session.room, session.role == "play", -session.age))
        return JSONResponse(
            {"total": sum(reply.total for reply in replies), "sessions": [_entry(one) for one in sessions]}
        )


def _entry(session: SessionStatus) -> dict[str, object]:
    return {
        "id": session.id,
        "worker": session.id.partition(".")[0],
        "room": session.room,
        "role": session.role,
        "state": session.state,
        "uptime": round(session.age, 1),
        "address": session.address,
        "transport": session.transport,
        "codecs": session.codecs,
        "packets": session.packets,
        "bytes": session.octets,
        "resent": session.resent,
        "loss": session.loss,
        "rtt": session.rtt,
        "layer": session.layer,
        "reason": session.reason,
        "carries": session.carries,
    }
