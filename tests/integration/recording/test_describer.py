"""What recordings hold, read from real files: of every form, whole, cut off, damaged and hostile."""

import asyncio
import io
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import av
import pytest

from media.details import describer as describer_module
from media.details import sparse_copy
from media.details.contents import Contents
from media.details.describer import Describer
from media.details.reader_process import ReaderGoneError, ReaderProcess
from shared.messages.records import RecordDetails
from shared.messages.stills import WIDTHS
from shared.records.details import picture_in
from shared.records.details_folder import list_details, read_picture
from shared.records.record_name import RecordName
from shared.records.store import Store, StoreError
from shared.settings.settings import load_settings
from tests.integration.recording.stage import Stage, name_of, new_writer
from tests.support.rtp_source import Sent, audio, video
from tests.support.s3_server import BUCKET, S3Server
from tests.support.waiting import eventually

SECONDS = 4.0
SIZE = (1280, 720)
CODECS = ("VP8", "VP9", "AV1", "H264", "H265")
AGED = 300.0  # seconds since somebody has written a file
WITHIN = 30.0
Run = Callable[[Describer], Describer]
FOUND = Contents(1.0, 2, 3, {})


@cache
def _sent(codec: str) -> list[Sent]:
    return audio(SECONDS) if codec == "opus" else video(codec, SECONDS, size=SIZE)


