"""Finished recordings reach the store whatever happens: against a real S3 server, with faults."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from media.recording import upload
from media.recording.journal import Journal
from media.recording.upload import PART_BYTES, Uploader
from shared.messages.events import EventType, Facts
from shared.messages.records import RecordDetails
from shared.records.details import FOLDER as DETAILS
from shared.records.details import Described
from shared.records.details_folder import read_content, write_details
from shared.records.record_name import RecordName
from shared.records.store import Store, StoreError
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


@pytest.mark.parametrize("away", [0.0, pytest.param(60.0, marks=pytest.mark.soak)])
async def test_a_store_that_goes_away_and_comes_back_gets_all(
    s3: S3Server, folder: Path, away: float
) -> None:
    wanted = expected(folder)
    s3.stop()
    with running(s3, folder, delete=True) as uploader:
        await asyncio.sleep(away)  # the length of the outage
        await eventually("it was tried twice", lambda: uploader.failures >= 2, WITHIN)
        assert (folder / SMALL).exists()
        s3.start()
        await eventually("all is uploaded", lambda: not due(folder), WITHIN + away)
    assert stored(s3) == wanted


async def test_an_upload_in_parts_goes_on_where_it_stopped(
    s3: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = expected(folder)
    put_part = Store.put_part

    def put_two_parts(store: Store, name: str, upload_id: str, number: int, data: bytes) -> Any:
        if number > 2:
            raise StoreError("the line is cut")
        return put_part(store, name, upload_id, number, data)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put_part", put_two_parts)
        patch.setattr(upload, "LAST_RETRY_SECONDS", 30.0)
        with running(s3, folder) as uploader:
            await eventually("it failed once", lambda: uploader.failures, WITHIN)
    s3.requests.clear()
    with running(s3, folder):
        await all_done(folder)
    sent = [request for request in s3.requests if "partNumber=" in request]
    assert len(sent) == 1
    assert "partNumber=3" in sent[0]
    assert stored(s3) == wanted
    assert not s3.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


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


async def test_what_is_known_of_a_recording_that_lies_in_the_store_only_stays(
    s3: S3Server, tmp_path: Path
) -> None:
    """A worker was killed when it had sent all and deleted the file, and had yet to say so."""
    journal = Journal(tmp_path)
    journal.began(SMALL, {})
    journal.finished(SMALL, {}, is_due=True)
    store = store_of(s3)
    store.put(SMALL, b"a recording", "video/webm")
    store.put_details(RecordDetails(SMALL, 11, 2.5, 640, 360, True), b"pictures")
    with running(s3, tmp_path, delete=True):
        await all_done(tmp_path)
    assert [details.name for details in store.details()] == [SMALL]
