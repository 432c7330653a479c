"""What a worker does with its recordings beside writing them: counts, tells, deletes, and rests."""

import asyncio
import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.recording import journal as journal_module
from media.recording import recorder as module
from media.recording.journal import Journal
from media.recording.recorder import LOOK_SECONDS, Recorder
from shared.messages.events import EventType, Facts
from shared.messages.records import RecordDetails
from shared.records import details_folder
from shared.records.details import FOLDER
from shared.records.record_name import RecordName, parse_record_name
from shared.settings.settings import load_settings
from tests.support.meanwhile import meanwhile

NAME, OTHER, EMPTY = "demo_1.webm", "demo_2.webm", "demo_3.webm"
MEDIA = b"\x1f\x43\xb6\x75"  # a cluster of WebM
DAY = 86_400
NOW = 1_800_000_000.0


class World:
    def __init__(
        self, folder: Path, *, uploads: bool = True, keep_days: float = 7, min_free: int = 0, **rooms: float
    ) -> None:
        self.told: list[tuple[EventType, str]] = []
        self.facts: list[Facts] = []
        settings = load_settings(
            record_dir=str(folder),
            record_enabled=True,
            record_keep_days=keep_days,
            record_min_free_bytes=min_free,
            upload_recordings=uploads,
            s3_bucket="recordings" if uploads else "",
        )
        self.recorder = Recorder(settings, self._tell, keep_days_of=lambda room: rooms.get(room, keep_days))
        self.woken = 0
        if self.recorder._uploader is not None:
            self.recorder._uploader.wake = self._wake  # type: ignore[method-assign]

    def _tell(self, type_: EventType, name: RecordName, facts: Facts) -> None:
        self.told.append((type_, name.text))
        self.facts.append(facts)

    def _wake(self) -> None:
        self.woken += 1


def recording(**counts: Any) -> Any:
    """A recording, as far as it is counted."""
    return SimpleNamespace(room="demo", **{"waiting": 0, "failure": None} | counts)


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
    journal.began(NAME, {})
    journal.finished(NAME, {}, is_due=True)
    for name, days in ((NAME, 99), (OTHER, 100)):  # in the order in which they are looked at
        old(tmp_path, name, days * DAY)
    World(tmp_path).recorder.clear(NOW)
    assert (tmp_path / NAME).exists()
    assert not (tmp_path / OTHER).exists()


def test_a_file_that_cannot_be_deleted_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = module.delete_file

    def refuse(folder: Path, name: RecordName) -> bool:
        if name.text == NAME:
            raise OSError(errno.EACCES, "Permission denied")
        return delete(folder, name)

    monkeypatch.setattr(module, "delete_file", refuse)
    for name, days in ((NAME, 99), (OTHER, 100)):
        old(tmp_path, name, days * DAY)
    world = World(tmp_path)
    with capture_logs() as logs:
        world.recorder.clear(NOW)
    assert {path.name for path in tmp_path.iterdir()} == {NAME}
    assert [line["event"] for line in logs] == ["recording not deleted", "recording deleted"]
    assert world.recorder.deleted_old == 1


