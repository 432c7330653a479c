"""RPC from the control plane to one worker; a worker that does not answer is placed on last for a while."""

from collections.abc import Sequence
from time import monotonic
from typing import Any, TypeVar

from control.workers.placement import Placement
from shared.names import RequestId, WorkerId
from shared.rpc.client import RpcClient, SilentWorkerError

RPC_SECONDS = 1.2

R = TypeVar("R")


class Calls:
    def __init__(self, rpc: RpcClient, placement: Placement) -> None:
        self._rpc = rpc
        self._placement = placement

    async def call(
        self,
        worker: WorkerId,
        message: Any,
        reply: type[R],
        request_id: RequestId,
        timeout: float = RPC_SECONDS,
        given: Sequence[str] = (),
    ) -> R:
        """The worker's reply; raises what `RpcClient.call` raises."""
        try:
            result = await self._rpc.call(
                worker, message, reply, timeout=timeout, request_id=request_id, given=given
            )
        except SilentWorkerError:
            self._placement.unanswered(worker, monotonic())
            raise
        self._placement.answered(worker)
        return result
