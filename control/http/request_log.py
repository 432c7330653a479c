"""Gives each request an id, one log line and one measurement; answers 500 to exceptions that nobody caught.

Session URLs are credentials, and queries may contain some: a line shows the route's template, not the path.
"""

import time
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from control.http.caller import Caller, TrustedProxies
from control.http.problems import problem_response
from control.metrics import OFFERS, HttpMetrics
from control.workers.redis_share import Shares
from shared.errors import ErrorCode, ServiceError
from shared.names import parse_room_name
from shared.telemetry.logging import get_logger

_POLLED = {"/healthz", "/readyz", "/metrics"}  # polled every few seconds: logged at level debug
# A page loads thirty files and asks for rooms, as Prometheus does: logged at level debug unless it fails.
_ROUTINE = {"/static/{path}", "/api/rooms", "/api/rooms/events", "/api/metrics/targets"}

_CLIENT_WENT_AWAY = 499  # in logs and metrics only; nginx uses the same number

log = get_logger()


class RequestLog:
    """Middleware. Puts the request's `Caller` into its `state`."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies, metrics: HttpMetrics) -> None:
        self._app = app
        self._proxies = proxies
        self._metrics = metrics
        self._shares = Shares()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        scope["path"] = _decoded(scope["raw_path"])
        caller = self._proxies.caller((scope["client"] or (None,))[0], Headers(scope=scope))
        scope.setdefault("state", {})["caller"] = caller
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                request_id = (b"x-request-id", caller.request_id.encode("latin-1"))
                message["headers"] = [*message.get("headers", ()), request_id]
            await send(message)

        bind_contextvars(request_id=caller.request_id)  # in this task, which answers no other request
        with self._shares.one_request(caller.network):
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                status = status or _CLIENT_WENT_AWAY
            except Exception:
                log.exception("request failed", route=_route(scope))
                scope["state"]["cause"] = ErrorCode.INTERNAL.value
                if status:  # half of an answer was sent: the connection can only be closed
                    raise
                await problem_response(ServiceError(ErrorCode.INTERNAL))(scope, receive, send_with_id)
            finally:
                self._record(scope, status, time.monotonic() - started, caller)

    def _record(self, scope: Scope, status: int, seconds: float, caller: Caller) -> None:
        method, route, cause = scope["method"], _route(scope), scope["state"].get("cause", "")
        waited = scope["state"].get("waited", 0.0)  # for a publisher, which says nothing of this process
        self._metrics.observe(method, route, status, seconds - waited)
        if method == "POST" and (role := OFFERS.get(route)):
            self._metrics.offered(role, status, cause, caller.guessed_network, bool(caller.behind))
        fields = {"method": method, "route": route, "status": status, "client": caller.address}
        if cause:
            fields["cause"] = cause
        if room := parse_room_name(scope.get("path_params", {}).get("room", "")):
            fields["room"] = room
        routine = route in _POLLED or (route in _ROUTINE and status < 400)
        write = log.debug if routine else log.warning if status >= 500 else log.info
        write("request", **fields, ms=round(seconds * 1000, 1))


def _decoded(raw_path: bytes) -> str:
    """The path. An encoded slash stays encoded: it is part of a name, not a separator (RFC 3986 2.2)."""
    return unquote(raw_path.decode("ascii").replace("%2F", "%252F").replace("%2f", "%252F"))


def _route(scope: Scope) -> str:
    """The template of the path, such as `/api/whip/publish/{room}`; "-" when no route matched."""
    route = scope.get("route")
    return str(route.path_format if route else scope["state"].get("route", "-"))
