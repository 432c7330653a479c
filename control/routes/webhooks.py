"""For operators: webhooks that were given up. Requires `ADMIN_TOKEN` or an admin's JWT."""

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.http.caller import operator_of
from control.http.resource import Resource
from control.webhooks.dead_letters import DeadLetters
from control.workers.cluster import LIMIT_SECONDS
from control.workers.redis_watch import RedisWatch
from shared.errors import ErrorCode, ServiceError

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
_ID = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class WebhookRoutes:
    def __init__(self, dead_letters: DeadLetters, authenticator: Authenticator, watch: RedisWatch) -> None:
        self._dead_letters = dead_letters
        self._authenticator = authenticator
        self._watch = watch

    def routes(self) -> list[Route]:
        return [
            Route("/api/admin/webhooks/dead", Resource({"GET": self.list_dead})),
            Route("/api/admin/webhooks/dead/replay", Resource({"POST": self.replay_all})),
            Route("/api/admin/webhooks/dead/{letter}/replay", Resource({"POST": self.replay})),
        ]

    async def list_dead(self, request: Request) -> Response:
        """The oldest `?limit=` dead letters behind `?after=`."""
        operator_of(request, self._authenticator, Operator.WATCH)
        limit, after = _limit(request.query_params.get("limit")), request.query_params.get("after", "")
        if after and not _ID.fullmatch(after):
            raise ServiceError(ErrorCode.INVALID_PAGE, detail="after is the id of a dead letter")
        async with self._watch.bounded(LIMIT_SECONDS):
            return JSONResponse(await self._dead_letters.page(after, limit))

    async def replay(self, request: Request) -> Response:
        operator_of(request, self._authenticator, Operator.ADMIN)
        letter: str = request.path_params["letter"]
        if not _ID.fullmatch(letter):
            raise ServiceError(ErrorCode.NOT_FOUND)
        async with self._watch.bounded(LIMIT_SECONDS):
            if not await self._dead_letters.replay(letter):
                raise ServiceError(ErrorCode.NOT_FOUND)
        return JSONResponse({"id": letter})

    async def replay_all(self, request: Request) -> Response:
        operator_of(request, self._authenticator, Operator.ADMIN)
        async with self._watch.bounded(LIMIT_SECONDS):
            replayed, left = await self._dead_letters.replay_all()
        return JSONResponse({"replayed": replayed, "left": left})


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 < int(text) <= MAX_LIMIT:
        raise ServiceError(ErrorCode.INVALID_PAGE, detail=f"limit is a number from 1 to {MAX_LIMIT}")
    return int(text)