def test_of_many_deleted_at_once_the_details_go_in_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand looks at the details of ten thousand recordings would take a core for half a minute."""
    looks: list[Any] = []
    listed = os.listdir

    def look(path: Any) -> list[str]:
        looks.append(path)
        return listed(path)

    monkeypatch.setattr(details_folder.os, "listdir", look)
    world = World(tmp_path, min_free=1000)
    names = [f"demo_{number}.webm" for number in range(4)]

    def left() -> list[str]:
        looks.clear()
        return [details.name for details in details_folder.list_details(tmp_path)]

    for number, name in enumerate(names):
        old(tmp_path, name, (8 if number < 2 else number) * DAY)
        record = parse_record_name(name)
        assert record is not None
        details_folder.write_details(tmp_path, record, RecordDetails(name, 0, 1.0, 640, 360, False), {})
    assert sorted(left()) == names
    world.recorder.clear(NOW)
    assert [path for path in looks if path == tmp_path / FOLDER] == [tmp_path / FOLDER]
    assert sorted(left()) == names[2:]
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=0, total=5000))
    world.recorder.make_room()
    assert [path for path in looks if path == tmp_path / FOLDER] == [tmp_path / FOLDER]
    assert left() == []


def test_a_room_keeps_what_it_says(tmp_path: Path) -> None:
    names = {f"{room}_{days}.webm": days for room in ("short", "forever", "other") for days in (2, 8)}
    for name, days in names.items():
        old(tmp_path, name, days * DAY)
    world = World(tmp_path, short=1, forever=0)
    with capture_logs() as logs:
        world.recorder.clear(NOW)
    gone = {"short_2.webm", "short_8.webm", "other_8.webm"}
    assert {path.name for path in tmp_path.iterdir()} == names.keys() - gone
    assert {line["name"] for line in logs if line["why"] == "too old"} == gone
    assert (world.recorder.deleted_old, world.recorder.deleted_for_space) == (3, 0)


def test_the_oldest_make_room_and_no_more_than_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a disk that does not show at once what was deleted; nothing that is written or due goes."""
    free, total = 600, 5000
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=free, total=total))
    monkeypatch.setattr(module, "MOST_DELETED", 2)
    world = World(tmp_path, uploads=False, min_free=1000)
    for number in range(5):
        (tmp_path / f"demo_{number}.webm").write_bytes(bytes(200))
        os.utime(tmp_path / f"demo_{number}.webm", (NOW + number,) * 2)
    world.recorder.began("demo_0.webm", {})

    def left() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir() if path.is_file())

    world.recorder.make_room()
    assert left() == ["demo_0.webm", "demo_3.webm", "demo_4.webm"]
    with Journal(tmp_path).alone():
        world.recorder.make_room()  # another worker does it
    free = 1000
    world.recorder.make_room()
    assert left() == ["demo_0.webm", "demo_3.webm", "demo_4.webm"]
    free, total = 0, 1000
    with capture_logs() as logs:
        for _ in range(2):
            world.recorder.make_room()
    assert left() == ["demo_0.webm", "demo_3.webm", "demo_4.webm"]
    assert [line["event"] for line in logs] == ["RECORD_MIN_FREE_BYTES is more than the disk has"]
    free = 1000
    world.recorder.make_room()  # what lacks then is told anew
    free, total = 0, 5000
    with capture_logs() as logs:
        for _ in range(2):
            world.recorder.make_room()
    assert left() == ["demo_0.webm"]
    assert [line["why"] for line in logs if "why" in line] == ["the disk is full"] * 2
    assert [line["bytes"] for line in logs if "bytes" in line] == [600]  # it is said once
    assert world.recorder.deleted_for_space == 4
    world.recorder.finished("demo_0.webm", {})


@pytest.mark.parametrize("uploads", [False, True])
def test_what_a_killed_worker_left_is_told_once(tmp_path: Path, uploads: bool) -> None:
    dead, alive = World(tmp_path, uploads=uploads), World(tmp_path, uploads=uploads)
    for name in (NAME, OTHER, EMPTY, "a-gone_1.webm"):
        dead.recorder.began(name, {"recording": "take 1"})
    (tmp_path / NAME).touch()
    (tmp_path / OTHER).write_bytes(MEDIA)
    (tmp_path / EMPTY).write_bytes(b"a header alone")
    alive.recorder.tell_of_left()
    assert not alive.told  # they are being written
    for name in (OTHER, EMPTY, "a-gone_1.webm"):
        dead.recorder._journal._writing.pop(name).close()  # as the kernel does when it is killed
    for _ in range(2):
        alive.recorder.tell_of_left()
        assert alive.told == [(EventType.RECORDING_READY, OTHER)]
    assert alive.facts == [{"recording": "take 1"}]
    assert alive.woken == uploads
    assert Journal(tmp_path).names() == ({NAME, OTHER} if uploads else {NAME})
    assert not (tmp_path / EMPTY).exists()  # it was killed in the first second
    dead.recorder.finished(NAME, {})


