"""For load balancers and Prometheus: liveness, readiness, metrics, and where the workers' metrics are."""

from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from control.http.resource import Resource
from control.metrics import HttpMetrics, cluster_exposition
from control.workers.cluster import Cluster
from shared.errors import ServiceError


class HealthRoutes:
    def __init__(self, cluster: Cluster, metrics: HttpMetrics) -> None:
        self._cluster = cluster
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", Resource({"GET": self.alive})),
            Route("/readyz", Resource({"GET": self.ready})),
            Route("/metrics", Resource({"GET": self.metrics})),
            Route("/api/metrics/targets", Resource({"GET": self.targets})),
        ]

    async def alive(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(self, _: Request) -> Response:
        await self._cluster.check_ready()
        return PlainTextResponse("ok")

    async def metrics(self, _: Request) -> Response:
        """While Redis is away the cluster's series are left out: a gap is true, a zero would be false."""
        rooms = b""
        with suppress(ServiceError):
            rooms = cluster_exposition(await self._cluster.workers())
        own = self._metrics.exposition(monotonic() - self._cluster.read_at)
        return Response(own + rooms, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def targets(self, _: Request) -> Response:
        """Prometheus HTTP service discovery of the workers."""
        groups = []
        for worker in await self._cluster.workers():
            try:
                url = urlsplit(worker.http_url)
            except ValueError:  # of a broken worker
                continue
            labels = {"__scheme__": url.scheme, "worker": worker.id}
            groups.append({"targets": [url.netloc], "labels": labels})
        return JSONResponse(groups)
