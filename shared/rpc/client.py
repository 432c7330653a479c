"""The calling end of RPC: a control process, or a worker that asks another one for a room."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, TypeVar

from msgspec import Raw
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.bus import keys
from shared.bus.batch import Call, called
from shared.bus.connection import ListReader
from shared.bus.fair_timeout import fair_timeout
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.messages.encoding import DecodeError, encode, read
from shared.messages.signalling import Play, Publish
from shared.names import RequestId, RoomName, WorkerId
from shared.rpc.request import (
    CLOSED,
    REPLY_SHARE,
    RETRY_AFTER_SECONDS,
    RETRY_SECONDS,
    UNANSWERED,
    Observe,
    Reply,
    Request,
    unobserved,
)
from shared.telemetry.logging import get_logger
from shared.telemetry.tracing import span, traceparent

R = TypeVar("R")

# Requests that may wait for one worker. Offers are refused earlier: those at the end would be answered too
# late, and requests that end sessions must get through.
MAX_QUEUED = 512
MAX_OFFERS_QUEUED = 128
_ID_BYTES = 8  # of random

log = get_logger()


class SilentWorkerError(ServiceError):
    """`NO_WORKER`, because this worker did not answer in time. Another one may."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.NO_WORKER,
            detail="worker did not answer in time",
            retry_after=RETRY_AFTER_SECONDS,
            cause="worker_silent",
        )


class LeftWorkerError(ServiceError):
    """`WORKER_FULL`, because this worker has left: its sessions have ended. Another one may take an offer."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.WORKER_FULL, detail="the worker has left", retry_after=RETRY_AFTER_SECONDS)


class NotAsGivenError(ServiceError):
    """`NO_WORKER`, because the worker does not live, or does not hold the room as it did."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.NO_WORKER, detail="the worker is not as it was", retry_after=RETRY_AFTER_SECONDS
        )


def alive(worker: WorkerId) -> list[str]:
    """For a call: the worker lives."""
    return [keys.worker_status(worker)]


def alone_with(room: RoomName) -> list[str]:
    """For a call: the worker owns `room`, and no other worker has a copy."""
    return [keys.room_claim(room), keys.room_copies(room)]


class RpcClient:
    """Calls workers. `run` must be running for the replies to arrive.

    Without `clock` it has one of its own.
    """

    def __init__(
        self, redis: Redis, url: str, observe: Observe = unobserved, clock: RedisClock | None = None
    ) -> None:
        self._redis = redis
        self._observe = observe
        self._reply_to = keys.rpc_replies(secrets.token_hex(_ID_BYTES))
        self._reader = ListReader(url, self._reply_to)
        self._pending: dict[str, asyncio.Future[Reply]] = {}
        self._clock = clock or RedisClock(redis)

    async def call(
        self,
        worker: WorkerId,
        message: Any,
        reply: type[R],
        *,
        timeout: float,
        request_id: RequestId,
        given: Sequence[str] = (),
    ) -> R:
        """Send `message` to `worker` and wait for its `reply`, at most `timeout` seconds.

        Redis takes it only if what is `given` is so (`alive`, `alone_with`): otherwise `NotAsGivenError`.
        Raises `ServiceError`: the worker's own, `WORKER_FULL` when too many requests wait for it,
        `LeftWorkerError` at once when it has left, `SilentWorkerError` when it does not answer in time, or
        `NO_WORKER` when Redis does not.
        """
        began, outcome = monotonic(), UNANSWERED
        try:
            with span(f"call {type(message).__name__}", worker=worker):
                answer = (await self._exchange(worker, message, timeout, request_id, given)).read(reply)
            outcome = "ok"
            return answer
        except ServiceError as error:
            outcome = error.code.value
            raise
        finally:
            self._observe(type(message).__name__, outcome, monotonic() - began)

    async def _exchange(
        self, worker: WorkerId, message: Any, timeout: float, request_id: RequestId, given: Sequence[str]
    ) -> Reply:
        """Push the request, and wait for its reply."""
        ends = monotonic() + timeout
        request = Request(
            id=secrets.token_hex(_ID_BYTES),
            op=type(message).__name__,
            reply_to=self._reply_to,
            deadline=0.0,  # set when it is pushed
            request_id=request_id,
            body=Raw(encode(message)),
            traceparent=traceparent() or "",
        )
        try:
            async with fair_timeout(timeout):
                await self._clock.freshen()
                push = _Push(worker, request, ends - timeout * REPLY_SHARE, _most_waiting(message), given)
                return await self._answer(push)
        except TimeoutError:
            raise SilentWorkerError from None
        except RedisError:
            raise redis_away() from None
        finally:
            self._pending.pop(request.id, None)

    async def _answer(self, push: "_Push") -> Reply:
        """Redis refuses a deadline that contradicts its clock: it is read anew, for another try."""
        named = [keys.rpc_requests(push.worker), *push.given]
        for _ in range(2):
            answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            self._pending[push.request.id] = answer
            args = push.args(self._clock.earliest())
            outcome = int(await called(self._redis, Call("push_request", named, args)))
            if outcome in _REFUSALS:
                raise _REFUSALS[outcome]()
            if outcome == _CONTRADICTED:
                await self._clock.read()
            else:
                return await answer
        raise SilentWorkerError

    async def run(self) -> None:
        """Hand replies to their callers until cancelled; survives outages of Redis."""
        try:
            while True:
                try:
                    data = await self._reader.pop()
                except (RedisError, OSError):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if data:
                    self._settle(data)
        finally:
            await self._reader.close()

    def _settle(self, data: bytes) -> None:
        try:
            reply = read(Reply, data)
        except DecodeError:
            log.warning("rpc reply not understood")
            return
        call = self._pending.pop(reply.id, None)
        if call is not None and not call.done():  # otherwise its caller has given up
            call.set_result(reply)


@dataclass(frozen=True, slots=True)
class _Push:
    """A request to a worker; `ends` is its deadline on the steady clock."""

    worker: WorkerId
    request: Request
    ends: float
    most: int  # may wait
    given: Sequence[str]

    def args(self, redis_now: float) -> list[Any]:
        """The arguments of push_request.lua."""
        left = self.ends - monotonic()
        deadline = redis_now + left
        body = encode(replace(self.request, deadline=deadline))
        return [body, self.most, keys.LIST_TTL_SECONDS, deadline, left, CLOSED, self.worker]


# What push_request.lua returns.
_CONTRADICTED = -1
_REFUSALS: dict[int, Callable[[], ServiceError]] = {
    -3: NotAsGivenError,
    -2: LeftWorkerError,
    0: lambda: ServiceError(ErrorCode.WORKER_FULL, detail="worker overloaded"),
}


def _most_waiting(message: Any) -> int:
    return MAX_OFFERS_QUEUED if isinstance(message, Publish | Play) else MAX_QUEUED
