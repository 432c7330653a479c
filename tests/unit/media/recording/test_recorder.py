"""What a worker does with its recordings beside writing them: counts, tells, deletes, and rests."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import recorder as module
from media.recording.journal import Journal
from media.recording.recorder import Recorder
from shared.messages.events import EventType
from shared.settings.settings import load_settings

NAME, OTHER = "demo_1.webm", "demo_2.webm"
DAY = 86_400
NOW = 1_800_000_000.0


class World:
    def __init__(self, folder: Path, *, uploads: bool = True, keep_days: float = 7) -> None:
        self.told: list[tuple[EventType, str]] = []
        settings = load_settings(
            record_dir=str(folder),
            record_enabled=True,
            record_keep_days=keep_days,
            upload_recordings=uploads,
            s3_bucket="recordings" if uploads else "",
        )
        self.recorder = Recorder(settings, lambda type_, name, _: self.told.append((type_, name.text)))
        self.woken = 0
        if self.recorder._uploader is not None:
            self.recorder._uploader.wake = self._wake  # type: ignore[method-assign]

    def _wake(self) -> None:
        self.woken += 1


def recording(**counts: Any) -> Any:
    """A recording, as far as it is counted."""
    numbers = {"dropped": 0, "waiting": 0, "failures": 0, "restarts": 0, "failure": None} | counts
    return SimpleNamespace(room="demo", changes=SimpleNamespace(refused=counts.get("refused", 0)), **numbers)


def old(folder: Path, name: str, seconds: float) -> None:
    (folder / name).touch()
    os.utime(folder / name, (NOW - seconds,) * 2)


def test_what_is_older_than_it_may_be_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    for name, age in ((NAME, 7 * DAY + 1), (OTHER, 7 * DAY), ("other_3.mp4", 0)):
        old(tmp_path, name, age)
    World(tmp_path).recorder.clear(NOW)
    assert {path.name for path in tmp_path.iterdir()} == {OTHER, "other_3.mp4"}


def test_what_waits_for_its_upload_is_kept_however_old_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.began(NAME)
    journal.finished(NAME)
    for name in (NAME, OTHER):
        old(tmp_path, name, 100 * DAY)
    World(tmp_path).recorder.clear(NOW)
    assert (tmp_path / NAME).exists()
    assert not (tmp_path / OTHER).exists()


async def test_without_a_limit_nothing_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLEAN_SECONDS", 0.001)
    for keep_days, looked in ((0, False), (1, True)):
        recorder = World(tmp_path, uploads=False, keep_days=keep_days).recorder
        looks: list[float] = []
        monkeypatch.setattr(recorder, "clear", looks.append)
        running = asyncio.create_task(recorder.run())
        await asyncio.sleep(0.2 if not looked else 0.0)
        while looked and len(looks) < 2:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running])
        assert bool(looks) is looked


def test_a_file_that_is_complete_is_told_and_due(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.recorder.began(NAME)
    assert (world.told, world.woken) == ([], 0)
    assert Journal(tmp_path).names() == {NAME}
    world.recorder.finished(NAME)
    assert world.told == [(EventType.RECORDING_READY, NAME)]
    assert world.woken == 1


def test_counts_outlive_their_recordings(tmp_path: Path) -> None:
    """Counters of Prometheus' must not decrease."""
    recorder = World(tmp_path).recorder
    counts = {"dropped": 1, "failures": 2, "restarts": 3, "refused": 4}
    ending, living = recording(**counts, waiting=5), recording(**counts, failure=OSError(), waiting=7)
    recordings = _Both(ending, living)
    recorder._recordings = recordings  # type: ignore[assignment]

    def totals() -> tuple[int, ...]:
        return recorder.dropped, recorder.failures, recorder.restarts, recorder.changes_refused

    assert totals() == (2, 4, 6, 8)
    assert (recorder.active, recorder.failing, recorder.waiting) == (1, 1, 12)
    recorder._done(ending)
    assert totals() == (2, 4, 6, 8)
    assert (recorder.active, recorder.failing, recorder.waiting) == (0, 1, 7)
    assert recordings == [living]


class _Both(list[Any]):
    """In the place of a set: these have no hashes."""

    def __init__(self, *those: Any) -> None:
        super().__init__(those)

    def discard(self, one: Any) -> None:
        self.remove(one)


# --- a worker that stops


async def test_it_rests_when_its_own_files_are_in_the_store(tmp_path: Path) -> None:
    world = World(tmp_path)
    another = Journal(tmp_path)
    another.began(OTHER)  # which this worker does not wait for
    another.finished(OTHER)
    world.recorder.began(NAME)
    world.recorder.finished(NAME)
    resting = asyncio.create_task(world.recorder.rest())
    await asyncio.sleep(0.2)
    assert not resting.done()
    with Journal(tmp_path).claim(NAME) as entry:
        assert entry is not None
        entry.done()
    async with asyncio.timeout(30):
        await resting


async def test_it_rests_in_time_though_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REST_SECONDS", 0.2)
    world = World(tmp_path)
    world.recorder.began(NAME)
    world.recorder.finished(NAME)
    with capture_logs() as logs:
        async with asyncio.timeout(30):
            await world.recorder.rest()
    assert [one["event"] for one in logs] == ["recordings are not uploaded yet"]


async def test_what_is_incomplete_at_the_end_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FINISH_SECONDS", 0.05)
    recorder = World(tmp_path, uploads=False).recorder
    with capture_logs() as logs:
        await recorder.finish()
        assert not logs
        left = recording(waiting=3)
        left.complete = asyncio.get_running_loop().create_future()
        recorder._recordings = _Both(left)  # type: ignore[assignment]
        async with asyncio.timeout(30):
            await recorder.finish()
    assert [(one["log_level"], one["rooms"], one["count"], one["packets"]) for one in logs] == [
        ("error", ["demo"], 1, 3)
    ]