def test_one_that_cannot_be_read_keeps_no_other_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the entry that somebody else, such as root, has left."""
    world = World(tmp_path)
    claim, left = world.recorder._journal.claim, Journal(tmp_path)
    for name in (NAME, OTHER):
        left.began(name, {})
        left._writing.pop(name).close()
        (tmp_path / name).write_bytes(MEDIA)
    refused = min(NAME, OTHER)

    def claim_some(name: str) -> Any:
        if name == refused:
            raise PermissionError(errno.EACCES, "Permission denied")
        return claim(name)

    monkeypatch.setattr(world.recorder._journal, "claim", claim_some)
    world.recorder.tell_of_left()
    assert world.told == [(EventType.RECORDING_READY, max(NAME, OTHER))]


def test_a_disk_without_locks_is_recorded_to_unless_files_are_to_be_uploaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(journal_module.fcntl, "flock", no_lock)
    world = World(tmp_path, uploads=False)
    world.recorder.began(NAME, {})
    (tmp_path / NAME).touch()
    world.recorder.finished(NAME, {})
    assert [type_ for type_, _ in world.told] == [EventType.RECORDING_STARTED, EventType.RECORDING_READY]
    with pytest.raises(OSError, match="no locks"):
        World(tmp_path).recorder.began(NAME, {})


@pytest.mark.parametrize("exists", [False, True])
async def test_where_nothing_was_recorded_the_disk_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    folder = tmp_path / "records"
    if exists:
        folder.mkdir()
    recorder = Recorder(load_settings(record_dir=str(folder)))
    looks: list[int] = []
    monkeypatch.setattr(recorder, "tell_of_left", lambda: looks.append(1))
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    async with meanwhile(recorder.run()):
        await asyncio.sleep(0.0 if exists else 0.2)
        while exists and len(looks) < 2:
            await asyncio.sleep(0.001)
    assert bool(looks) is exists


def test_a_file_that_is_complete_is_told_and_due(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.recorder.began(NAME, {})
    assert (world.told, world.woken) == ([(EventType.RECORDING_STARTED, NAME)], 0)
    assert Journal(tmp_path).names() == {NAME}
    (tmp_path / NAME).touch()
    world.recorder.finished(NAME, {})
    assert world.told[1:] == [(EventType.RECORDING_READY, NAME)]
    assert world.woken == 1


@pytest.mark.parametrize("uploads", [False, True])
def test_a_file_that_is_gone_when_it_ends_is_neither_told_nor_due(tmp_path: Path, uploads: bool) -> None:
    """It was deleted while it was written, or the disk was full from its beginning."""
    world = World(tmp_path, uploads=uploads)
    world.recorder.began(NAME, {})
    world.recorder.finished(NAME, {})
    assert world.told == [(EventType.RECORDING_STARTED, NAME)]
    assert world.woken == 0
    assert Journal(tmp_path).names() == set()


def test_counts_outlive_their_recordings(tmp_path: Path) -> None:
    """Counters of Prometheus' must not decrease."""
    recorder = World(tmp_path).recorder
    counts = {"dropped": 1, "failures": 2, "restarts": 3, "changes_refused": 4}
    ending, living = recording(**counts, waiting=5), recording(**counts, failure=OSError(), waiting=7)
    recordings = _Both(ending, living)
    recorder._recordings = recordings  # type: ignore[assignment]

    twice = {name: 2 * count for name, count in counts.items()}
    assert recorder.totals() == twice
    assert (recorder.active, recorder.failing, recorder.waiting) == (1, 1, 12)
    recorder._done(ending)
    assert recorder.totals() == twice
    assert (recorder.active, recorder.failing, recorder.waiting) == (0, 1, 7)
    assert recordings == [living]
    uploader: Any = recorder._uploader
    uploader.uploaded, uploader.failures = 5, 6
    assert (recorder.uploaded, recorder.upload_failures) == (5, 6)
    without = World(tmp_path, uploads=False).recorder
    assert (without.uploaded, without.upload_failures) == (0, 0)


class _Both(list[Any]):
    """In the place of a set: these have no hashes."""

    def __init__(self, *those: Any) -> None:
        super().__init__(those)

    def discard(self, one: Any) -> None:
        self.remove(one)


# --- its house


