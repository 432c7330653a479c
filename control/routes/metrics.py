"""For Prometheus: the metrics of this process and of the cluster, and where the workers' metrics are."""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from control.access.auth import Authenticator
from control.access.operators import Operator
from control.http.caller import operator_of
from control.http.resource import Resource
from control.metrics import HttpMetrics, cluster_exposition
from control.workers.cluster import Cluster
from control.workers.room_list import RoomList
from shared.errors import ServiceError


class MetricsRoutes:
    def __init__(
        self,
        cluster: Cluster,
        rooms: RoomList,
        metrics: HttpMetrics,
        redis: Redis,
        is_listed: Callable[[str], bool],
        authenticator: Authenticator | None,
    ) -> None:
        """`authenticator` guards the workers' addresses; None where only internal clients reach them."""
        self._authenticator = authenticator
        self._is_listed = is_listed
        self._cluster = cluster
        self._redis = redis
        self._rooms = rooms
        self._metrics = metrics

    def routes(self) -> list[Route]:
        return [
            _LiteralRoute("/metrics", Resource({"GET": self.metrics})),
            _LiteralRoute("/api/metrics/targets", Resource({"GET": self.targets})),
        ]

    async def metrics(self, _: Request) -> Response:
        """While Redis is away the cluster's series are left out: a gap is true, a zero would be false."""
        series = b""
        with suppress(ServiceError):
            series = await cluster_exposition(
                await self._cluster.recent_workers(),
                await self._cluster.lost_workers(),
                self._redis,
                self._rooms,
                self._is_listed,
            )
        own = self._metrics.exposition(monotonic() - self._cluster.read_at)
        return Response(own + series, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    async def targets(self, request: Request) -> Response:
        """Prometheus HTTP service discovery of the workers.

        It names addresses inside the cluster: where there are operators, clients of `HTTP_ADDR` must be one.
        """
        if self._authenticator and self._authenticator.has_admin:
            operator_of(request, self._authenticator, Operator.WATCH)
        groups = []
        for worker in await self._cluster.workers():
            try:
                url = urlsplit(worker.http_url)
            except ValueError:  # of a broken worker
                continue
            labels = {"__scheme__": url.scheme, "worker": worker.id}
            groups.append({"targets": [url.netloc], "labels": labels})
        return JSONResponse(groups)


class _LiteralRoute(Route):
    """Matches one spelling of its path, so that a proxy's rule for that spelling holds for the resource.

    Other spellings (`%6d` for `m`) may mean one thing to a proxy and another to us: they are 404.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and scope["raw_path"] != self.path.encode():
            return Match.NONE, {}
        return super().matches(scope)
