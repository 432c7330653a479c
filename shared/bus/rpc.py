"""RPC over Redis lists: a list per worker, a reply list per control process, a deadline in every request.

A request is `{id, op, reply_to, deadline, request_id, body}`, a reply `{id, ok}` or
`{id, error}`, both msgpack.
The deadline is Unix time: hosts keep their clocks within a second of each other. A worker drops a request
whose deadline has passed; a caller never waits beyond it.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.connection import CALL_TIMEOUT_SECONDS, answered_within, connect_blocking
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.logging import get_logger
from shared.messages.signalling import Play, Publish
from shared.messages.wire import DecodeError, from_map, pack, to_map, unpack
from shared.names import RequestId, WorkerId

R = TypeVar("R")
Handler = Callable[[Any], Awaitable[Any]]
# told of each request: its operation, how it ended ("ok", an error's code or one of those below), seconds
Observe = Callable[[str, str, float], None]

BLOCK_SECONDS = 2.0
RETRY_SECONDS = 0.5
MAX_BUSY = 64  # requests that a worker handles at once
# Requests that may wait for one worker. Offers are refused earlier: those behind would be answered too late,
# and what ends sessions must get through.
MAX_QUEUED = 512
MAX_OFFERS_QUEUED = 128

TOO_LATE, UNANSWERED = "too_late", "unanswered"

log = get_logger()


def _unobserved(_operation: str, _outcome: str, _seconds: float) -> None: ...


class SilentWorkerError(ServiceError):
    """`NO_WORKER` of this one worker: it did not answer in time. Another may."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.NO_WORKER, detail="worker did not answer in time", retry_after=1)


async def _pop(redis: Redis, key: str) -> bytes | None:
    async with answered_within(BLOCK_SECONDS + CALL_TIMEOUT_SECONDS):
        popped = cast(tuple[bytes, bytes] | None, await redis.blpop([key], timeout=BLOCK_SECONDS))
    return popped[1] if popped else None


async def _push(redis: Redis, key: str, data: bytes) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        pipe.rpush(key, data)
        pipe.expire(key, keys.LIST_TTL_SECONDS)
        await pipe.execute()


def _most_waiting(message: Any) -> int:
    return MAX_OFFERS_QUEUED if isinstance(message, Publish | Play) else MAX_QUEUED


class RpcClient:
    """The control plane's end. `run` must be running for calls to be answered."""

    def __init__(self, redis: Redis, url: str, observe: Observe = _unobserved) -> None:
        self._redis = redis
        self._reader = connect_blocking(url)
        self._observe = observe
        self._reply_to = keys.rpc_replies(secrets.token_hex(8))
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._push_request = redis.register_script(
            Path(__file__).with_name("push_request.lua").read_text(encoding="utf-8")
        )

    async def call(
        self, worker: WorkerId, message: Any, reply: type[R], *, timeout: float, request_id: RequestId
    ) -> R:
        """Send `message` to `worker` and wait for its `reply`, at most `timeout` seconds.

        Raises `ServiceError`: the worker's own, `WORKER_FULL` when too many requests wait for it,
        `SilentWorkerError` when it does not answer in time, or `NO_WORKER` when Redis does not.
        """
        began, outcome = time.monotonic(), UNANSWERED
        try:
            result = await self._call(worker, message, reply, timeout, request_id)
            outcome = "ok"
            return result
        except ServiceError as error:
            outcome = error.code.value
            raise
        finally:
            self._observe(type(message).__name__, outcome, time.monotonic() - began)

    async def _call(
        self, worker: WorkerId, message: Any, reply: type[R], timeout: float, request_id: RequestId
    ) -> R:
        call_id = secrets.token_hex(8)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[call_id] = answer
        request = {
            "id": call_id,
            "op": type(message).__name__,
            "reply_to": self._reply_to,
            "deadline": time.time() + timeout,
            "request_id": request_id,
            "body": to_map(message),
        }
        try:
            async with asyncio.timeout(timeout):
                if not await self._push_request(
                    keys=[keys.rpc_requests(worker)],
                    args=[pack(request), _most_waiting(message), keys.LIST_TTL_SECONDS],
                ):
                    raise ServiceError(ErrorCode.WORKER_FULL, detail="worker overloaded")
                result = await answer
        except TimeoutError:
            raise SilentWorkerError from None
        except RedisError:
            raise redis_away() from None
        finally:
            self._pending.pop(call_id, None)
        if error := result.get("error"):
            raise ServiceError(
                ErrorCode(error["code"]),
                error["message"],
                detail=error["detail"],
                retry_after=error["retry_after"],
            )
        return from_map(reply, result.get("ok"))

    async def run(self) -> None:
        """Hand replies to their callers until cancelled; outlives Redis."""
        try:
            while True:
                try:
                    data = await _pop(self._reader, self._reply_to)
                except (RedisError, OSError):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if data is not None:
                    self._settle(data)
        finally:
            await self._reader.aclose()

    def _settle(self, data: bytes) -> None:
        try:
            result = unpack(data)
            call = self._pending.get(result["id"])
        except (DecodeError, KeyError, TypeError):
            log.warning("rpc reply not understood")
            return
        if call is not None and not call.done():  # else its caller has given up
            call.set_result(result)


