"""The answering end of RPC: a worker that takes requests off its list."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.connection import connect_blocking
from shared.bus.rpc import (
    RETRY_SECONDS,
    TOO_LATE,
    UNANSWERED,
    Handler,
    Observe,
    Request,
    error_to_map,
    pop,
    unobserved,
)
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.logging import get_logger
from shared.messages.encoding import DecodeError, from_map, pack, to_map, unpack
from shared.names import WorkerId

MAX_BUSY = 64  # requests that a worker handles at once

log = get_logger()


class RpcServer:
    """Answers each request by the handler for the type of its message."""

    def __init__(
        self,
        redis: Redis,
        url: str,
        worker: WorkerId,
        handlers: Mapping[type, Handler],
        observe: Observe = unobserved,
    ) -> None:
        self._redis = redis
        self._observe = observe
        self._reader = connect_blocking(url)
        self._list = keys.rpc_requests(worker)
        self._handlers = {kind.__name__: (kind, handler) for kind, handler in handlers.items()}
        self._room_for = asyncio.Semaphore(MAX_BUSY)

    async def run(self) -> None:
        """Serve until cancelled, and cancel the requests under way, too; survives outages of Redis."""
        try:
            async with asyncio.TaskGroup() as requests:
                while True:
                    await self._room_for.acquire()
                    data = None
                    try:
                        data = await pop(self._reader, self._list)
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
            request = from_map(Request, unpack(data))
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
        if result is not None:
            await self._reply(request, result)

    async def _handle(self, request: Request, left: float) -> dict[str, Any] | None:
        """The result to send back; None when the handler took longer than the seconds that were `left`."""
        try:
            if request.op not in self._handlers:
                raise DecodeError("no message of this worker's version")
            kind, handler = self._handlers[request.op]
            message: Any = from_map(kind, request.body)
            async with asyncio.timeout(left):
                return {"ok": to_map(await handler(message))}
        except TimeoutError:
            log.error("rpc request ran out of time", op=request.op, request_id=request.request_id)
            return None
        except ServiceError as error:
            return {"error": error_to_map(error)}
        except RedisError:
            return {"error": error_to_map(redis_away())}
        except DecodeError as error:  # from another version of the caller: no bug, and the upgrade will end
            log.warning(
                "rpc request not understood",
                op=request.op,
                request_id=request.request_id,
                reason=str(error),
            )
            return {"error": error_to_map(_not_understood())}
        except Exception:
            log.exception("rpc request failed", op=request.op, request_id=request.request_id)
            return {"error": error_to_map(ServiceError(ErrorCode.INTERNAL))}

    async def _reply(self, request: Request, result: dict[str, Any]) -> None:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.rpush(request.reply_to, pack({"id": request.id, **result}))
                pipe.expire(request.reply_to, keys.LIST_TTL_SECONDS)
                await pipe.execute()
        except RedisError:
            log.warning("rpc reply lost: Redis is away", op=request.op, request_id=request.request_id)


def _not_understood() -> ServiceError:
    return ServiceError(ErrorCode.NO_WORKER, detail="the worker cannot read the request", retry_after=1)
