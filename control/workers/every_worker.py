"""Asks all living workers the same question at once, and returns the replies that come in time."""

import asyncio
from typing import Any, TypeVar

from control.workers.redis_watch import RedisWatch
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import WorkerStatus
from shared.names import RequestId, WorkerId
from shared.rpc.client import RpcClient
from shared.telemetry.logging import get_logger

R = TypeVar("R")

DIRECTORY_SECONDS = 0.5
RPC_SECONDS = 1.0

log = get_logger()


class EveryWorker:
    def __init__(self, directory: Directory, rpc: RpcClient, watch: RedisWatch) -> None:
        self._watch = watch
        self._directory = directory
        self._rpc = rpc

    async def ask(self, message: Any, reply: type[R], request_id: RequestId) -> list[R]:
        """The replies; raises `NO_WORKER` when Redis is away. A worker that answers NOT_FOUND is left out.

        A worker that fails, or whose version does not know the question, is left out with a log line.
        """
        async with self._watch.bounded(DIRECTORY_SECONDS):
            workers = await self._directory.workers()
        answers = await asyncio.gather(*(self._ask(worker, message, reply, request_id) for worker in workers))
        return [answer for answer in answers if answer is not None]

    async def _ask(
        self, worker: WorkerStatus, message: Any, reply: type[R], request_id: RequestId
    ) -> R | None:
        try:
            return await self._rpc.call(
                WorkerId(worker.id), message, reply, timeout=RPC_SECONDS, request_id=request_id
            )
        except ServiceError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                log.warning(
                    "worker left out", worker=worker.id, question=type(message).__name__, reason=error.code
                )
            return None
