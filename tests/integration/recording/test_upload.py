"""Finished recordings reach the store whatever happens: against a real S3 server, with faults."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from media.recording.journal import Journal
from media.recording.upload import PART_BYTES, Uploader
from shared.messages.events import EventType, Facts
from shared.messages.records import RecordDetails
from shared.records.details import FOLDER as DETAILS
from shared.records.details import Described
from shared.records.details_folder import read_content, write_details
from shared.records.record_name import RecordName
from shared.records.store import Store, Stored, StoreError
from shared.settings.settings import load_settings
from tests.integration.recording.stage import name_of
from tests.support.s3_server import BUCKET, S3Server
from tests.support.waiting import eventually

WITHIN = 15.0
SMALL, LARGE = "demo_1.webm", "demo_2.webm"
LARGE_BYTES = 2 * PART_BYTES + 12_345


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With two finished recordings that are due."""
    journal = Journal(tmp_path)
    for name, size in ((SMALL, 5_000), (LARGE, LARGE_BYTES)):
        journal.began(name, {})
        (tmp_path / name).write_bytes(os.urandom(size))
        journal.finished(name, {}, is_due=True)
    return tmp_path


def unheard(*_: Any) -> None:
    pass


@contextlib.contextmanager
def running(
    s3: S3Server,
    folder: Path,
    *,
    delete: bool = False,
    tell: Callable[[EventType, RecordName, Facts], None] = unheard,
    describe: Callable[[RecordName], Described | None] = lambda _: None,
) -> Iterator[Uploader]:
    uploader = Uploader(lambda: store_of(s3), Journal(folder), folder, tell, describe, delete=delete)
    uploader.start()
    try:
        yield uploader
    finally:
        uploader.stop()
        uploader.join()


def store_of(s3: S3Server) -> Store:
    return Store(load_settings(**s3.settings))


def due(folder: Path) -> set[str]:
    return Journal(folder).names()


def expected(folder: Path) -> dict[str, str]:
    return {f"live/{name}": digest((folder / name).read_bytes()) for name in (SMALL, LARGE)}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stored(s3: S3Server) -> dict[str, str]:
    return {key: digest(data) for key, data in s3.objects().items()}


async def all_done(folder: Path) -> None:
    await eventually("all is uploaded", lambda: not due(folder), WITHIN)


async def test_all_is_brought_there_and_kept_here(s3: S3Server, folder: Path) -> None:
    wanted = expected(folder)
    told: list[tuple[str, bool]] = []

    def tell(_: EventType, name: RecordName, __: Facts) -> None:
        told.append((name.text, f"live/{name.text}" in s3.objects()))

    with running(s3, folder, tell=tell) as uploader:
        await all_done(folder)
        await eventually("it is counted", lambda: uploader.uploaded == 2, WITHIN)
    assert told == [(SMALL, True), (LARGE, True)]
    assert stored(s3) == wanted
    assert (folder / SMALL).exists()
    assert (folder / LARGE).exists()
    assert sum("partNumber=" in request for request in s3.requests) == 3
    assert store_of(s3).find(LARGE) is not None
    kind = s3.client.head_object(Bucket=BUCKET, Key=f"live/{LARGE}")["ContentType"]
    assert kind == "video/webm"


def test_the_store_says_which_parts_it_has(s3: S3Server) -> None:
    store = store_of(s3)
    upload = store.begin(SMALL, "video/webm")
    first, second = bytes(PART_BYTES), b"12345"
    store.put_part(SMALL, upload, 2, second)
    there = store.parts(SMALL, upload)
    assert there == {2: Stored(5, hashlib.md5(second, usedforsecurity=False).hexdigest())}
    store.complete(SMALL, upload, there | {1: store.put_part(SMALL, upload, 1, first)})
    assert s3.objects() == {f"live/{SMALL}": first + second}
    assert store.parts(SMALL, "another") is None


def test_the_store_says_what_it_has(s3: S3Server) -> None:
    store = store_of(s3)
    store.put(SMALL, b"12345", "video/webm")
    s3.client.put_object(Bucket=BUCKET, Key="live/other.txt", Body=b"x")
    s3.client.put_object(Bucket=BUCKET, Key="elsewhere/demo_9.webm", Body=b"x")
    [record] = store.records()
    assert (record.name, record.size) == (SMALL, 5)
    assert store.find("demo_9.webm") is None
    store.delete(name_of(SMALL))
    assert store.records() == []


def test_a_store_that_is_away_is_one_error_without_secrets(s3: S3Server) -> None:
    store = store_of(s3)
    s3.stop()
    calls: list[Callable[[], Any]] = [store.records, lambda: store.find(SMALL), lambda: store.details()]
    for call in calls:
        with pytest.raises(StoreError) as raised:
            call()
        assert "127.0.0.1" not in str(raised.value)


async def test_what_a_recording_holds_goes_there_with_it(s3: S3Server, tmp_path: Path) -> None:
    """First of all, so that nothing large is sent again because of it; and is deleted here with it."""
    journal = Journal(tmp_path)
    for name in (SMALL, LARGE):
        journal.began(name, {})
        (tmp_path / name).write_bytes(b"a recording")
        journal.finished(name, {}, is_due=True)
    described: list[str] = []

    def describe(name: RecordName) -> Described:
        size = (tmp_path / name.text).stat().st_size
        details = RecordDetails(name.text, size, 2.5, 640, 360, True)
        write_details(tmp_path, name, details, {640: b"large", 320: b"small"})
        described.append(name.text)
        return Described(details, read_content(tmp_path, details))

    s3.refuse = 1
    with running(s3, tmp_path, delete=True, describe=describe):
        await all_done(tmp_path)
    assert described == [SMALL, LARGE, SMALL]  # the store refused the first, which comes last then
    store = store_of(s3)
    assert {details.name for details in store.details()} == {SMALL, LARGE}
    assert {record.name for record in store.records()} == {SMALL, LARGE}
    assert store.picture(name_of(SMALL), 320) == b"small"
    assert not list((tmp_path / DETAILS).iterdir())
    store.delete(name_of(SMALL))
    assert [details.name for details in store.details()] == [LARGE]
    assert store.picture(name_of(SMALL), 320) is None
