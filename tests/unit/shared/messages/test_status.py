"""The order in which workers get the next client."""

from typing import Any

import pytest

from shared.messages.status import WorkerState, WorkerStatus, burden


def of(load: float = 0.0, **more: Any) -> int:
    return burden(WorkerStatus(id="w", state=WorkerState.READY, http_url="", load=load, **more))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (of(0.2), of(0.9)),
        (of(0.2, sessions=5_000), of(0.9)),
        (of(0.28, sessions=3), of(0.21, sessions=5)),  # loads that are nearly equal: the sessions decide
        (of(0.3), of(0.1, egress_packets=200_000)),  # packets that the processor has not felt yet
        (of(0.3), of(0.1, egress_share=0.7)),  # bits that leave the processor at rest
        (of(), of(new_rooms=5)),  # rooms whose load is not measured yet
    ],
)
def test_the_less_the_sooner(less: int, more: int) -> None:
    assert less < more


def test_a_session_is_one() -> None:
    assert of(0.3, sessions=8) - of(0.3, sessions=7) == 1