def record(folder: Path, codec: str, *, crash: bool = False) -> None:
    """Record `SECONDS` of sound and picture in all forms; with `crash`, what that leaves near the end."""
    written = folder.with_name(f"{folder.name}-before-the-crash") if crash else folder
    stage = Stage(new_writer(written, "opus", codec), 2)
    stage.play(_sent("opus"), _sent(codec))
    if crash:
        shutil.copytree(written, folder)
    stage.writer.close(stage.now)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_LOOK_SECONDS", "PAUSE_SECONDS"):
        monkeypatch.setattr(describer_module, name, 0.0)


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts a describer, which ends with the test."""
    running: list[Describer] = []

    def start(describer: Describer) -> Describer:
        running.append(describer)
        describer.start()
        return describer

    yield start
    for describer in running:
        describer.stop()
        describer._thread.join(WITHIN)


def age(folder: Path, seconds: float = AGED) -> None:
    for path in folder.glob("demo_*"):
        os.utime(path, (time.time() - seconds,) * 2)


def by_suffix(folder: Path) -> dict[str, RecordDetails]:
    return {name_of(details.name).suffix: details for details in list_details(folder)}


def shown(jpeg: bytes | None) -> av.VideoFrame:
    assert jpeg is not None
    with av.open(io.BytesIO(jpeg), format="jpeg_pipe") as container:
        return next(container.decode(video=0))


@pytest.mark.parametrize(
    ("codec", "crash"),  # cut off, each kind of file is read alike, whatever is in it
    [*((codec, False) for codec in CODECS), ("VP8", True), ("H264", True)],
)
def test_every_form_says_how_long_and_how_large_it_is_and_shows_it(
    codec: str, crash: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "records"
    record(folder, codec, crash=crash)
    describer = Describer(folder, with_pictures=True)
    names = [name_of(path.name) for path in folder.glob("demo_*")]
    assert len(names) == 3
    for name in names:
        described = describer.describe(name)
        assert described is not None
        details, content = described
        assert details.size == (folder / name.text).stat().st_size
        if name.suffix not in ("h264", "h265"):
            assert details.seconds == pytest.approx(SECONDS, abs=1.1 if crash else 0.1)
        pictured = name.suffix != "ogg"
        assert (details.width, details.height) == (SIZE if pictured else (0, 0))
        assert details.has_stills is pictured
        for width in WIDTHS if pictured else ():
            frame = shown(picture_in(content, width))
            assert (frame.width, frame.height) == (width, width * 9 // 16)
    assert sorted(details.name for details in list_details(folder)) == sorted(name.text for name in names)


def test_without_pictures_length_and_size_are_still_there(tmp_path: Path) -> None:
    record(tmp_path, "VP8")
    describer = Describer(tmp_path, with_pictures=False)
    for path in tmp_path.glob("demo_*"):
        describer.describe(name_of(path.name))
    webm = by_suffix(tmp_path)["webm"]
    assert webm.seconds == pytest.approx(SECONDS, abs=0.1)
    assert (webm.width, webm.height, webm.has_stills) == (*SIZE, False)
    assert read_picture(tmp_path, name_of(webm.name), 320) is None


@pytest.mark.parametrize(("written", "seconds"), [(61.5, 61.5), (-5, None), (10_000_000, None)])
def test_a_byte_stream_without_times_is_as_long_as_it_was_written(
    written: float, seconds: float | None, tmp_path: Path
) -> None:
    """Unless its date says something else than when it was written."""
    record(tmp_path, "H264")
    [path] = tmp_path.glob("*.h264")
    path.write_bytes(path.read_bytes() * 10)
    name = name_of(path.name)
    os.utime(path, (name.unix + written,) * 2)
    Describer(tmp_path, with_pictures=False).describe(name)
    assert by_suffix(tmp_path)["h264"].seconds == seconds


async def test_recordings_of_before_are_found_and_described_once(tmp_path: Path, run: Run) -> None:
    record(tmp_path, "VP8")
    (tmp_path / "notes.txt").touch()
    age(tmp_path)
    growing = tmp_path / "other_1710123456.webm"
    growing.write_bytes(b"begun a moment ago")
    first = run(Describer(tmp_path, with_pictures=True))
    await eventually("all are described", lambda: first.described == 3, WITHIN)
    assert growing.name not in {details.name for details in list_details(tmp_path)}
    second = run(Describer(tmp_path, with_pictures=True))
    late = tmp_path / "late_1710123456.webm"
    late.write_bytes(next(tmp_path.glob("demo_*.webm")).read_bytes())
    second.due(name_of(late.name))
    await eventually("the finished one is described", lambda: second.described > 0, WITHIN)
    assert second.described == 1  # the others were


async def test_what_cannot_be_read_is_remembered_and_keeps_nobody(tmp_path: Path, run: Run) -> None:
    """Damaged in 40 ways, and a few that are something else."""
    record(tmp_path / "good", "H264")
    chance = random.Random(3)
    good = [*(tmp_path / "good").glob("demo_*")]
    folder = tmp_path / "bad"
    folder.mkdir()
    for number in range(40):
        path = chance.choice(good)
        data = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 200)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        end = chance.randrange(1, len(data)) if number % 2 else len(data)
        (folder / f"demo_{number}{path.suffix if path.suffix in ('.mp4', '.webm') else '.mkv'}").write_bytes(
            data[:end]
        )
    (folder / "demo_100.webm").write_bytes(b"")
    (folder / "demo_101.mp4").write_bytes(os.urandom(200_000))
    (folder / "demo_102.mp4").write_bytes(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    (folder / "demo_103.webm").symlink_to(good[0])
    os.mkfifo(folder / "demo_104.webm")
    age(folder)
    describer = run(Describer(folder, with_pictures=True))
    await eventually("all are described", lambda: describer.described == 43, 120)
    details = {each.name: each for each in list_details(folder)}
    assert len(details) == 43
    for name in ("demo_100.webm", "demo_101.mp4", "demo_102.mp4"):
        assert details[name][2:] == (None, 0, 0, False)


class Scripted(ReaderProcess):
    """Answers by this one's script, in place of a process."""

    def __init__(self, *outcomes: Contents | OSError) -> None:
        super().__init__()
        self.outcomes = list(outcomes)

    def contents(self, *_: object, **__: object) -> Contents:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome


