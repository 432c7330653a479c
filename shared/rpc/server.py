"""The answering end of RPC: a worker that takes requests off its list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import inf
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.batch import Batch, Call, called
from shared.bus.connection import ListReader
from shared.bus.fair_timeout import fair_timeout
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.messages.encoding import DecodeError, encode, read
from shared.names import WorkerId
from shared.rpc.request import (
    CLOSED,
    CLOSED_SECONDS,
    MAX_SECONDS,
    RETRY_AFTER_SECONDS,
    RETRY_SECONDS,
    TOO_LATE,
    UNANSWERED,
    Handler,
    Observe,
    Reply,
    Request,
    unobserved,
)
from shared.telemetry.logging import get_logger
from shared.telemetry.tracing import root_span

MAX_BUSY = 64  # requests that a worker handles at once

log = get_logger()


class RpcServer:
    """Answers each request by the handler for the type of its message.

    `unanswered` is called with each handler's reply that comes too late for its caller: what it did must be
    undone. `along` sends a reply along with what its caller may rely on then; None: there is nothing of the
    kind. Without `clock` it has one of its own.
    """

    def __init__(
        self,
        redis: Redis,
        url: str,
        worker: WorkerId,
        handlers: Mapping[type, Handler],
        observe: Observe = unobserved,
        clock: RedisClock | None = None,
        unanswered: Callable[[Any], None] = lambda _: None,
        along: Callable[[Call], Awaitable[Any] | None] = lambda _: None,
    ) -> None:
        self._redis = redis
        self._observe = observe
        self._list = keys.rpc_requests(worker)
        self._reader = ListReader(url, self._list)
        self._handlers = {kind.__name__: (kind, handler) for kind, handler in handlers.items()}
        self._clock = clock or RedisClock(redis)
        self._unanswered = unanswered
        self._along = along
        self._room_for = asyncio.Semaphore(MAX_BUSY)
        self._closing = False
        self._taken: dict[str, float] = {}  # ids of requests, and when they were taken

    async def run(self) -> None:
        """Serve until cancelled, and cancel the requests under way, too; survives outages of Redis.

        After `close` it serves what waits, and returns.
        """
        try:
            async with asyncio.TaskGroup() as requests:
                async for data in self._requests():
                    await self._room_for.acquire()
                    requests.create_task(self._serve(data)).add_done_callback(self._served)
        finally:
            await self._reader.close()

    def _served(self, _: object) -> None:
        self._room_for.release()

    async def close(self) -> None:
        """Take no request that comes later: its caller is told at once. May raise `RedisError`."""
        self._closing = True
        batch = Batch(self._redis)
        batch.add("RPUSH", self._list, CLOSED)  # behind all that wait: `run` gets there
        batch.add("EXPIRE", self._list, keys.LIST_TTL_SECONDS)
        await batch.execute()

    async def _requests(self) -> AsyncIterator[bytes]:
        """The requests as they come, each when there is room for it; ends after `close`."""
        at_end = False  # of the list; the mark is taken once, also where closing takes several tries
        while True:
            try:
                if not at_end:
                    async with self._room_for:
                        data = await self._reader.pop()
                    at_end = data == CLOSED and self._closing
                if at_end:
                    for waiting in await self._close_list():
                        yield waiting
                    return
            except (RedisError, OSError):
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if data is not None and data != CLOSED:  # left by a former process with this worker's id
                yield data

    async def _close_list(self) -> list[bytes]:
        """Mark the list as closed; returns the requests that were still put there."""
        close = Call("close_requests", [self._list], [CLOSED, CLOSED_SECONDS])
        waiting: list[bytes] = await called(self._redis, close)
        return [data for data in waiting if data != CLOSED]

    async def _serve(self, data: bytes) -> None:
        try:
            request = read(Request, data)
        except DecodeError:
            log.warning("rpc request not understood")
            return
        if not self._is_new(request):
            return
        operation = request.op if request.op in self._handlers else "unknown"
        left = await self._left(request.deadline)
        if left <= 0:
            self._observe(operation, TOO_LATE, 0.0)
            log.warning("rpc request too late", op=request.op, request_id=request.request_id)
            return
        began, outcome = monotonic(), UNANSWERED
        try:
            with _span(request):
                reply = await self._handle(request, left)
            if reply is not None and await self._send(request, reply):
                outcome = reply.code.value if isinstance(reply, ServiceError) else "ok"
        except Exception:
            log.exception("rpc request failed", op=request.op, request_id=request.request_id)
        finally:
            self._observe(operation, outcome, monotonic() - began)

    def _is_new(self, request: Request) -> bool:
        """Whether this request is new. A caller that lost a connection may have pushed one twice."""
        now = monotonic()
        while self._taken and now - next(iter(self._taken.values())) > MAX_SECONDS:
            del self._taken[next(iter(self._taken))]
        if request.id in self._taken:
            return False
        self._taken[request.id] = now
        return True

    async def _left(self, deadline: float) -> float:
        """The seconds until `deadline`, at least, and at most `MAX_SECONDS`.

        Before a request is dropped for it, the clock is read anew: it may have been set a moment ago.
        """
        try:
            await self._clock.freshen()
            if deadline <= self._clock.latest():
                await self._clock.read()
        except (RedisError, OSError):  # then its caller gets no reply either
            return -inf
        left = deadline - self._clock.latest()
        return min(left, MAX_SECONDS)

    async def _handle(self, request: Request, left: float) -> Any:
        """The handler's reply or a `ServiceError`; None when it took longer than the `left` seconds."""
        try:
            if request.op not in self._handlers:
                raise DecodeError("no message of this worker's version")
            kind, handler = self._handlers[request.op]
            message: Any = read(kind, request.body)
            async with fair_timeout(left):
                return await handler(message)
        except TimeoutError:
            log.error("rpc request ran out of time", op=request.op, request_id=request.request_id)
            return None
        except ServiceError as error:
            return error
        except RedisError:
            return redis_away()
        except DecodeError as error:  # from another version of the caller: no bug, and the upgrade will end
            log.warning(
                "rpc request not understood",
                op=request.op,
                request_id=request.request_id,
                reason=str(error),
            )
            return _not_understood()
        except Exception:
            log.exception("rpc request failed", op=request.op, request_id=request.request_id)
            return ServiceError(ErrorCode.INTERNAL)

    async def _send(self, request: Request, reply: Any) -> bool:
        """Send a reply or a `ServiceError`, unless the caller has given up; returns whether it was sent."""
        failed = isinstance(reply, ServiceError)
        try:
            in_time = await self._push(
                Call(
                    "push_reply",
                    [request.reply_to],
                    [encode(Reply.to(request, reply)), keys.LIST_TTL_SECONDS, request.deadline],
                )
            )
        except (RedisError, OSError):  # it may have arrived all the same
            log.warning("rpc reply lost: Redis is away", op=request.op, request_id=request.request_id)
            return False
        if not in_time:
            log.warning("rpc reply too late", op=request.op, request_id=request.request_id)
            if not failed:
                self._unanswered(reply)
        return bool(in_time)

    async def _push(self, reply: Call) -> Any:
        along = self._along(reply)
        return await (called(self._redis, reply) if along is None else along)


def _span(request: Request) -> AbstractContextManager[None]:
    """A span in the caller's trace, if the caller has one."""
    if not request.traceparent:
        return nullcontext()
    return root_span(f"serve {request.op}", request.traceparent, request_id=request.request_id)


def _not_understood() -> ServiceError:
    detail = "the worker cannot read the request"
    return ServiceError(ErrorCode.NO_WORKER, detail=detail, retry_after=RETRY_AFTER_SECONDS)
