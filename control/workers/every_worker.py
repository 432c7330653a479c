"""Asks all living workers the same question at once, and returns the replies that come in time."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.names import RequestId, WorkerId
from shared.rpc.client import LeftWorkerError, RpcClient, alive
from shared.telemetry.logging import get_logger

R = TypeVar("R")

DIRECTORY_SECONDS = 0.5
RPC_SECONDS = 1.0

log = get_logger()


class EveryWorker:
    def __init__(self, directory: Directory, cluster: Cluster, rpc: RpcClient, watch: RedisWatch) -> None:
        self._watch = watch
        self._directory = directory
        self._cluster = cluster
        self._rpc = rpc

    async def ask(self, message: Any, reply: type[R], request_id: RequestId) -> list[R]:
        """The replies; raises `NO_WORKER` when Redis is away. A worker that answers NOT_FOUND is left out.

        A worker that fails, or whose version does not know the question, is left out with a log line.
        """
        async with self._watch.bounded(DIRECTORY_SECONDS):
            workers = await self._directory.workers()
        ids = [WorkerId(worker.id) for worker in workers]
        answers = await self._ask_each(ids, message, reply, request_id)
        return [answer for answer in answers if not isinstance(answer, ServiceError)]

    async def search(
        self, message: Any, reply: type[R], request_id: RequestId
    ) -> tuple[list[R], list[WorkerId]]:
        """The replies, and the workers that may have what is sought all the same: they did not say NOT_FOUND.

        A worker that was heard within the last minute counts. Who does not live is not waited for. Raises
        `NO_WORKER` when Redis is away.
        """
        async with self._watch.bounded(DIRECTORY_SECONDS):
            workers = sorted(await self._directory.heard_workers())
        answers = await asyncio.gather(
            *(self._ask(worker, message, reply, request_id, alive(worker)) for worker in workers)
        )
        silent = [
            worker
            for worker, answer in zip(workers, answers, strict=True)
            if isinstance(answer, ServiceError) and answer.code is not ErrorCode.NOT_FOUND
        ]
        return [answer for answer in answers if not isinstance(answer, ServiceError)], silent

    async def check_complete(self) -> None:
        """Raises `NO_WORKER` where Redis is so new that workers may be missing in it."""
        async with self._watch.bounded(DIRECTORY_SECONDS):
            await self._directory.check_complete()

    async def order(
        self, message: Any, reply: type[R], request_id: RequestId
    ) -> tuple[list[R], list[WorkerId]]:
        """The replies, and the workers that were not reached; raises `NO_WORKER` when Redis is away.

        A worker that was heard within the last minute counts: cut off from Redis, it may stream all the same.
        """
        workers = await self._cluster.heard_workers(DIRECTORY_SECONDS)
        replies: list[R] = []
        unreached: list[WorkerId] = []
        answers = await self._ask_each(workers, message, reply, request_id)
        for worker, answer in zip(workers, answers, strict=True):
            if not isinstance(answer, ServiceError):
                replies.append(answer)
            elif not isinstance(answer, LeftWorkerError):  # who has left has no sessions any more
                unreached.append(worker)
        return replies, unreached

    async def _ask_each(
        self, workers: Sequence[WorkerId], message: Any, reply: type[R], request_id: RequestId
    ) -> list[R | ServiceError]:
        return await asyncio.gather(*(self._ask(worker, message, reply, request_id) for worker in workers))

    async def _ask(
        self,
        worker: WorkerId,
        message: Any,
        reply: type[R],
        request_id: RequestId,
        given: Sequence[str] = (),
    ) -> R | ServiceError:
        try:
            return await self._rpc.call(
                worker, message, reply, timeout=RPC_SECONDS, request_id=request_id, given=given
            )
        except ServiceError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                log.warning(
                    "worker left out", worker=worker, question=type(message).__name__, reason=error.code
                )
            return error
