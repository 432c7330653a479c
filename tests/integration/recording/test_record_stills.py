"""Pictures and lengths of recordings through any control process, wherever they lie."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.messages.records import RecordDetails
from shared.records.details import FOLDER, pack_pictures
from shared.records.details_folder import list_details, write_details
from shared.records.record_name import RecordName, parse_record_name
from shared.records.store import Store
from shared.settings.settings import load_settings
from tests.integration.recording.conftest import StartShelf
from tests.integration.recording.test_access import ADMIN, BODY, GLOBAL, RED, SECURED, StartControl, lay
from tests.support.s3_server import S3Server

PICTURES = {320: b"\xff\xd8 small", 640: b"\xff\xd8 large"}
URL = "/records/red_1.webm/still"
KNOWN = {"duration": 61.25, "width": 1280, "height": 720, "still": URL}

Place = tuple[Callable[..., Awaitable[httpx.AsyncClient]], Callable[[], list[RecordDetails]]]


def named(text: str) -> RecordName:
    name = parse_record_name(text)
    assert name is not None
    return name


def describe(folder: Path, text: str) -> None:
    write_details(folder, named(text), RecordDetails(text, len(BODY), 61.25, 1280, 720, True), PICTURES)


@pytest.fixture(params=["folder", "worker", "store"])
async def place(
    request: pytest.FixtureRequest,
    start_control: StartControl,
    start_shelf: StartShelf,
    s3: S3Server,
    tmp_path: Path,
) -> Place:
    """Starts control, with a recording that lies at one of three places; and what is known there."""
    store = Store(load_settings(**s3.settings))
    folder = tmp_path / request.param
    await start_shelf("w0", tmp_path / "empty")
    if request.param == "store":
        store.put("red_1.webm", BODY, "video/webm")
        details = RecordDetails("red_1.webm", len(BODY), 61.25, 1280, 720, True)
        store.put_details(details, pack_pictures(PICTURES))
    else:
        lay(folder, "red_1.webm")
        describe(folder, "red_1.webm")
        if request.param == "worker":
            await start_shelf("w1", folder)

    async def start(**settings: Any) -> httpx.AsyncClient:
        return await start_control(record_dir=str(tmp_path / "folder"), **s3.settings, **settings)

    return start, store.details if request.param == "store" else lambda: list_details(folder)


async def test_what_a_recording_holds_is_listed_and_shown_and_deleted_with_it(place: Place) -> None:
    start, known = place
    http = await start(admin_token="secret-of-admin")
    [entry] = (await http.get("/api/records")).json()
    assert entry.items() >= KNOWN.items()
    small = await http.get(f"{entry['still']}?width=320")
    assert (small.status_code, small.content) == (200, PICTURES[320])
    assert (await http.get(entry["still"])).content == PICTURES[640]
    assert small.headers["Content-Type"] == "image/jpeg"
    assert small.headers["Cache-Control"] == "public, max-age=3600"
    has = {"If-None-Match": small.headers["ETag"]}
    again = await http.get(f"{entry['still']}?width=320", headers=has)
    assert (again.status_code, again.content) == (304, b"")
    assert (await http.get(f"{entry['still']}?width=1")).status_code == 400
    assert (await http.get("/records/red_2.webm/still")).status_code == 404
    assert len(known()) == 1
    assert (await http.delete("/api/admin/records/red_1.webm", headers=ADMIN)).status_code == 200
    assert known() == []
    assert (await http.get(entry["still"])).status_code == 404


async def test_without_snapshots_there_are_lengths_and_no_pictures(place: Place) -> None:
    start, _ = place
    http = await start(snapshots=False)
    [entry] = (await http.get("/api/records")).json()
    assert (entry["duration"], entry["width"], "still" in entry) == (61.25, 1280, False)
    assert (await http.get(URL)).status_code == 404


async def test_who_may_read_a_recording_sees_its_picture_and_nobody_else(
    start_control: StartControl, tmp_path: Path
) -> None:
    lay(tmp_path, "red_1.webm", "blue_1.webm")
    for text in ("red_1.webm", "blue_1.webm"):
        describe(tmp_path, text)
    http = await start_control(record_dir=str(tmp_path), **SECURED)
    for headers, status in ((ADMIN, 200), (RED, 200), (GLOBAL, 401), ({}, 401)):
        response = await http.get(URL, headers=headers)
        assert response.status_code == status
        if status == 200:
            assert response.headers["Cache-Control"] == "private, max-age=3600"
            assert response.headers["Vary"] == "Authorization, X-Auth-Token"
    [entry] = (await http.get("/api/records", headers=RED)).json()
    assert (await http.get(f"{entry['still']}&width=320")).content == PICTURES[320]
    stolen = entry["still"].replace("red_1", "blue_1")
    assert (await http.get(stolen)).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "..%2fred_1.webm/still",
        "red_1.webm%2f..%2fother/still",
        f"{FOLDER}/still",
        f"{FOLDER}%2fred_1.webm.10240.61250.1280x720",
        "red_1.webm.10240.61250.1280x720/still",
        "red_1.webm/still/..%2f..",
    ],
)
async def test_no_path_leads_to_anything_else(start_control: StartControl, tmp_path: Path, path: str) -> None:
    lay(tmp_path / "here", "red_1.webm")
    describe(tmp_path / "here", "red_1.webm")
    http = await start_control(record_dir=str(tmp_path / "here"))
    assert (await http.get(f"/records/{path}")).status_code == 404
