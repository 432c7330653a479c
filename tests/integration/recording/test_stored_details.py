"""Recordings in the store are described once, and no object, folder or deletion keeps the others from it."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from media.details import describer as describer_module
from media.details.contents import Contents
from media.details.describer import Describer
from media.details.reader_process import ReaderGoneError
from shared.messages.records import RecordDetails
from shared.records.record_name import RecordName
from shared.records.store import Store, StoreError
from shared.settings.settings import load_settings
from tests.integration.recording.test_describer import AGED, WITHIN, Run, Scripted, name_of, no_pauses, run
from tests.support.s3_server import BUCKET, S3Server
from tests.support.waiting import eventually

__all__ = ["no_pauses", "run"]

FOUND = Contents(1.0, 2, 3, {})


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
