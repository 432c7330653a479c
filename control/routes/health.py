"""For load balancers: liveness and readiness."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from control.http.resource import Resource
from control.workers.cluster import Cluster
from shared.http.alive import alive


class HealthRoutes:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", Resource({"GET": self.alive})),
            Route("/readyz", Resource({"GET": self.ready})),
        ]

    async def alive(self, _: Request) -> Response:
        return alive()

    async def ready(self, _: Request) -> Response:
        await self._cluster.check_ready()
        return PlainTextResponse("ok")
