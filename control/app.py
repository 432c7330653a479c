"""Composition root of the control plane: settings in, ASGI application out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ExceptionHandler

from control.access.auth import Authenticator
from control.access.auth_callback import AuthCallback
from control.events.operator_streams import OperatorStreams
from control.events.places import Places
from control.events.room_messages import RoomMessages
from control.events.room_streams import RoomStreams
from control.events.stream_names import StreamNames
from control.events.viewer_streams import ViewerStreams
from control.events.waiting import WaitingViewers
from control.http.caller import TrustedProxies
from control.http.cors import Cors
from control.http.key_wait import KeyWait
from control.http.problems import on_http_exception, on_service_error
from control.http.ratelimit import RateLimit, TokenBuckets
from control.http.request_log import RequestLog
from control.http.whole_requests import WholeRequests
from control.ice_servers import IceServers
from control.metrics import HttpMetrics
from control.records.catalogue import RecordCatalogue
from control.records.links import RecordLinks
from control.records.proxy import RecordProxy
from control.routes.admin import AdminRoutes
from control.routes.events import EventRoutes
from control.routes.health import HealthRoutes
from control.routes.layers import LayerRoutes
from control.routes.messages import MessageRoutes
from control.routes.metrics import MetricsRoutes
from control.routes.moderation import ModerationRoutes
from control.routes.operator_events import OperatorEventRoutes
from control.routes.pages import PageRoutes
from control.routes.records import RecordRoutes
from control.routes.room_events import RoomEventRoutes
from control.routes.room_settings import RoomSettingsRoutes
from control.routes.rooms import RoomRoutes
from control.routes.sessions import SessionRoutes
from control.routes.stills import StillRoutes
from control.routes.viewing import ViewingRoutes
from control.routes.webhooks import WebhookRoutes
from control.routes.whip_whep import StreamingRoutes
from control.webhooks.webhooks import Webhooks
from control.workers.calls import Calls
from control.workers.cluster import Cluster
from control.workers.every_worker import EveryWorker
from control.workers.gateway import Gateway
from control.workers.moderator import Moderator
from control.workers.offers import Offers
from control.workers.redis_watch import RedisWatch
from control.workers.room_configuration import RoomConfiguration
from control.workers.room_info import RoomInfo
from control.workers.room_list import RoomList
from control.workers.room_stills import RoomStills
from control.workers.viewing_reports import ViewingReports, ViewingSeries
from shared.bus import keys
from shared.bus.connection import connect
from shared.bus.primary import follow
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.errors import ServiceError
from shared.messages.rulings import room_of_block
from shared.messages.signalling import Role
from shared.room_settings.settings_book import SettingsBook
from shared.rpc.client import RpcClient
from shared.rulings.ruling_book import RulingBook
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

if TYPE_CHECKING:
    from control.access.key_set import KeySet

_EXCEPTION_HANDLERS: Mapping[Any, ExceptionHandler] = {
    ServiceError: on_service_error,
    HTTPException: on_http_exception,
}


def create_app(settings: Settings, connections: int) -> Starlette:
    """The whole control plane. Its lifespan owns the connections to Redis, and starts without Redis, too.

    `connections` is the number of HTTP connections that its server takes.
    """
    redis_url = secret(settings.redis_url)
    redis, watched, hooked = (connect(redis_url) for _ in range(3))  # webhooks hold up no request
    clock = RedisClock(redis)
    metrics = HttpMetrics(clock)
    rpc = RpcClient(redis, redis_url, metrics.rpc_called, clock)
    directory = Directory(redis)
    watch = RedisWatch(watched)
    cluster = Cluster(directory, watch, clock)
    rooms = RoomList(directory, cluster, watch)
    calls = Calls(rpc)
    gateway = Gateway(cluster, calls, watch)
    offers = Offers(cluster, calls, watch)
    every_worker = EveryWorker(directory, cluster, rpc, watch)
    places = Places(connections)
    viewer_streams = ViewerStreams(cluster, rooms, gateway, StreamNames(redis, clock, watch), places)
    messages = RoomMessages(redis, clock, watch, cluster, viewer_streams.tell, viewer_streams.followed)
    record_proxy = RecordProxy(has_store=settings.upload_recordings)
    key_set = _key_set(settings)
    if key_set:
        metrics.follow_keys(key_set.age)
    book = RulingBook(redis, clock, partial(_note_blocks, rooms), watch.is_settled)
    moderator = Moderator(book, every_worker, watch)
    rooms_settings = SettingsBook(redis, clock, rooms.note, watch.is_settled)
    is_listed = rooms_settings.is_listed
    configuration = RoomConfiguration(rooms_settings, every_worker, watch, tells=bool(settings.webhook_urls))
    authenticator = Authenticator(settings, key_set, book.revokes, rooms_settings)
    waiting = WaitingViewers(rooms, places)

    def info(room: str) -> RoomInfo:
        return RoomInfo(authenticator.locks(room), rooms_settings.title(room), moderator.blocked(room))

    room_streams = RoomStreams(cluster, rooms, places, info, is_listed, rooms_settings.check_read)
    operator_streams = OperatorStreams(cluster, rooms, room_streams, every_worker, book, metrics)
    callback = _callback(settings)
    ice_servers = IceServers(settings)
    public_url = settings.public_url
    guard = None if settings.metrics_addr else authenticator
    scraped = MetricsRoutes(cluster, rooms, metrics, watched, is_listed, guard).routes()
    catalogue = RecordCatalogue(settings, every_worker)
    record_routes = RecordRoutes(
        catalogue,
        authenticator,
        record_proxy,
        RecordLinks(redis, clock, watch),
        is_listed,
        with_stills=settings.snapshots,
    )
    series = ViewingSeries(metrics.registry, is_listed)
    viewings = ViewingReports(redis, watch, series, keeps=bool(settings.webhook_urls))

    def streaming(role: Role) -> list[Route]:
        return StreamingRoutes(
            role,
            offers,
            gateway,
            moderator,
            authenticator,
            ice_servers,
            public_url,
            callback,
            waiting,
            settings.whep_without_publisher,
            settings.whep_counter_offers,
            reports=viewings if settings.viewer_reports else None,
            unix_clock=clock.now,
        ).routes()

    pages = PageRoutes(public_url)
    webhooks = Webhooks(settings, hooked, watch, metrics.registry, clock.now)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        fetching = [key_set.run] if key_set else []
        bus = (partial(follow, redis_url), rpc.run, watch.run)
        telling = [webhooks.run] if settings.webhook_urls else []
        streams = (viewer_streams.run, room_streams.run, operator_streams.run, messages.run)
        async with _running(*bus, rooms.run, book.run, rooms_settings.run, *streams, *fetching, *telling):
            await watch.look()  # the books count as read only while Redis is settled
            await book.first_look()
            await rooms_settings.first_look()
            yield
        catalogue.close()
        await record_proxy.close()
        if callback:
            await callback.close()
        await redis.aclose()
        await watched.aclose()
        await hooked.aclose()

    app = Starlette(
        routes=[
            *streaming(Role.PLAY),  # most requests are viewers'
            *streaming(Role.PUBLISH),
            *EventRoutes(viewer_streams, gateway, authenticator, public_url).routes(),
            *LayerRoutes(gateway, authenticator).routes(),
            *ViewingRoutes(viewings, authenticator, wanted=settings.viewer_reports).routes(),
            *RoomEventRoutes(room_streams).routes(),  # before a room of that name
            *RoomRoutes(
                settings, cluster, rooms, authenticator, ice_servers, is_listed, info, callback
            ).routes(),
            *MessageRoutes(messages, authenticator, callback).routes(),
            *StillRoutes(RoomStills(cluster, calls, watch), authenticator).routes(),
            *record_routes.routes(),
            *SessionRoutes(every_worker, gateway, authenticator).routes(),
            *ModerationRoutes(
                moderator, gateway, authenticator, settings.revocation_seconds, clock.now
            ).routes(),
            *RoomSettingsRoutes(configuration, authenticator, settings, clock.now).routes(),
            *AdminRoutes(cluster, rooms, gateway, authenticator, is_listed).routes(),
            *OperatorEventRoutes(operator_streams, authenticator).routes(),
            *WebhookRoutes(webhooks.dead_letters, authenticator, watch).routes(),
            *HealthRoutes(cluster, book.check_read, rooms_settings.check_read).routes(),
            *([] if settings.metrics_addr else scraped),
            *pages.routes(),
        ],
        middleware=_middleware(settings, metrics, redis, watch, key_set),
        exception_handlers={**_EXCEPTION_HANDLERS, HTTPException: pages.on_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # an unknown path is 404, with or without a slash
    app.state.metrics = metrics
    app.state.places = places  # `server.py` closes them when the process stops
    if settings.metrics_addr:
        app.state.metrics_app = _metrics_app(scraped, metrics)
    return app


def _note_blocks(rooms: RoomList, rulings: set[str]) -> None:
    rooms.note(room for name in rulings if (room := room_of_block(name)) is not None)


def _metrics_app(routes: list[Route], metrics: HttpMetrics) -> Starlette:
    """What `METRICS_ADDR` serves. It lives within the other application's lifespan."""
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog, TrustedProxies(()), metrics)],
        exception_handlers=_EXCEPTION_HANDLERS,
    )


