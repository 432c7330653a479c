"""For load balancers: liveness and readiness."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from control.http.resource import Resource
from control.workers.cluster import Cluster
from shared.http.alive import alive


class HealthRoutes:
    """`check_read`: each raises `NO_WORKER` while this process has never read what it needs from Redis."""

    def __init__(self, cluster: Cluster, *check_read: Callable[[], None]) -> None:
        self._cluster = cluster
        self._check_read = check_read

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", Resource({"GET": self.alive})),
            Route("/readyz", Resource({"GET": self.ready})),
        ]

    async def alive(self, _: Request) -> Response:
        return alive()

    async def ready(self, _: Request) -> Response:
        await self._cluster.check_ready()
        for check in self._check_read:
            check()
        return PlainTextResponse("ok")