@dataclass(frozen=True, slots=True)
class _Request:
    id: str
    op: str
    reply_to: str
    deadline: float
    request_id: str
    body: dict[str, Any]


class RpcServer:
    """A worker's end: takes requests off its list and answers each by the handler of its type."""

    def __init__(
        self,
        redis: Redis,
        url: str,
        worker: WorkerId,
        handlers: Mapping[type, Handler],
        observe: Observe = _unobserved,
    ) -> None:
        self._redis = redis
        self._observe = observe
        self._reader = connect_blocking(url)
        self._list = keys.rpc_requests(worker)
        self._handlers = {kind.__name__: (kind, handler) for kind, handler in handlers.items()}
        self._room_for = asyncio.Semaphore(MAX_BUSY)

    async def run(self) -> None:
        """Serve until cancelled; outlives Redis. Requests under way are cancelled with it."""
        try:
            async with asyncio.TaskGroup() as requests:
                while True:
                    await self._room_for.acquire()
                    data = None
                    try:
                        data = await _pop(self._reader, self._list)
                    except (RedisError, OSError):
                        await asyncio.sleep(RETRY_SECONDS)
                    finally:
                        if data is None:
                            self._room_for.release()
                    if data is not None:
                        requests.create_task(self._serve(data)).add_done_callback(
                            lambda _: self._room_for.release()
                        )
        finally:
            await self._reader.aclose()

    async def _serve(self, data: bytes) -> None:
        try:
            request = from_map(_Request, unpack(data))
        except DecodeError:
            log.warning("rpc request not understood")
            return
        operation = request.op if request.op in self._handlers else "unknown"
        left = request.deadline - time.time()
        if left <= 0:
            self._observe(operation, TOO_LATE, 0.0)
            log.warning("rpc request too late", op=request.op, request_id=request.request_id)
            return
        began, outcome = time.monotonic(), UNANSWERED
        try:
            result = await self._handle(request, left)
            if result is not None:
                outcome = result["error"]["code"] if "error" in result else "ok"
        finally:
            self._observe(operation, outcome, time.monotonic() - began)
        if result is None:
            return
        try:
            await _push(self._redis, request.reply_to, pack({"id": request.id, **result}))
        except RedisError:
            log.warning("rpc reply lost: Redis is away", op=request.op, request_id=request.request_id)

    async def _handle(self, request: _Request, left: float) -> dict[str, Any] | None:
        try:
            kind, handler = self._handlers[request.op]
            message: Any = from_map(kind, request.body)
            async with asyncio.timeout(left):
                return {"ok": to_map(await handler(message))}
        except TimeoutError:
            log.error("rpc request ran out of time", op=request.op, request_id=request.request_id)
            return None
        except ServiceError as error:
            return _error(error)
        except RedisError:
            return _error(redis_away())
        except Exception:
            log.exception("rpc request failed", op=request.op, request_id=request.request_id)
            return _error(ServiceError(ErrorCode.INTERNAL))


def _error(error: ServiceError) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code.value,
            "message": error.message,
            "detail": error.detail,
            "retry_after": error.retry_after,
        }
    }
