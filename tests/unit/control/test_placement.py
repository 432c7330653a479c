"""Which worker gets a publisher."""

import pytest

from control.placement import least_loaded
from shared.errors import ErrorCode, ServiceError
from shared.messages import WorkerState, WorkerStatus


def worker(name: str, load: float = 0.0, sessions: int = 0, state: str = "ready") -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState(state), http_url="", load=load, sessions=sessions)


@pytest.mark.parametrize(
    ("workers", "chosen"),
    [
        ([worker("a", 0.9), worker("b", 0.2)], "b"),
        ([worker("a", 0.2, sessions=500), worker("b", 0.9)], "a"),
        ([worker("a", 0.21, sessions=5), worker("b", 0.28, sessions=3)], "b"),
        ([worker("a", 0.0, state="draining"), worker("b", 0.9)], "b"),
    ],
)
def test_the_least_loaded_ready_worker(workers: list[WorkerStatus], chosen: str) -> None:
    assert least_loaded(workers, draw=0.0) == least_loaded(workers[::-1], draw=0.99) == chosen


def test_equals_are_drawn_by_lot() -> None:
    workers = [worker("a"), worker("b"), worker("c")]
    assert [least_loaded(workers, draw) for draw in (0.0, 0.34, 0.999)] == ["a", "b", "c"]


@pytest.mark.parametrize("workers", [[], [worker("a", state="draining")]])
def test_none_ready(workers: list[WorkerStatus]) -> None:
    with pytest.raises(ServiceError) as caught:
        least_loaded(workers, draw=0.5)
    assert caught.value.code is ErrorCode.NO_WORKER
