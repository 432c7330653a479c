"""What one control process remembers of workers that do not answer."""

from typing import Any, cast

import pytest

from control.workers import calls
from control.workers.calls import SUSPECT_SECONDS, Calls
from shared.messages.signalling import Closed, CloseRoom
from shared.names import WorkerId, new_request_id
from shared.rpc.client import SilentWorkerError

WORKER = WorkerId("w1")


class Rpc:
    answers = False

    async def call(self, *_: object, **__: object) -> Closed:
        if not self.answers:
            raise SilentWorkerError
        return Closed(sessions=1)


async def test_a_worker_that_did_not_answer_is_a_suspect_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rpc = 0.0, Rpc()
    monkeypatch.setattr(calls, "monotonic", lambda: now)
    tried = Calls(cast(Any, rpc))

    async def call() -> None:
        await tried.call(WORKER, CloseRoom(room="demo"), Closed, new_request_id())

    with pytest.raises(SilentWorkerError):
        await call()
    assert tried.suspects() == {WORKER}
    now = SUSPECT_SECONDS
    assert not tried.suspects()
    with pytest.raises(SilentWorkerError):
        await call()
    rpc.answers = True
    await call()
    assert not tried.suspects()
