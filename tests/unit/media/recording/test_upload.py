"""What is asked of a store, in which order, and what counts as being there. The store is in memory."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from media.recording import upload as module
from media.recording.journal import Entry, Journal
from media.recording.upload import (
    FIRST_RETRY_SECONDS,
    LAST_RETRY_SECONDS,
    LOOK_SECONDS,
    Uploader,
    UploadStoppedError,
    upload_file,
)
from shared.messages.events import EventType, Facts
from shared.records.details import Described
from shared.records.record_name import RecordName
from shared.records.store import Stored, StoreError

NAME = "demo_1.webm"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class MemoryStore:
    """`encrypts`: its ETags are no checksums. `calls` are those that change something."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.begun: dict[str, dict[int, bytes]] = {}
        self.calls: list[str] = []
        self.encrypts = False
        self.loses = 0  # bytes of what is stored
        self.breaks = False  # a byte of it
        self.etags: dict[str, str] = {}

    def put(self, name: str, data: bytes, content_type: str) -> None:
        self.calls.append("put")
        self._keep(name, data, md5(data))

    def begin(self, name: str, content_type: str) -> str:
        upload = f"upload{len(self.begun)}"
        self.calls.append("begin")
        self.begun[upload] = {}
        return upload

    def parts(self, name: str, upload: str) -> dict[int, Stored] | None:
        there = self.begun.get(upload)
        return None if there is None else {n: Stored(len(data), md5(data)) for n, data in there.items()}

    def put_part(self, name: str, upload: str, number: int, data: bytes) -> Stored:
        self.calls.append(f"part {number}")
        self.begun[upload][number] = data
        return Stored(len(data), md5(data))

    def complete(self, name: str, upload: str, parts: dict[int, Stored]) -> None:
        self.calls.append("complete")
        there = self.begun.pop(upload)
        assert list(parts) == sorted(there)
        digests = b"".join(hashlib.md5(there[n], usedforsecurity=False).digest() for n in parts)
        self._keep(name, b"".join(there[n] for n in parts), f"{md5(digests)}-{len(parts)}")

    def _keep(self, name: str, data: bytes, etag: str) -> None:
        data = data[: len(data) - self.loses]
        self.objects[name] = b"\0" + data[1:] if self.breaks else data
        self.etags[name] = "encrypted" if self.encrypts or self.breaks else etag

    def find(self, name: str) -> Stored | None:
        data = self.objects.get(name)
        return None if data is None else Stored(len(data), self.etags[name])

    def md5(self, name: str) -> str:
        return md5(self.objects[name])

    def put_details(self, *described: object) -> None:
        self.calls.append("details")

    def delete_details_if_gone(self, name: RecordName) -> None:
        self.calls.append("no details")

    def delete(self, name: RecordName) -> None:
        self.calls.append("delete")
        self.objects.pop(name.text, None)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal(tmp_path)
    journal.began(NAME, {})
    journal.finished(NAME, {}, is_due=True)
    return tmp_path


@contextmanager
def claimed(folder: Path) -> Iterator[Entry]:
    with Journal(folder).claim(NAME) as entry:
        assert entry is not None
        yield entry


def upload(store: MemoryStore, folder: Path, data: bytes, *, stopped: bool = False) -> str:
    """What the journal notes of it afterwards."""
    (folder / NAME).write_bytes(data)
    stopping = threading.Event()
    if stopped:
        stopping.set()
    with claimed(folder) as entry:
        upload_file(cast(Any, store), folder / NAME, "video/webm", entry, stopping)
        return entry.note


@pytest.mark.parametrize(
    ("size", "calls"),
    [
        (10, ["put"]),
        (11, ["begin", "part 1", "part 2", "complete"]),
        (30, ["begin", "part 1", "part 2", "part 3", "complete"]),
    ],
)
def test_a_large_file_goes_in_parts(size: int, calls: list[str], store: MemoryStore, folder: Path) -> None:
    data = bytes(range(1, size + 1))
    assert upload(store, folder, data) == ""
    assert store.calls == calls
    assert store.objects == {NAME: data}