def _key_set(settings: Settings) -> "KeySet | None":
    if not settings.jwt_jwks_url:
        return None
    from control.access.key_set import KeySet  # with PyJWT and cryptography

    return KeySet(settings.jwt_jwks_url)


def _callback(settings: Settings) -> AuthCallback | None:
    url = secret(settings.auth_url)
    if not url:
        return None
    return AuthCallback(url, settings.auth_url_seconds, settings.auth_url_cache_seconds)


@asynccontextmanager
async def _running(*runs: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run these beside the block, and cancel them after it."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run()) for run in runs]
        yield
        for task in running:
            task.cancel()


def _middleware(
    settings: Settings, metrics: HttpMetrics, redis: Redis, watch: RedisWatch, key_set: "KeySet | None"
) -> list[Middleware]:
    """From the outermost to the innermost."""
    middleware = [
        Middleware(WholeRequests),
        Middleware(Cors, settings.allowed_origin),
        Middleware(RequestLog, TrustedProxies(settings.trusted_proxies), metrics),
    ]
    middleware += _rate_limit(settings, redis, watch)
    if key_set:
        middleware.append(Middleware(KeyWait, key_set))
    return middleware


def _rate_limit(settings: Settings, redis: Redis, watch: RedisWatch) -> list[Middleware]:
    rate, burst = settings.rate_limit_rps, settings.rate_limit_burst
    offers_rate = settings.rate_limit_offers_rps or rate
    offers_burst = settings.rate_limit_offers_burst or (0 if settings.rate_limit_offers_rps else burst)
    if not offers_rate:
        return []
    buckets = TokenBuckets(redis, rate, burst) if rate else None
    of_offers = TokenBuckets(redis, offers_rate, offers_burst, keys.offer_bucket)
    return [Middleware(RateLimit, buckets, of_offers, watch)]
