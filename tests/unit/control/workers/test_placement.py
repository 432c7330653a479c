"""Which worker gets a publisher or a viewer."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import pytest

from control.workers.placement import Placement, viewers_there
from shared.errors import ErrorCode, ServiceError
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId

ROOM = RoomName("demo")


def worker(
    name: str, load: float = 0.0, sessions: int = 0, state: str = "ready", **more: bool
) -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState(state), http_url="", load=load, sessions=sessions, **more)


def first(workers: list[WorkerStatus], draw: float = 0.0) -> WorkerId:
    return Placement().publisher_workers(workers, 0.0, draw)[0]


@pytest.mark.parametrize(
    ("workers", "chosen"),
    [
        ([worker("a", 0.9), worker("b", 0.2)], "b"),
        ([worker("a", 0.2, sessions=500), worker("b", 0.9)], "a"),
        ([worker("a", 0.21, sessions=5), worker("b", 0.28, sessions=3)], "b"),
        ([worker("a", 0.0, state="draining"), worker("b", 0.9)], "b"),
        ([worker("a", 0.0, takes_publishers=False), worker("b", 0.9)], "b"),
    ],
)
def test_the_least_loaded_ready_worker(workers: list[WorkerStatus], chosen: str) -> None:
    assert first(workers, draw=0.0) == first(workers[::-1], draw=0.99) == chosen


def test_packets_count_where_the_processor_has_not_felt_them_yet() -> None:
    sending = WorkerStatus(id="a", state=WorkerState.READY, http_url="", load=0.1, egress_packets=200_000)
    assert first([sending, worker("b", 0.3)]) == "b"


def test_equals_are_drawn_by_lot() -> None:
    workers = [worker("a"), worker("b"), worker("c")]
    assert [first(workers, draw) for draw in (0.0, 0.34, 0.999)] == ["a", "b", "c"]


def test_a_burst_between_two_heartbeats_is_spread() -> None:
    placement, workers = Placement(), [worker("a"), worker("b"), worker("c", 0.05)]
    chosen: Counter[str] = Counter()
    for _ in range(30):
        best = placement.publisher_workers(workers, 0.0, 0.0)[0]
        placement.placed(best, 0.0)
        chosen[best] += 1
    assert max(chosen.values()) - min(chosen.values()) <= 2


def test_what_was_placed_is_forgotten_once_the_worker_has_measured_it() -> None:
    placement, workers = Placement(), [worker("a"), worker("b", 0.0, sessions=1)]
    for _ in range(9):
        placement.placed(WorkerId("a"), 0.0)
    assert placement.publisher_workers(workers, 1.0, 0.0)[0] == "b"
    assert placement.publisher_workers(workers, 10.0, 0.0)[0] == "a"


def test_a_worker_that_did_not_answer_is_tried_last_for_a_while() -> None:
    placement, workers = Placement(), [worker("a"), worker("b", 0.7)]
    placement.unanswered(WorkerId("a"), 0.0)
    assert placement.publisher_workers(workers, 1.0, 0.0) == ["b", "a"]
    assert placement.publisher_workers(workers, 10.0, 0.0) == ["a", "b"]
    placement.unanswered(WorkerId("a"), 10.0)
    placement.answered(WorkerId("a"))
    assert placement.publisher_workers(workers, 10.0, 0.0) == ["a", "b"]


@pytest.mark.parametrize(
    ("workers", "code"),
    [
        ([], ErrorCode.NO_WORKER),
        ([worker("a", state="draining")], ErrorCode.NO_WORKER),
        ([worker("a", takes_publishers=False)], ErrorCode.WORKER_FULL),
    ],
)
def test_none_for_a_publisher(workers: list[WorkerStatus], code: ErrorCode) -> None:
    with pytest.raises(ServiceError) as caught:
        first(workers, draw=0.5)
    assert caught.value.code is code


# --- viewers


def viewer_worker(*workers: WorkerStatus, refused: Collection[str] = (), draw: float = 0.0) -> WorkerId:
    """For a room of worker "a"."""
    return Placement().viewer_worker(ROOM, WorkerId("a"), workers, {WorkerId(w) for w in refused}, draw)


def having(room: WorkerStatus, subscribers: int = 0) -> WorkerStatus:
    copy = RoomStatus(name=ROOM, has_publisher=False, tracks=2, subscribers=subscribers, origin="a")
    return replace(room, rooms=(copy,))


def test_a_viewer_goes_to_the_room_s_worker() -> None:
    assert viewer_worker(worker("a", 0.7, sessions=99), worker("b")) == "a"


def test_the_room_s_worker_may_have_been_announced_a_moment_ago() -> None:
    assert viewer_worker() == "a"


FULL = [
    (worker("a", takes_viewers=False), ()),
    (worker("a", state="draining"), ()),
    (worker("a"), "a"),
]


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_a_full_worker_gets_no_viewer(owner: WorkerStatus, refused: Collection[str]) -> None:
    full = worker("b", takes_viewers=False), worker("c", state="draining"), worker("d")
    with pytest.raises(ServiceError) as caught:
        viewer_worker(owner, *full, refused=[*refused, "d"])
    assert caught.value.code is ErrorCode.WORKER_FULL


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_then_it_goes_to_the_least_burdened_edge(owner: WorkerStatus, refused: Collection[str]) -> None:
    assert viewer_worker(owner, worker("b", 0.5), worker("c", 0.2), refused=refused) == "c"


def test_an_edge_that_has_the_room_comes_first() -> None:
    edges = worker("b"), having(worker("c", 0.5)), having(worker("d", 0.3))
    assert viewer_worker(worker("a"), *edges, refused="a") == "d"
    assert viewer_worker(worker("a"), *edges, refused="acd") == "b"


def test_how_many_viewers_of_a_room_are_where() -> None:
    assert viewers_there(ROOM, having(worker("c"), 3)) == 3
    assert viewers_there(ROOM, worker("b")) is None