@pytest.mark.parametrize(("size", "largest"), [(40, 10), (41, 11), (100, 25)])
def test_a_very_large_file_has_no_more_parts_than_a_store_takes(
    size: int, largest: int, store: MemoryStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PARTS", 4)
    upload(store, folder, bytes(range(size)))
    assert store.calls == ["begin", *(f"part {number}" for number in range(1, 5)), "complete"]
    assert len(store.objects[NAME]) == size
    sizes: list[int] = []
    monkeypatch.setattr(store, "put_part", lambda *call: sizes.append(len(call[3])) or Stored(0, ""))
    with pytest.raises(AssertionError):  # these parts are nowhere
        upload(store, folder, bytes(range(size)))
    assert max(sizes) == largest


def test_a_file_in_parts_goes_on_with_those_that_are_missing(store: MemoryStore, folder: Path) -> None:
    data = bytes(range(25))
    store.begun["before"] = {1: data[:10], 2: b"damaged!!!"}
    with claimed(folder) as entry:
        entry.note = "before"
        entry.write()
    upload(store, folder, data)
    assert store.calls == ["part 2", "part 3", "complete"]
    assert store.objects[NAME] == data


def test_an_upload_that_the_store_has_forgotten_begins_again(store: MemoryStore, folder: Path) -> None:
    with claimed(folder) as entry:
        entry.note = "forgotten, and a longer name than the next one"
        entry.write()
    upload(store, folder, bytes(11))
    assert store.calls == ["begin", "part 1", "part 2", "complete"]


def test_what_was_begun_is_noted_before_a_part_is_sent(store: MemoryStore, folder: Path) -> None:
    """So a worker that is killed leaves no parts in the store that nobody knows."""
    with pytest.raises(UploadStoppedError):
        upload(store, folder, bytes(11), stopped=True)
    assert store.calls == ["begin"]
    with claimed(folder) as entry:
        assert entry.note == "upload0"


@pytest.mark.parametrize("size", [10, 25])
@pytest.mark.parametrize(("fault", "reason"), [("loses", "size"), ("breaks", "checksum")])
def test_what_is_damaged_in_the_store_is_not_there(
    size: int, fault: str, reason: str, store: MemoryStore, folder: Path
) -> None:
    setattr(store, fault, 1)
    with pytest.raises(StoreError, match=reason):
        upload(store, folder, bytes(range(1, size + 1)))


@pytest.mark.parametrize("size", [10, 25])
def test_where_an_etag_is_no_checksum_the_object_is_read_back(
    size: int, store: MemoryStore, folder: Path
) -> None:
    store.encrypts = True
    upload(store, folder, bytes(range(1, size + 1)))


# --- the thread


class Waits:
    """In the place of an event: notes for how long it is waited for. Stops after `most` waits."""

    def __init__(self, stopping: threading.Event, most: int) -> None:
        self.seconds: list[float] = []
        self._stopping = stopping
        self._most = most

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        if len(self.seconds) >= self._most:
            self._stopping.set()
        return False

    def clear(self) -> None: ...

    def set(self) -> None:
        self._stopping.set()

    def is_set(self) -> bool:
        return self._stopping.is_set()


def uploader(
    folder: Path, *stores: Any, delete: bool = False, waits: int = 1, **how: Any
) -> tuple[Any, Waits]:
    """It gets these stores, one after another; an exception means that it gets none."""
    left = list(stores)

    def open_store() -> Any:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return one

    made: Any = Uploader(open_store, Journal(folder), folder, delete=delete, **how)
    made._stopping = made._wake = pauses = Waits(threading.Event(), waits)
    return made, pauses


def test_the_pauses_after_failures_double_up_to_a_minute_and_begin_anew(
    folder: Path, store: MemoryStore
) -> None:
    (folder / NAME).write_bytes(b"x")
    made, pauses = uploader(folder, *[StoreError("away")] * 8, store, waits=9)
    made._run()
    assert pauses.seconds == [1, 2, 4, 8, 16, 32, 60, 60, LOOK_SECONDS]
    assert (FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS) == (1, 60)
    assert (made.failures, made.uploaded) == (8, 1)


def test_who_waits_for_its_end_waits_for_its_thread(folder: Path, store: MemoryStore) -> None:
    made = Uploader(cast(Any, lambda: store), Journal(folder), folder, delete=False)
    made.join()  # it was never started
    made.start()
    assert made._thread.is_alive()
    made.stop()
    made.join()
    assert not made._thread.is_alive()


def test_a_success_makes_the_next_pause_short_again(
    folder: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, pauses = uploader(folder, store, waits=6)
    outcomes = iter([StoreError("a"), OSError("b"), None, StoreError("c"), RuntimeError("a bug"), None])

    def all_of_them(_: object) -> None:
        if (outcome := next(outcomes)) is not None:
            raise outcome

    monkeypatch.setattr(made, "_upload_all", all_of_them)
    made._run()
    assert pauses.seconds == [1, 2, LOOK_SECONDS, 1, LAST_RETRY_SECONDS, LOOK_SECONDS]
    assert made.failures == 4


@pytest.mark.parametrize("delete", [False, True])
def test_what_it_holds_is_in_the_store_before_the_file_counts(
    delete: bool, folder: Path, store: MemoryStore
) -> None:
    """And it is told, and deleted here, only when it is there."""
    (folder / NAME).write_bytes(b"x")

    def tell(_: EventType, name: RecordName, __: Facts) -> None:
        store.calls.append(f"told {name.text} {(folder / NAME).exists()} {Journal(folder).names()}")

    described = cast(Described, (b"", b""))
    made, _ = uploader(folder, store, delete=delete, tell=tell, describe=lambda _: described)
    made._run()
    assert store.calls == ["details", "put", f"told {NAME} True {{'{NAME}'}}"]
    assert (folder / NAME).exists() is not delete
    assert not Journal(folder).names()


def test_a_file_that_fails_stays_due_and_is_not_told(folder: Path, store: MemoryStore) -> None:
    (folder / NAME).write_bytes(b"xy")
    store.loses = 1
    told: list[Any] = []
    made, _ = uploader(folder, store, delete=True, tell=lambda *event: told.append(event))
    made._run()
    assert (told, made.uploaded, made.failures) == ([], 0, 1)
    assert (folder / NAME).exists()
    assert Journal(folder).names() == {NAME}


def test_what_was_not_told_as_ready_waits(folder: Path, store: MemoryStore) -> None:
    """Its worker was killed; another one tells of it."""
    (folder / NAME).write_bytes(b"x")
    with claimed(folder) as entry:
        entry.told = False
        entry.write()
    made, _ = uploader(folder, store)
    made._run()
    assert not store.calls


def test_what_was_deleted_meanwhile_leaves_nothing_in_the_store(folder: Path, store: MemoryStore) -> None:
    made, _ = uploader(folder, store)
    made._run()
    assert store.calls == ["no details"]
    assert not Journal(folder).names()


def test_what_is_deleted_while_its_upload_runs_is_not_left_in_the_store(
    folder: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / NAME).write_bytes(b"x" * 25)
    complete = store.complete

    def complete_late(*how: Any) -> None:
        (folder / NAME).unlink()  # when the store does not have it yet
        complete(*how)

    monkeypatch.setattr(store, "complete", complete_late)
    told: list[Any] = []
    made, _ = uploader(folder, store, tell=lambda *event: told.append(event))
    made._run()
    assert (store.objects, told, Journal(folder).names()) == ({}, [], set())


@pytest.mark.parametrize("broken", [None, RuntimeError("a bug")])
def test_one_that_fails_does_not_keep_the_others_back(
    broken: Exception | None, folder: Path, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(folder)
    for name in (NAME, "zoo_1.webm", "zoo_2.webm"):
        (folder / name).write_bytes(b"x")
        journal.began(name, {})
        journal.finished(name, {}, is_due=True)
    find, tries = store.find, iter(range(100))

    def refuse(name: str) -> Stored | None:  # all, as long as it is away; then the one that is broken
        is_away = next(tries) < 5
        if broken and name == NAME:
            raise broken
        return None if is_away or name == NAME else find(name)

    monkeypatch.setattr(store, "find", refuse)
    made, _ = uploader(folder, store, waits=9)
    made._run()
    assert (journal.names(), made.uploaded) == ({NAME}, 2)


def test_what_another_process_uploads_is_left_to_it(folder: Path, store: MemoryStore) -> None:
    (folder / NAME).write_bytes(b"x")
    made, _ = uploader(folder, store)
    with claimed(folder):
        made._run()
    assert not store.calls
    assert Journal(folder).names() == {NAME}
