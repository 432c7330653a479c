"""Which of a room's workers gets a viewer."""

from collections.abc import Collection
from typing import Any

import pytest

from control.workers.placement import nobody, viewer_worker
from shared.errors import ErrorCode
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId


def worker(
    name: str, load: float = 0.0, sessions: int = 0, state: str = "ready", **more: Any
) -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState(state), http_url="", load=load, sessions=sessions, **more)


# --- viewers of a room of worker "a"


def placed(
    *holders: WorkerStatus, refused: Collection[str] = (), suspects: Collection[str] = (), draw: float = 0.0
) -> WorkerId | None:
    statuses = {WorkerId(holder.id): holder for holder in holders}
    return viewer_worker(WorkerId("a"), statuses, {WorkerId(w) for w in refused}, suspects, draw)


def test_a_viewer_goes_to_the_room_s_worker() -> None:
    assert placed(worker("a", 0.7, sessions=99), worker("b")) == "a"


def test_the_room_s_worker_may_have_been_announced_a_moment_ago() -> None:
    assert placed() == "a"


FULL = [(worker("a", takes_viewers=False), ()), (worker("a", state="draining"), ()), (worker("a"), "a")]


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_a_full_worker_gets_no_viewer(owner: WorkerStatus, refused: Collection[str]) -> None:
    full = worker("b", takes_viewers=False), worker("c", state="draining"), worker("d")
    assert placed(owner, *full, refused=[*refused, "d"]) is None


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_then_it_goes_to_the_least_burdened_copy(owner: WorkerStatus, refused: Collection[str]) -> None:
    assert placed(owner, worker("b", 0.5), worker("c", 0.2), refused=refused) == "c"


def test_equal_copies_are_drawn_by_lot() -> None:
    copies = worker("b"), worker("c"), worker("d")
    assert [placed(*copies, refused="a", draw=draw) for draw in (0.0, 0.34, 0.999)] == ["b", "c", "d"]


def test_a_copy_whose_worker_did_not_answer_is_the_last_choice() -> None:
    silent = worker("b", 0.1)
    assert placed(silent, worker("c", 0.7), refused="a", suspects="b") == "c"
    assert placed(silent, refused="a", suspects="b") == "b"


def test_a_dead_copy_gets_nobody() -> None:
    statuses = {WorkerId("a"): worker("a", takes_viewers=False), WorkerId("b"): None}
    assert viewer_worker(WorkerId("a"), statuses, (), (), 0.0) is None


@pytest.mark.parametrize(
    ("workers", "code"),
    [
        ([], ErrorCode.NO_WORKER),
        ([worker("a", state="draining")], ErrorCode.NO_WORKER),
        ([worker("a", takes_publishers=False)], ErrorCode.WORKER_FULL),
    ],
)
def test_why_nobody_takes_a_client(workers: list[WorkerStatus], code: ErrorCode) -> None:
    assert nobody(workers).code is code
