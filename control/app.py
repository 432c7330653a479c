"""Composition root of the control plane: settings in, ASGI application out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from control.auth import Authenticator
from control.events.streams import EventStreams
from control.http.caller import TrustedProxies
from control.http.cors import Cors
from control.http.problems import on_http_exception, on_service_error
from control.http.ratelimit import RateLimit, TokenBuckets
from control.http.request_log import RequestLog
from control.ice_servers import IceServers
from control.metrics import HttpMetrics
from control.records.access import RecordAccess
from control.records.catalogue import RecordCatalogue
from control.records.proxy import RecordProxy
from control.routes.admin import AdminRoutes
from control.routes.events import EventRoutes
from control.routes.health import HealthRoutes
from control.routes.pages import PageRoutes
from control.routes.records import RecordRoutes
from control.routes.rooms import RoomRoutes
from control.routes.sessions import SessionRoutes
from control.routes.whip_whep import StreamingRoutes
from control.workers.every_worker import EveryWorker
from control.workers.gateway import Gateway
from control.workers.redis_watch import RedisWatch
from shared.bus.connection import connect
from shared.bus.directory import Directory
from shared.bus.rpc import RpcClient
from shared.errors import ServiceError
from shared.messages.signalling import Role
from shared.settings import Settings, secret


def create_app(settings: Settings) -> Starlette:
    """The whole control plane. Its lifespan owns the connections to Redis, and starts without Redis too."""
    redis_url = secret(settings.redis_url)
    redis = connect(redis_url)
    metrics = HttpMetrics()
    rpc = RpcClient(redis, redis_url, metrics.rpc_called)
    directory = Directory(redis)
    watch = RedisWatch(redis)
    gateway = Gateway(directory, rpc, watch)
    authenticator = Authenticator(settings)
    ice_servers = IceServers(settings)
    record_proxy = RecordProxy()
    every_worker = EveryWorker(directory, rpc, watch)
    event_streams = EventStreams(gateway, redis)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run()) for run in (rpc.run, watch.run, event_streams.run)]
            yield
            for task in running:
                task.cancel()
        await record_proxy.close()
        await redis.aclose()

    middleware = [
        Middleware(Cors, settings.allowed_origin),
        Middleware(RequestLog, TrustedProxies(settings.trusted_proxies), metrics),
    ]
    if settings.rate_limit_rps:
        buckets = TokenBuckets(redis, settings.rate_limit_rps, settings.rate_limit_burst)
        middleware.append(Middleware(RateLimit, buckets, watch))

    app = Starlette(
        routes=[
            *(
                route
                for role in Role
                for route in StreamingRoutes(
                    role, gateway, authenticator, ice_servers, settings.public_url
                ).routes()
            ),
            *EventRoutes(event_streams, settings.public_url).routes(),
            *RoomRoutes(settings, gateway, authenticator, ice_servers).routes(),
            *RecordRoutes(
                RecordCatalogue(settings, every_worker),
                RecordAccess(settings, authenticator),
                authenticator,
                record_proxy,
                redis,
            ).routes(),
            *SessionRoutes(every_worker, authenticator).routes(),
            *AdminRoutes(gateway, authenticator).routes(),
            *HealthRoutes(gateway, metrics).routes(),
            *PageRoutes(settings.public_url).routes(),
        ],
        middleware=middleware,
        exception_handlers={ServiceError: on_service_error, HTTPException: on_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # an unknown path is 404, with or without a slash
    app.state.event_streams = event_streams  # whoever stops the process ends them first
    return app
