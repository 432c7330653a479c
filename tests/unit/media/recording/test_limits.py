"""When a recording goes on in a new part."""

import pytest
from structlog.testing import capture_logs

from media.recording.limits import ChangeAllowance, Limits
from shared.names import RoomName

BURST, SECONDS = ChangeAllowance.BURST, ChangeAllowance.SECONDS


@pytest.mark.parametrize(
    ("limits", "seconds", "size", "reached"),
    [
        (Limits(), 1e9, 1 << 60, False),
        (Limits(seconds=60), 59.9, 1 << 60, False),
        (Limits(seconds=60), 60.0, 0, True),
        (Limits(size=1000), 1e9, 999, False),
        (Limits(size=1000), 0.0, 1000, True),
        (Limits(seconds=60, size=1000), 60.0, 0, True),
        (Limits(seconds=60, size=1000), 0.0, 1000, True),
        (Limits(seconds=60, size=1000), 59.9, 999, False),
    ],
)
def test_a_part_ends_at_the_first_limit(limits: Limits, seconds: float, size: int, reached: bool) -> None:
    assert limits.reached(seconds, size) is reached


def test_a_stream_may_change_often_and_then_now_and_then() -> None:
    changes = ChangeAllowance(RoomName("demo"))
    assert [changes.take(0.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert not changes.has_one(SECONDS - 0.1)
    assert changes.take(SECONDS + 0.1)
    assert not changes.take(SECONDS + 0.1)
    assert changes.refused == 3


def test_a_calm_hour_saves_up_no_more_than_the_beginning_had() -> None:
    changes = ChangeAllowance(RoomName("demo"))
    assert [changes.take(3600.0) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_a_clock_that_steps_back_gives_nothing_twice() -> None:
    changes = ChangeAllowance(RoomName("demo"))
    for _ in range(BURST):
        changes.take(100.0)
    assert not changes.has_one(100.0 - SECONDS)
    assert not changes.has_one(100.0)


def test_to_ask_takes_none_and_only_the_first_refusal_is_told() -> None:
    changes = ChangeAllowance(RoomName("demo"))
    with capture_logs() as logs:
        for _ in range(2 * BURST):
            assert changes.has_one(0.0)
        for _ in range(BURST):
            changes.take(0.0)
        assert not logs
        for _ in range(2):
            assert not changes.take(0.0)
    assert [line["room"] for line in logs] == ["demo"]
