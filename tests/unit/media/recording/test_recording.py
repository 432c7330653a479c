"""A room's recording turn by turn: a thread and a disk that do what a test wants, by a clock of this test."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import backlog as backlog_module
from media.recording import recording as recording_module
from media.recording.backlog import PACKET_BYTES, Backlog
from media.recording.recording import (
    DROP_LOG_SECONDS,
    LAST_RETRY_SECONDS,
    MAX_REPORTS,
    RETRY_SECONDS,
    STEADY_SECONDS,
    TURN_SECONDS,
    Recording,
)
from shared.messages.room_settings import RecordingNote
from shared.names import RoomName
from tests.support.runs import sized

FULL = OSError(28, "No space left on device")
STOPPED = "recording stopped: No space left on device"


class Disk:
    """Makes writers. `error`: what each call of one raises; `makes_files`: whether they get so far."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.makes_files = True
        self.during_take: Callable[[], None] | None = None
        self.reports: list[tuple[int, Any]] = []
        self.starved: Any = None

    def writer(self, _changes: object) -> Any:
        self.calls.append("writer")
        return Writer(self)


class Writer:
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.has_files = False

    def _call(self, what: str) -> None:
        self._disk.calls.append(what)
        if self._disk.error is not None:
            raise self._disk.error

    def take(self, burst: Any, now: float) -> None:
        self._call(f"take {len(burst)} at {now:g}")
        if self._disk.during_take is not None:
            self._disk.during_take()
        self.has_files = self._disk.makes_files

    def tick(self, now: float) -> None:
        self._call("tick")

    def report(self, track: int, report: Any) -> None:
        self._disk.reports.append((track, report))

    def starved(self, tracks: Any) -> None:
        self._disk.starved = tracks

    def wanted_keyframes(self, now: float) -> set[int]:
        return {1}

    def noted(self) -> None:
        self._call("noted")

    def try_disk(self) -> None:
        self._call("try")

    def close(self, now: float) -> None:
        self._call("close")

    def abandon(self) -> None:
        self._disk.calls.append("abandon")


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.disk = Disk()
        self.turns: list[Callable[[], None]] = []  # that wait for a thread
        self.warned: list[tuple[str, bool]] = []
        self.keyframes: list[int] = []
        self.latest: dict[int, Any] = {}
        self.total = Backlog()
        self.starving: set[int] = set()
        self.recording = Recording(
            RoomName("demo"),
            2,
            self.disk.writer,
            SimpleNamespace(submit=self.turns.append),  # type: ignore[arg-type]
            self.total,
            self.latest.get,
            self.keyframes.append,
            lambda text, holds: self.warned.append((text, holds)),
            lambda: self.now,
            starves=lambda track: track in self.starving,
        )

    def packets(self, count: int = 1, size: int = 100) -> None:
        self.recording.take(sized(1, *[size] * count))

    def tick(self) -> None:
        """A tick, and the turn of the thread that follows from it."""
        self.recording.tick(self.now)
        self.run()

    def run(self) -> None:
        while self.turns:
            self.turns.pop(0)()

    def fails(self) -> str | None:
        """What comes is written, without success."""
        self.disk.error = FULL
        self.packets()
        self.tick()
        return self.recording.failure


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """In which each tick may have a turn."""
    monkeypatch.setattr(recording_module, "TURN_SECONDS", 0.0)
    return World()


async def test_without_media_no_thread_is_asked_and_nothing_is_made(world: World) -> None:
    world.tick()
    assert not world.disk.calls
    world.recording.close()
    assert not world.turns
    await world.recording.complete
    assert not world.disk.calls


async def test_the_writer_knows_which_layers_starve(world: World) -> None:
    for starving in ({1}, set()):
        world.starving = starving
        world.packets()
        world.tick()
        assert world.disk.starved == starving


async def test_what_came_is_written_with_the_time_at_which_it_came(world: World) -> None:
    world.packets(2)
    world.now = 100.5
    world.packets(3)
    assert world.recording.waiting == 5
    world.now = 101.0
    world.tick()
    assert world.disk.calls == ["writer", "take 2 at 100", "take 3 at 100.5", "tick"]
    assert world.recording.waiting == 0
    world.packets()
    world.tick()
    assert world.disk.calls.count("writer") == 1