def test_a_machine_that_is_busy_is_no_reason_to_give_a_file_up(tmp_path: Path) -> None:
    (tmp_path / "demo_1.webm").write_bytes(b"12345")
    busy = ReaderGoneError("too slow")
    describer = Describer(tmp_path, with_pictures=True, reader=Scripted(busy, FOUND))
    assert describer.describe(name_of("demo_1.webm")) is None
    assert list_details(tmp_path) == []
    assert describer.describe(name_of("demo_1.webm")) is not None
    assert describer.describe(name_of("demo_1.webm")) is not None  # it is known: nobody is asked
    assert list_details(tmp_path) == [RecordDetails("demo_1.webm", 5, 1.0, 2, 3, False)]
    assert describer.describe(name_of("demo_2.webm")) is None


async def test_a_folder_that_cannot_be_written_is_not_read_again_and_again(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(describer_module, "write_details", fails)
    for number in range(20):
        (tmp_path / f"demo_{number}.webm").write_bytes(b"12345")
    age(tmp_path)
    reader = Scripted(*[FOUND] * 20)
    run(Describer(tmp_path, with_pictures=True, reader=reader))
    await eventually("it has tried", lambda: len(reader.outcomes) == 17, WITHIN)
    await asyncio.sleep(0.2)
    assert len(reader.outcomes) == 17


async def test_a_bug_ends_neither_the_thread_nor_an_upload(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo_1.webm").write_bytes(b"12345")
    reader = Scripted(FOUND)
    describer = run(Describer(tmp_path, with_pictures=True, reader=reader))

    def breaks(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(describer_module, "write_details", breaks)
        assert describer.describe(name_of("demo_1.webm")) is None
    reader.outcomes.append(FOUND)
    describer.due(name_of("demo_1.webm"))
    await eventually("it is described", lambda: describer.described == 1, WITHIN)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_recordings_in_the_store_are_described_by_their_begin_and_end(
    codec: str,
    tmp_path: Path,
    s3: S3Server,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sparse_copy, "BEGIN_BYTES", 20_000)
    monkeypatch.setattr(sparse_copy, "END_BYTES", 2_000)
    monkeypatch.setattr(describer_module, "STILL_WRITTEN_SECONDS", -60.0)
    store = Store(load_settings(**s3.settings))
    record(tmp_path / "records", codec)
    for path in (tmp_path / "records").glob("demo_*"):
        store.put(path.name, path.read_bytes(), "video/x")
    folder = tmp_path / "of another worker"
    describer = run(Describer(folder, lambda: Store(load_settings(**s3.settings)), with_pictures=True))
    await eventually("all are described", lambda: describer.described == 3, WITHIN)
    found = {name_of(details.name).suffix: details for details in store.details()}
    whole = found["webm" if codec == "VP8" else "mp4"]
    assert whole.seconds == pytest.approx(SECONDS, abs=0.1)
    assert (whole.width, whole.height, whole.has_stills) == (*SIZE, True)
    assert shown(store.picture(name_of(whole.name), 640)).width == 640
    assert found["ogg"].seconds == pytest.approx(SECONDS, abs=0.1)
    assert list(folder.glob("*")) == []


@pytest.fixture
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Whose objects are old enough."""
    monkeypatch.setattr(describer_module, "STILL_WRITTEN_SECONDS", -60.0)
    return Store(load_settings(**s3.settings))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was fetched. What is called `away_...` is refused, as S3 does in some archives."""
    names: list[str] = []
    reads = Store.read

    def noted(store: Store, name: str, first: int, size: int) -> bytes:
        names.append(name)
        if name.startswith("away_"):
            raise StoreError("GetObject: InvalidObjectState")
        return reads(store, name, first, size)

    monkeypatch.setattr(Store, "read", noted)
    return names


def put(store: Store, *names: str) -> None:
    for name in names:
        store.put(name, b"12345", "video/webm")


def described_in(store: Store) -> set[str]:
    return {details.name for details in store.details()}


async def test_one_object_that_the_store_does_not_give_keeps_no_other(
    tmp_path: Path, store: Store, run: Run, read: list[str]
) -> None:
    put(store, "demo_0.webm", "away_1.webm", "demo_2.webm")
    describer = run(Describer(tmp_path, lambda: store, with_pictures=True, reader=Scripted(FOUND, FOUND)))
    await eventually("the others are described", lambda: describer.described == 2, WITHIN)
    assert described_in(store) == {"demo_0.webm", "demo_2.webm"}


async def test_objects_that_the_store_does_not_give_are_no_reason_to_look_again_soon(
    tmp_path: Path, store: Store, run: Run, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describer_module, "RETRY_SECONDS", 0.01)
    put(store, *(f"away_{number}.webm" for number in range(5)))
    run(Describer(tmp_path, lambda: store, with_pictures=True))
    await eventually("it has tried", lambda: len(read) == 3, WITHIN)
    await asyncio.sleep(0.5)
    assert len(read) == 3


async def test_what_lies_in_an_archive_is_not_asked_for(
    tmp_path: Path, s3: S3Server, store: Store, run: Run, read: list[str]
) -> None:
    for number, storage_class in enumerate(("GLACIER", "DEEP_ARCHIVE", "GLACIER", "GLACIER_IR", "STANDARD")):
        s3.client.put_object(
            Bucket=BUCKET, Key=f"live/demo_{number}.webm", Body=b"12345", StorageClass=storage_class
        )
    assert len(store.records()) == 5
    describer = run(Describer(tmp_path, lambda: store, with_pictures=True, reader=Scripted(FOUND, FOUND)))
    await eventually("the others are described", lambda: describer.described == 2, WITHIN)
    assert set(read) == described_in(store) == {"demo_3.webm", "demo_4.webm"}


async def test_what_another_worker_has_described_meanwhile_is_not_fetched(
    tmp_path: Path, store: Store, run: Run, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "demo_0.webm", "demo_1.webm")
    store.put_details(RecordDetails("demo_0.webm", 5, 7.0, 2, 3, False), b"")
    monkeypatch.setattr(Store, "details", lambda _: [])  # when the list was made
    asked: list[str] = []
    has_details = Store.has_details

    def noted(store: Store, name: RecordName, size: int) -> bool:
        asked.append(name.text)
        return has_details(store, name, size)

    monkeypatch.setattr(Store, "has_details", noted)
    describer = run(Describer(tmp_path, lambda: store, with_pictures=True, reader=Scripted(FOUND)))
    await eventually("both were looked at", lambda: len(asked) == 2, WITHIN)
    await eventually("one is described", lambda: describer.described == 1, WITHIN)
    assert read == ["demo_1.webm"]


async def test_files_that_cannot_be_read_do_not_hide_the_store(
    tmp_path: Path, store: Store, run: Run
) -> None:
    for number in range(4):
        path = tmp_path / f"demo_{number}.webm"
        path.write_bytes(b"12345")
        os.utime(path, (time.time() - AGED,) * 2)
    put(store, "demo_9.webm")
    reader = Scripted(*[ReaderGoneError("too slow")] * 3, FOUND)
    run(Describer(tmp_path, lambda: store, with_pictures=True, reader=reader))
    await eventually("it is described", lambda: described_in(store) == {"demo_9.webm"}, WITHIN)


async def test_nothing_stays_of_a_recording_that_is_deleted_while_it_is_read(
    tmp_path: Path, store: Store, run: Run
) -> None:
    put(store, "demo_1.webm")

    class Deleting(Scripted):
        def contents(self, *_: object, **__: object) -> Contents:
            store.delete(name_of("demo_1.webm"))
            return FOUND

    describer = run(Describer(tmp_path, lambda: store, with_pictures=True, reader=Deleting()))
    await eventually("it was described", lambda: describer.described == 1, WITHIN)
    assert described_in(store) == set()
