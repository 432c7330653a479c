"""For operators: close, switch and block rooms, end sessions, revoke JWTs. Each act has a line in the log."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Access, Authenticator
from control.access.operators import Operator
from control.http.audit import audit
from control.http.bodies import read_json
from control.http.caller import caller_of, operator_of
from control.http.params import page_of, room_in_query
from control.http.resource import Resource
from control.http.rulings import parse_block, parse_revocation
from control.workers.gateway import Gateway
from control.workers.moderator import Moderator
from control.workers.operator_facts import block_facts, revocation_facts
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, parse_room_name

_NO_JWTS = "this hits nobody: no JWTs are taken, and plain tokens are replaced in the settings"
_MAX_BYTES = 8_192  # of a block or a revocation


class ModerationRoutes:
    """`revocation_seconds`: how long a revocation holds."""

    def __init__(
        self,
        moderator: Moderator,
        gateway: Gateway,
        authenticator: Authenticator,
        revocation_seconds: float,
        unix_clock: Callable[[], float],
    ) -> None:
        """By `unix_clock` a revocation begins and ends."""
        self._moderator = moderator
        self._gateway = gateway
        self._authenticator = authenticator
        self._revocation_seconds = revocation_seconds
        self._unix_clock = unix_clock

    def routes(self) -> list[Route]:
        revocations = Resource({"GET": self.list_revocations, "POST": self.revoke})
        return [
            Route("/api/admin/rooms/{room}/close", Resource({"POST": self.close_room})),
            Route("/api/admin/rooms/{room}/switch", Resource({"POST": self.switch_room})),
            Route("/api/admin/blocks", Resource({"GET": self.list_blocks})),
            Route("/api/admin/blocks/{room}", Resource({"DELETE": self.lift_block})),
            Route("/api/admin/sessions/{session}", Resource({"DELETE": self.end_session})),
            Route("/api/admin/revocations", revocations),
            Route("/api/admin/revocations/{revocation}", Resource({"DELETE": self.lift_revocation})),
        ]

    async def close_room(self, request: Request) -> Response:
        """End all sessions of a room; with `{"block": seconds}` nobody gets in again until then."""
        room, access = self._room(request, ErrorCode.ROOM_NOT_FOUND)
        ask = parse_block(await read_json(request, _MAX_BYTES, optional=True))
        request_id = caller_of(request).request_id
        if ask is None:
            sessions = await self._gateway.close_room(room, request_id)
            audit(request, access, "room.close", room=room, sessions=sessions)
            return JSONResponse({"name": room, "sessions": sessions})
        seconds, reason = ask
        block, obeyed = await self._moderator.block(room, seconds, reason, access.actor, request_id)
        until, facts = round(block.until, 3), obeyed._asdict()
        audit(request, access, "room.block", room=room, until=until, reason=reason, **facts)
        return JSONResponse({"name": room, "until": until, **facts})

    async def switch_room(self, request: Request) -> Response:
        """Have viewers of a room get the next one that publishes there."""
        room, access = self._room(request, ErrorCode.ROOM_NOT_FOUND)
        switched = await self._gateway.switch_room(room, caller_of(request).request_id)
        audit(request, access, "room.switch", room=room, session=switched.session)
        return JSONResponse({"name": room, "session": switched.session})

    async def list_blocks(self, request: Request) -> Response:
        self._operator(request, Operator.WATCH)
        blocks = page_of(await self._moderator.blocks(), lambda block: block.room, request.query_params)
        return JSONResponse({"blocks": [block_facts(block) for block in blocks]})

    async def lift_block(self, request: Request) -> Response:
        room, access = self._room(request, ErrorCode.RULING_NOT_FOUND)
        await self._moderator.lift(room, access.actor, caller_of(request).request_id)
        audit(request, access, "room.unblock", room=room)
        return JSONResponse({"room": room})

    async def end_session(self, request: Request) -> Response:
        """End one session, which may be named as lists name it; with `?room=` one of that room."""
        access = self._operator(request, Operator.MODERATE, request.query_params.get("room") or None)
        session: str = request.path_params["session"]
        room = room_in_query(request)
        ended = await self._gateway.end_session(session, room, caller_of(request).request_id)
        audit(request, access, "session.end", session=session, room=ended.room, role=ended.role)
        return JSONResponse({"room": ended.room, "role": ended.role})

    async def revoke(self, request: Request) -> Response:
        access = self._operator(request, Operator.ADMIN)
        mark = parse_revocation(await read_json(request, _MAX_BYTES, optional=True), self._unix_clock())
        revocation, obeyed = await self._moderator.revoke(
            mark, self._revocation_seconds, access.actor, caller_of(request).request_id
        )
        facts = revocation_facts(revocation) | obeyed._asdict()
        audit(request, access, "jwt.revoke", **facts)
        warning = {} if self._authenticator.takes_jwts else {"warning": _NO_JWTS}
        return JSONResponse({**facts, "by": revocation.by, **warning}, 201)

    async def list_revocations(self, request: Request) -> Response:
        self._operator(request, Operator.WATCH)
        page = page_of(await self._moderator.revocations(), lambda one: one.id, request.query_params)
        return JSONResponse({"revocations": [{**revocation_facts(one), "by": one.by} for one in page]})

    async def lift_revocation(self, request: Request) -> Response:
        access = self._operator(request, Operator.ADMIN)
        revocation: str = request.path_params["revocation"]
        await self._moderator.lift_revocation(revocation, access.actor, caller_of(request).request_id)
        audit(request, access, "jwt.unrevoke", id=revocation)
        return JSONResponse({"id": revocation})

    def _room(self, request: Request, missing: ErrorCode) -> tuple[RoomName, Access]:
        """The room in the path, for who moderates it; raises `missing` if it is no room's name."""
        name: str = request.path_params["room"]
        access = self._operator(request, Operator.MODERATE, name)
        room = parse_room_name(name)
        if room is None:
            raise ServiceError(missing)
        return room, access

    def _operator(self, request: Request, least: Operator, room: str | None = None) -> Access:
        return operator_of(request, self._authenticator, least, room)