async def test_one_turn_at_a_time_is_asked_for(world: World) -> None:
    """A thread may hang in the disk: the others are for the other rooms."""
    world.packets()
    for _ in range(3):
        world.recording.tick(world.now)
    assert len(world.turns) == 1
    world.run()
    world.recording.tick(world.now)
    assert len(world.turns) == 1


async def test_turns_are_so_far_apart() -> None:
    world = World()
    for _ in range(40):
        world.packets()
        world.tick()
        world.now += TURN_SECONDS / 4
    assert world.disk.calls.count("tick") == 10


async def test_keyframes_that_the_files_need_are_asked_for(world: World) -> None:
    world.packets()
    world.tick()
    assert not world.keyframes
    world.tick()
    assert world.keyframes == [1]


async def test_what_is_said_of_it_meanwhile_is_told_once(world: World) -> None:
    for note in (None, RecordingNote(name="a"), None):
        world.recording.note = note
        for _ in range(2):
            world.packets()
            world.tick()
    assert [call for call in world.disk.calls if not call.startswith("take")] == [
        *("writer", "tick", "tick", "noted", "tick", "tick", "noted", "tick", "tick")
    ]


async def test_each_report_is_passed_on_once_and_before_what_follows_it(world: World) -> None:
    world.packets()
    world.latest |= {0: "first", 1: "other"}
    world.tick()
    world.packets()
    world.latest[0] = "second"
    world.tick()
    world.packets()
    world.tick()
    assert world.disk.reports == [(0, "first"), (1, "other"), (0, "second")]


async def test_reports_that_wait_are_few(world: World) -> None:
    world.packets()
    for number in range(3 * MAX_REPORTS):
        world.latest[0] = f"report {number}"
        world.recording.tick(world.now)
    world.run()
    assert len(world.disk.reports) == MAX_REPORTS
    assert world.disk.reports[-1] == (0, f"report {3 * MAX_REPORTS - 1}")


# --- when the disk does not keep up


async def test_what_is_too_much_is_dropped_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "ROOM_BYTES", 3 * (PACKET_BYTES + 100))
    world.packets(2)
    world.packets(2)
    assert (world.recording.waiting, world.recording.dropped) == (2, 2)
    world.packets(1)
    assert (world.recording.waiting, world.recording.dropped) == (3, 2)
    world.tick()
    world.packets(3)
    assert (world.recording.waiting, world.recording.dropped) == (3, 2)


async def test_drops_are_told_of_once_a_minute_with_their_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "ROOM_BYTES", 0)
    with capture_logs() as logs:
        for seconds, count in ((0.0, 0), (0.0, 2), (1.0, 3), (DROP_LOG_SECONDS - 1.0, 4), (1.0, 5)):
            world.now += seconds
            if count:
                world.packets(count)
            world.recording.tick(world.now)
    assert [line["packets"] for line in logs] == [2, 7]


async def test_what_was_written_makes_place_for_other_rooms(world: World) -> None:
    world.packets(2)
    assert world.total.size == 2 * (PACKET_BYTES + 100)
    world.tick()
    world.tick()
    assert world.total.size == 0


# --- when it fails


async def test_a_failure_is_shown_and_what_comes_meanwhile_is_not_kept(world: World) -> None:
    assert world.fails() == STOPPED
    assert world.disk.calls[-1] == "abandon"
    world.packets()
    assert world.recording.waiting == 0
    world.recording.tick(world.now)
    assert world.warned == [(STOPPED, True)]
    assert world.recording.failures == 1


async def test_after_a_failure_the_disk_is_tried_before_a_file_is_made(world: World) -> None:
    world.fails()
    world.now += RETRY_SECONDS - 0.1
    world.disk.calls.clear()
    world.tick()
    assert not world.disk.calls
    world.now += 0.1
    world.tick()
    assert world.disk.calls == ["writer", "try", "abandon"]
    world.now += RETRY_SECONDS
    world.disk.error = None
    world.disk.calls.clear()
    world.tick()
    assert world.disk.calls == ["writer", "try", "tick"]
    assert world.recording.failure == STOPPED  # it has no file yet
    world.packets()
    world.tick()
    world.tick()
    assert world.recording.failure is None
    assert (world.recording.failures, world.recording.restarts) == (1, 1)
    assert world.warned[-1] == (STOPPED, False)


