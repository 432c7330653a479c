"""A worker's folder of recordings, as control asks for it: what is listed, opened, and gone."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from media.recording import disk_threads
from media.recording import shelf as module
from media.recording.shelf import SHARE_SECONDS, Shelf
from shared.errors import ErrorCode, ServiceError
from shared.messages.records import DeleteRecord, GetRecordStill, ListRecords, ShareRecord
from tests.unit.shared.records.test_details_folder import describe, recording

NAME = "demo_1.webm"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, "http://w1.example")


async def get(shelf: Shelf, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=shelf.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://w1.example") as http:
        return await http.get(path)


async def code_of(call: object) -> ErrorCode:
    with pytest.raises(ServiceError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code


async def test_what_is_listed_has_the_details_of_the_file_as_it_is(shelf: Shelf, tmp_path: Path) -> None:
    known, grown = recording(tmp_path, NAME), recording(tmp_path, "demo_2.webm")
    details = describe(tmp_path, known)
    describe(tmp_path, grown)
    recording(tmp_path, "demo_2.webm", 6)
    found = await shelf.list_records(ListRecords())
    assert {record.name for record in found.records} == {NAME, "demo_2.webm"}
    assert found.details == (details,)


async def test_a_list_is_bounded(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTED", 2)
    for number in range(3):
        recording(tmp_path, f"demo_{number}.webm")
    assert len((await shelf.list_records(ListRecords())).records) == 2


async def test_a_link_opens_its_own_recording_for_a_minute(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr("media.recording.shelf.time.time", lambda: now)
    recording(tmp_path, NAME)
    recording(tmp_path, "demo_2.webm")
    url = urlsplit((await shelf.share(ShareRecord(name=NAME))).url)
    assert (url.netloc, url.path) == ("w1.example", f"/records/{NAME}")
    assert int(parse_qs(url.query)["expires"][0]) == now + SHARE_SECONDS
    path = f"{url.path}?{url.query}"
    assert (await get(shelf, path)).content == bytes(5)
    for wrong in (url.path, path.replace("demo_1", "demo_2"), path[:-1], path + "0"):
        assert (await get(shelf, wrong)).status_code == 403
    now += SHARE_SECONDS
    assert (await get(shelf, path)).status_code == 200
    now += 1
    assert (await get(shelf, path)).status_code == 403


async def test_a_link_of_another_process_opens_nothing(shelf: Shelf, tmp_path: Path) -> None:
    recording(tmp_path, NAME)
    url = urlsplit((await Shelf(tmp_path, "").share(ShareRecord(name=NAME))).url)
    assert (await get(shelf, f"{url.path}?{url.query}")).status_code == 403


async def test_what_is_not_there_is_not_found(shelf: Shelf, tmp_path: Path) -> None:
    for name in ("demo_9.webm", "../secret_1.webm", "notes.txt", ""):
        assert await code_of(shelf.share(ShareRecord(name=name))) is ErrorCode.NOT_FOUND
        assert await code_of(shelf.still(GetRecordStill(name=name, width=320))) is ErrorCode.NOT_FOUND
        assert not (await shelf.delete(DeleteRecord(name=name))).existed
    recording(tmp_path, NAME)
    url = urlsplit((await shelf.share(ShareRecord(name=NAME))).url)
    (tmp_path / NAME).unlink()
    assert (await get(shelf, f"{url.path}?{url.query}")).status_code == 404


async def test_its_picture_is_shown_in_the_size_that_was_asked_for(shelf: Shelf, tmp_path: Path) -> None:
    describe(tmp_path, recording(tmp_path, NAME))
    assert (await shelf.still(GetRecordStill(name=NAME, width=640))).jpeg == b"large"
    recording(tmp_path, "demo_2.webm")
    assert await code_of(shelf.still(GetRecordStill(name="demo_2.webm", width=640))) is ErrorCode.NOT_FOUND


async def test_what_is_deleted_is_gone_and_was_there(shelf: Shelf, tmp_path: Path) -> None:
    recording(tmp_path, NAME)
    assert (await shelf.delete(DeleteRecord(name=NAME))).existed
    assert not (await shelf.delete(DeleteRecord(name=NAME))).existed
    assert not list(tmp_path.iterdir())


async def test_a_disk_that_does_not_answer_is_said_so(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording(tmp_path, NAME)
    url = urlsplit((await shelf.share(ShareRecord(name=NAME))).url)
    monkeypatch.setattr(disk_threads, "MAX_CALLS", 0)
    assert await code_of(shelf.list_records(ListRecords())) is ErrorCode.NO_WORKER
    assert (await get(shelf, f"{url.path}?{url.query}")).status_code == 503
