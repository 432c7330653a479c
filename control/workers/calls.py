"""RPC from the control plane to one worker; a worker that does not answer is placed on last for a while."""

from collections.abc import Sequence
from time import monotonic
from typing import Any, TypeVar

from shared.names import RequestId, WorkerId
from shared.rpc.client import RpcClient, SilentWorkerError

RPC_SECONDS = 1.2
# A worker that did not answer is tried last as long as its heartbeat may outlive it.
SUSPECT_SECONDS = 5.0

R = TypeVar("R")


class Calls:
    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._suspect_until: dict[WorkerId, float] = {}

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
            self._suspect_until[worker] = monotonic() + SUSPECT_SECONDS
            raise
        self._suspect_until.pop(worker, None)
        return result

    def suspects(self) -> frozenset[WorkerId]:
        """The workers that did not answer of late."""
        now = monotonic()
        self._suspect_until = {worker: until for worker, until in self._suspect_until.items() if until > now}
        return frozenset(self._suspect_until)