async def test_while_no_file_is_made_the_disk_is_tried_as_often(world: World) -> None:
    world.fails()
    with capture_logs() as logs:
        for _ in range(10):
            world.now += RETRY_SECONDS
            world.disk.calls.clear()
            world.tick()
            assert "try" in world.disk.calls
    assert not logs  # it was said once
    assert world.recording.failures == 1


async def restart(world: World) -> float:
    """Let it begin again with a file, and fail soon after that; returns for how long it rests."""
    world.disk.error = None
    world.now = world.recording._retry_at
    world.tick()
    world.packets()
    world.tick()
    world.now += 1.0
    world.fails()
    return world.recording._retry_at - world.now


async def test_files_that_fail_soon_again_are_made_less_and_less_often(world: World) -> None:
    world.packets()
    world.tick()
    world.now += 1.0
    world.fails()
    rests = [await restart(world) for _ in range(7)]
    assert rests == [4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    world.disk.error = None
    world.now = world.recording._retry_at
    world.tick()
    world.packets()
    world.tick()
    world.now += STEADY_SECONDS
    world.fails()
    assert world.recording._retry_at - world.now == RETRY_SECONDS


async def test_after_a_bug_of_ours_it_rests_long_at_once(world: World) -> None:
    world.disk.error = ZeroDivisionError()
    world.packets()
    world.tick()
    assert world.recording.failure == "recording stopped: internal error"
    assert world.recording._retry_at - world.now == LAST_RETRY_SECONDS


async def test_another_failure_is_shown_in_the_place_of_the_one_before(world: World) -> None:
    world.fails()
    world.recording.tick(world.now)
    world.now += RETRY_SECONDS
    world.disk.error = OSError(30, "Read-only file system")
    world.tick()
    world.recording.tick(world.now)
    readonly = "recording stopped: Read-only file system"
    assert world.warned == [(STOPPED, True), (STOPPED, True), (STOPPED, False), (readonly, True)]
    assert world.recording.failures == 1


async def test_reports_are_new_to_the_next_files(world: World) -> None:
    world.latest[0] = "report"
    world.packets()
    world.tick()
    world.fails()
    world.disk.error = None
    world.now += 2 * RETRY_SECONDS
    world.tick()
    world.packets()
    world.tick()
    assert world.disk.reports == [(0, "report")] * 2


# --- its end


async def test_its_end_writes_the_rest_and_closes_the_files(world: World) -> None:
    world.packets()
    world.tick()
    world.packets(2)
    world.recording.close()
    world.packets(3)
    world.recording.tick(world.now)
    assert len(world.turns) == 1
    assert not world.recording.complete.done()
    world.run()
    assert world.disk.calls[-3:] == ["take 2 at 100", "tick", "close"]
    await world.recording.complete


async def test_an_end_during_a_turn_is_the_next_turn_s(world: World) -> None:
    world.packets()
    world.recording.tick(world.now)
    world.disk.error = None
    turn = world.turns.pop()
    world.recording.close()
    assert not world.turns  # the thread that is at it goes on
    turn()
    assert world.disk.calls.count("close") == 1
    await world.recording.complete


async def test_a_close_during_a_write_ends_the_files_after_that_write(world: World) -> None:
    """The thread that is in the call of the disk continues; a second one would write beside it."""

    def close_once() -> None:
        world.disk.during_take = None
        world.recording.close()
        assert not world.turns

    world.disk.during_take = close_once
    world.packets()
    world.tick()
    assert world.disk.calls == ["writer", "take 1 at 100", "tick", "tick", "close"]
    await world.recording.complete


async def test_a_write_that_fails_after_a_close_completes_the_recording(world: World) -> None:
    def close_and_fail() -> None:
        world.disk.during_take = None
        world.recording.close()
        raise FULL

    world.disk.during_take = close_and_fail
    world.packets()
    world.tick()
    assert world.disk.calls == ["writer", "take 1 at 100", "abandon"]
    await world.recording.complete


async def test_one_that_rests_ends_without_the_disk(world: World) -> None:
    world.fails()
    world.recording.tick(world.now)
    world.disk.calls.clear()
    world.recording.close()
    world.run()
    assert not world.disk.calls
    assert world.warned[-1] == (STOPPED, False)
    await world.recording.complete
