"""The calling end of RPC: a control process, or a worker that asks another one for a room."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from shared.bus import keys
from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.batch import Call, called, evalsha
from shared.bus.fair_timeout import fair_timeout
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError, redis_away
from shared.messages.encoding import DecodeError, pack, to_map, unpack
from shared.messages.signalling import Play, Publish
from shared.names import RequestId, RoomName, WorkerId
from shared.rpc.list_reader import ListReader
from shared.rpc.request import (
    CLOSED,
    REPLY_SHARE,
    RETRY_SECONDS,
    UNANSWERED,
    Observe,
    reply_from_map,
    unobserved,
)
from shared.telemetry.logging import get_logger
from shared.telemetry.tracing import span, traceparent

R = TypeVar("R")

# Requests that may wait for one worker. Offers are refused earlier: those at the end would be answered too
# late, and requests that end sessions must get through.
MAX_QUEUED = 512
MAX_OFFERS_QUEUED = 128

# After so long a rest the reader ends its connection: Redis closes one that is idle, and a router on the way
# forgets it without a word.
REST_SECONDS = 15.0

log = get_logger()


class SilentWorkerError(ServiceError):
    """`NO_WORKER`, because this worker did not answer in time. Another one may."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.NO_WORKER, detail="worker did not answer in time", retry_after=1)


class LeftWorkerError(ServiceError):
    """`WORKER_FULL`, because this worker has left: its sessions have ended. Another one may take an offer."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.WORKER_FULL, detail="the worker has left", retry_after=1)


class NotAsGivenError(ServiceError):
    """`NO_WORKER`, because the worker does not live, or does not hold the room as it did."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.NO_WORKER, detail="the worker is not as it was", retry_after=1)


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
        self._reply_to = keys.rpc_replies(secrets.token_hex(8))
        self._reader = ListReader(url, self._reply_to)
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._is_called = asyncio.Event()  # wakes the reader while nobody waits for a reply
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
                result = await self._exchange(worker, message, timeout, request_id, given)
                answer = reply_from_map(reply, result)
            outcome = "ok"
            return answer
        except ServiceError as error:
            outcome = error.code.value
            raise
        finally:
            self._observe(type(message).__name__, outcome, monotonic() - began)

    async def _exchange(
        self, worker: WorkerId, message: Any, timeout: float, request_id: RequestId, given: Sequence[str]
    ) -> dict[str, Any]:
        """Push the request, and wait for the plain map of its reply."""
        ends = monotonic() + timeout
        call_id = secrets.token_hex(8)
        request = {
            "id": call_id,
            "op": type(message).__name__,
            "reply_to": self._reply_to,
            "request_id": request_id,
            "body": to_map(message),
        }
        if trace := traceparent():
            request["traceparent"] = trace
        try:
            async with fair_timeout(timeout):
                await self._clock.freshen()
                push = _Push(worker, request, ends - timeout * REPLY_SHARE, _most_waiting(message), given)
                return await self._answer(call_id, push)
        except TimeoutError:
            raise SilentWorkerError from None
        except RedisError:
            raise redis_away() from None
        finally:
            self._pending.pop(call_id, None)

    async def _answer(self, call_id: str, push: "_Push") -> dict[str, Any]:
        """Redis refuses a deadline that contradicts its clock: it is read anew, for another try."""
        for _ in range(2):
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._pending[call_id] = answer
            named = [keys.rpc_requests(push.worker), self._reply_to, *push.given]
            args = push.args(self._clock.earliest())
            if not self._goes_along(named, args, answer):
                await self._push(named, args, answer)
            try:
                return await answer
            except _ContradictedError:
                await self._clock.read()
            except (RedisConnectionError, NoScriptError):  # the reader's connection died while it rested
                self._pending[call_id] = answer = asyncio.get_running_loop().create_future()
                await self._push(named, args, answer)
                with suppress(_ContradictedError):
                    return await answer
                await self._clock.read()
        raise SilentWorkerError

    def _goes_along(self, named: list[str], args: list[Any], answer: asyncio.Future[dict[str, Any]]) -> bool:
        """Push with the look for the reply, if the reader rests. Until then only a failure wakes anybody."""
        push = evalsha(Call("push_request", named, [*args, "1"]))
        is_taken = self._reader.carry([push], lambda results: _pushed(results, answer))
        self._is_called.set()
        return is_taken

    async def _push(self, named: list[str], args: list[Any], answer: asyncio.Future[dict[str, Any]]) -> None:
        """Push by another connection than the reader's."""
        _pushed([await called(self._redis, Call("push_request", named, [*args, ""]))], answer)

    async def run(self) -> None:
        """Hand replies to their callers until cancelled; survives outages of Redis."""
        try:
            while True:
                if not self._pending:
                    await self._rest()
                try:
                    data = await self._reader.pop()
                except (RedisError, OSError):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if data:
                    self._settle(data)
        finally:
            await self._reader.close()

    async def _rest(self) -> None:
        """Wait for the next call."""
        self._is_called.clear()
        self._reader.rests = True
        try:
            async with fair_timeout(REST_SECONDS):
                await self._is_called.wait()
        except TimeoutError:  # a call goes by the pool while this connects again
            with suppress(RedisError, OSError):
                async with answered_within(CALL_TIMEOUT_SECONDS):
                    await self._reader.close()
            await self._is_called.wait()

    def _settle(self, data: bytes) -> None:
        try:
            result = unpack(data)
            call = self._pending.pop(result["id"], None)
        except (DecodeError, KeyError, TypeError):
            log.warning("rpc reply not understood")
            return
        if call is not None and not call.done():  # otherwise its caller has given up
            call.set_result(result)


class _ContradictedError(Exception):
    """The deadline contradicts Redis' clock."""


@dataclass(frozen=True, slots=True)
class _Push:
    """A request to a worker; `ends` is its deadline on the steady clock."""

    worker: WorkerId
    request: dict[str, Any]
    ends: float
    most: int  # may wait
    given: Sequence[str]

    def args(self, redis_now: float) -> list[Any]:
        """The arguments of push_request.lua, but for the one that says whether the reader waits."""
        left = self.ends - monotonic()
        deadline = redis_now + left
        body = pack(self.request | {"deadline": deadline})
        return [body, self.most, keys.LIST_TTL_SECONDS, deadline, left, CLOSED, self.worker]


_REFUSALS: dict[int, Callable[[], Exception]] = {
    -3: NotAsGivenError,
    -2: LeftWorkerError,
    -1: _ContradictedError,
    0: lambda: ServiceError(ErrorCode.WORKER_FULL, detail="worker overloaded"),
}


def _pushed(results: list[Any] | Exception, answer: asyncio.Future[dict[str, Any]]) -> None:
    """Fail `answer` unless Redis has taken the push: `results` has what push_request.lua returned."""
    found = results if isinstance(results, Exception) else results[0]
    if answer.done():  # the reply was faster, or the caller has given up
        return
    if isinstance(found, Exception):
        answer.set_exception(found)
    elif int(found) != 1:
        answer.set_exception(_REFUSALS[int(found)]())


def _most_waiting(message: Any) -> int:
    return MAX_OFFERS_QUEUED if isinstance(message, Publish | Play) else MAX_QUEUED
