"""Which of a room's workers gets a viewer, and what one control process remembers."""

from collections.abc import Collection
from typing import Any

import pytest

from control.workers.placement import Placement, nobody
from shared.errors import ErrorCode
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId


def worker(
    name: str, load: float = 0.0, sessions: int = 0, state: str = "ready", **more: Any
) -> WorkerStatus:
    return WorkerStatus(id=name, state=WorkerState(state), http_url="", load=load, sessions=sessions, **more)


# --- viewers of a room of worker "a"


def viewer_worker(
    *holders: WorkerStatus, refused: Collection[str] = (), draw: float = 0.0
) -> WorkerId | None:
    statuses = {WorkerId(holder.id): holder for holder in holders}
    return Placement().viewer_worker(WorkerId("a"), statuses, {WorkerId(w) for w in refused}, draw)


def test_a_viewer_goes_to_the_room_s_worker() -> None:
    assert viewer_worker(worker("a", 0.7, sessions=99), worker("b")) == "a"


def test_the_room_s_worker_may_have_been_announced_a_moment_ago() -> None:
    assert viewer_worker() == "a"


FULL = [(worker("a", takes_viewers=False), ()), (worker("a", state="draining"), ()), (worker("a"), "a")]


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_a_full_worker_gets_no_viewer(owner: WorkerStatus, refused: Collection[str]) -> None:
    full = worker("b", takes_viewers=False), worker("c", state="draining"), worker("d")
    assert viewer_worker(owner, *full, refused=[*refused, "d"]) is None


@pytest.mark.parametrize(("owner", "refused"), FULL)
def test_then_it_goes_to_the_least_burdened_copy(owner: WorkerStatus, refused: Collection[str]) -> None:
    assert viewer_worker(owner, worker("b", 0.5), worker("c", 0.2), refused=refused) == "c"


def test_equal_copies_are_drawn_by_lot() -> None:
    copies = worker("b"), worker("c"), worker("d")
    assert [viewer_worker(*copies, refused="a", draw=draw) for draw in (0.0, 0.34, 0.999)] == ["b", "c", "d"]


def test_a_copy_whose_worker_did_not_answer_is_the_last_choice() -> None:
    placement = Placement()
    placement.unanswered(WorkerId("b"), 0.0)
    statuses = {WorkerId(w.id): w for w in (worker("b", 0.1), worker("c", 0.7))}
    assert placement.viewer_worker(WorkerId("a"), statuses, "a", 0.0) == "c"
    del statuses[WorkerId("c")]
    assert placement.viewer_worker(WorkerId("a"), statuses, "a", 0.0) == "b"


def test_a_dead_copy_gets_nobody() -> None:
    statuses = {WorkerId("a"): worker("a", takes_viewers=False), WorkerId("b"): None}
    assert Placement().viewer_worker(WorkerId("a"), statuses, (), 0.0) is None


# --- what it remembers


def test_a_worker_that_did_not_answer_is_a_suspect_for_a_while() -> None:
    placement, silent = Placement(), WorkerId("a")
    placement.unanswered(silent, 0.0)
    assert placement.suspects(1.0) == {silent}
    assert placement.suspects(10.0) == frozenset()
    placement.unanswered(silent, 10.0)
    placement.answered(silent)
    assert placement.suspects(10.0) == frozenset()


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