async def test_it_keeps_house_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is old is looked for not at once, when nobody knows yet what is set for rooms, and less often."""
    now, calls = 1000.0, list[str]()
    recorder: Any = World(tmp_path, min_free=1).recorder
    monkeypatch.setattr(module, "monotonic", lambda: now)
    monkeypatch.setattr(module, "CLEAN_SECONDS", 2 * LOOK_SECONDS)
    monkeypatch.setattr(module.time, "time", lambda: NOW)
    for name in ("look_at_space", "tell_of_left", "make_room"):
        monkeypatch.setattr(recorder, name, lambda name=name: calls.append(name))
    monkeypatch.setattr(recorder, "clear", lambda at: calls.append(f"clear {at - NOW:g}"))
    for name in ("start", "stop"):
        monkeypatch.setattr(recorder._uploader, name, lambda name=name: calls.append(name))

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now == 1000.0 + 4 * LOOK_SECONDS:
            raise asyncio.CancelledError

    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await recorder.run()
    look = ["look_at_space", "tell_of_left", "make_room"]
    looks_clear = ["look_at_space", "tell_of_left", "clear 0", "make_room"]
    assert calls == ["start", *look, *looks_clear, *look, *looks_clear, "stop"]


async def test_the_space_is_what_the_file_system_says_of_a_folder_that_exists(tmp_path: Path) -> None:
    recorder = World(tmp_path / "recordings").recorder
    assert recorder.space is None
    for exists in (False, True, False):
        if exists:
            (tmp_path / "recordings").mkdir()
        else:
            shutil.rmtree(tmp_path / "recordings", ignore_errors=True)
        recorder.look_at_space()
        assert (recorder.space is not None) == exists
        if recorder.space is not None:
            free, size = recorder.space
            assert size == shutil.disk_usage(tmp_path).total
            assert 0 <= free <= size


async def test_a_disk_that_fails_is_told_once_and_a_bug_each_time(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left")
    outcomes = iter([full, full, None, full, OSError("odd"), ValueError(), ValueError()])

    def work() -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    recorder = World(tmp_path).recorder
    with capture_logs() as logs:
        for _ in range(7):
            await recorder._keep_house(work)
    assert [line.get("error") for line in logs] == ["No space left", "No space left", "odd", None, None]


def test_times_are_those_of_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "monotonic", lambda: 50.0)
    recorder = Recorder(load_settings(record_dir=str(tmp_path)), unix_clock=lambda: NOW)
    assert recorder._unix(45.0) == NOW - 5.0


# --- a worker that stops


async def test_it_rests_when_its_own_files_are_in_the_store(tmp_path: Path) -> None:
    world = World(tmp_path)
    another = Journal(tmp_path)
    another.began(OTHER, {})  # which this worker does not wait for
    another.finished(OTHER, {}, is_due=True)
    world.recorder.began(NAME, {})
    (tmp_path / NAME).touch()
    world.recorder.finished(NAME, {})
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
    world.recorder.began(NAME, {})
    (tmp_path / NAME).touch()
    world.recorder.finished(NAME, {})
    with capture_logs() as logs:
        async with asyncio.timeout(30):
            await world.recorder.rest()
    assert [one["event"] for one in logs] == ["recordings are not uploaded yet"]


async def test_without_uploads_it_rests_when_all_is_written(tmp_path: Path) -> None:
    recorder = World(tmp_path, uploads=False).recorder
    left = recording()
    left.complete = asyncio.get_running_loop().create_future()
    recorder._recordings = _Both(left)  # type: ignore[assignment]
    resting = asyncio.create_task(recorder.rest())
    await asyncio.sleep(0.01)
    assert not resting.done()
    left.complete.set_result(None)
    async with asyncio.timeout(30):
        await resting


async def test_the_upload_in_progress_has_what_is_left_of_the_time(tmp_path: Path) -> None:
    left: list[float] = []
    recorder: Any = World(tmp_path).recorder
    recorder._uploader.join = left.append
    await recorder.finish()
    assert [0.5 < seconds <= module.FINISH_SECONDS for seconds in left] == [True]


async def test_what_is_incomplete_at_the_end_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_REST_SECONDS", 0.05)
    monkeypatch.setattr(module, "FINISH_SECONDS", 0.05)
    recorder = World(tmp_path, uploads=False).recorder
    with capture_logs() as logs:
        await recorder.finish()
        assert not logs
        left = recording(waiting=3)
        left.complete = asyncio.get_running_loop().create_future()
        recorder._recordings = _Both(left)  # type: ignore[assignment]
        async with asyncio.timeout(5):
            await recorder.rest()
            await recorder.finish()
    assert [(one["log_level"], one["rooms"], one["count"], one["packets"]) for one in logs] == [
        ("error", ["demo"], 1, 3)
    ]
