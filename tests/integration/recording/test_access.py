"""Recordings through any control replica: listed, fetched, deleted; by whoever may, and by nobody else."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.workers import every_worker
from control.workers.every_worker import RPC_SECONDS
from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.messages.records import RecordDetails
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import WorkerId
from shared.records.details import FOLDER, pack_pictures
from shared.records.details_folder import list_details, write_details
from shared.records.store import Store
from shared.settings.settings import load_settings
from tests.integration.recording.conftest import StartShelf
from tests.integration.recording.stage import name_of
from tests.support.s3_server import BUCKET, S3Server
from tests.support.stopwatch import Stopwatch

StartControl = Callable[..., Awaitable[httpx.AsyncClient]]
ADMIN = {"Authorization": "Bearer secret-of-admin"}
GLOBAL = {"Authorization": "Bearer secret-of-all"}
RED = {"X-Auth-Token": "secret-of-red"}
SECURED: dict[str, Any] = {
    "auth_token": "secret-of-all",
    "room_tokens": "red:secret-of-red",
    "admin_token": "secret-of-admin",
}
BODY = bytes(range(256)) * 40
PICTURES = {320: b"\xff\xd8 small", 640: b"\xff\xd8 large"}
RECORD = "/records/red_1.webm"
URL = f"{RECORD}/still"
KNOWN = {"duration": 61.25, "width": 1280, "height": 720, "still": URL}
Place = tuple[Callable[..., Awaitable[httpx.AsyncClient]], Callable[[], list[RecordDetails]]]


def lay(folder: Path, *names: str, age: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(BODY)
        at = 1_710_123_456 - age - number
        os.utime(folder / name, (at, at))


async def names(http: httpx.AsyncClient) -> list[str]:
    response = await http.get("/api/records")
    assert response.status_code == 200, response.text
    return [entry["name"] for entry in response.json()]


async def test_what_all_have_is_listed_once_and_newest_first(
    start_control: StartControl, start_shelf: StartShelf, s3: S3Server, tmp_path: Path
) -> None:
    lay(tmp_path / "one", "red_1.webm", "red_audio0_1.ogg")
    lay(tmp_path / "two", "blue_2.mp4", age=10)
    lay(tmp_path / "shared", "green_3.mkv", age=20)
    lay(tmp_path / "one", "notes.txt")
    await start_shelf("w1", tmp_path / "one")
    await start_shelf("w2", tmp_path / "two")
    for name in ("red_1.webm", "old_9.webm"):  # one is in both
        s3.client.put_object(Bucket=BUCKET, Key=f"live/{name}", Body=b"stored")
    http = await start_control(record_dir=str(tmp_path / "shared"), **s3.settings)
    response = await http.get("/api/records")
    entries = response.json()
    assert [entry["name"] for entry in entries] == [
        "old_9.webm",  # stored just now
        "red_1.webm",
        "red_audio0_1.ogg",
        "blue_2.mp4",
        "green_3.mkv",
    ]
    assert entries[1] == {
        "name": "red_1.webm",
        "size": len(BODY),
        "modTime": "2024-03-11T02:17:36Z",
        "url": "/records/red_1.webm",
    }


def describe(folder: Path, text: str) -> None:
    write_details(folder, name_of(text), RecordDetails(text, len(BODY), 61.25, 1280, 720, True), PICTURES)


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


async def test_a_recording_is_fetched_whole_and_in_parts_wherever_it_lies(place: Place) -> None:
    start, _ = place
    http = await start()
    whole = await http.get(RECORD)
    assert whole.status_code == 200
    assert whole.content == BODY
    head = await http.head(RECORD)
    assert head.status_code == 200
    assert head.content == b""
    for response in (whole, head):
        assert response.headers["Content-Length"] == str(len(BODY))
        assert response.headers["Content-Type"] == "video/webm"
        assert response.headers["Content-Disposition"] == 'inline; filename="red_1.webm"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Accept-Ranges"] == "bytes"
    for wanted, begin, end in (("0-99", 0, 100), ("10000-", 10_000, 10_240), ("-5", 10_235, 10_240)):
        part = await http.get(RECORD, headers={"Range": f"bytes={wanted}"})
        assert part.status_code == 206
        assert part.content == BODY[begin:end]
        assert part.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(BODY)}"


async def test_a_range_is_answered_alike_wherever_the_recording_lies(place: Place) -> None:
    start, _ = place
    http = await start()
    file = (await http.head(RECORD)).headers
    for wanted in (
        *("bytes=abc", "bytes=-", "bytes=5-2", "items=0-5", "", "bytes=0-9,20-29", f"bytes={'9' * 5000}-"),
        "bytes=0x0-9",
    ):
        whole = await http.get(RECORD, headers={"Range": wanted})
        assert (whole.status_code, whole.content) == (200, BODY), wanted
    assert (await http.head(RECORD, headers={"Range": "bytes=0-9"})).headers["Content-Length"] == "10240"
    for wanted in ("bytes=10240-", "bytes=-0"):
        none = await http.get(RECORD, headers={"Range": wanted})
        assert (none.status_code, none.content, none.headers["Content-Length"]) == (416, b"", "0")
        assert none.headers["Content-Range"] == "bytes */10240"
        assert none.headers.get("Content-Type") != "video/webm"
    for present in (file["ETag"], file["Last-Modified"]):
        part = await http.get(RECORD, headers={"Range": "bytes=0-9", "If-Range": present})
        assert (part.status_code, part.content) == (206, BODY[:10])
        none = await http.get(RECORD, headers={"Range": "bytes=10240-", "If-Range": present})
        assert (none.status_code, none.content) == (416, b"")
    # parts of two files would be joined
    for former in ('"another"', '"\xe4"'.encode("latin-1"), "Fri, 01 Jan 2100 00:00:00 GMT"):
        for wanted in ("bytes=0-9", "bytes=20000-"):  # the former one may have been longer
            whole = await http.get(RECORD, headers={"Range": wanted, "If-Range": former})
            assert (whole.status_code, whole.content) == (200, BODY), former


async def test_it_is_deleted_wherever_it_lies(
    start_control: StartControl, start_shelf: StartShelf, s3: S3Server, tmp_path: Path
) -> None:
    lay(tmp_path / "one", "red_1.webm")
    await start_shelf("w1", tmp_path / "one")
    s3.client.put_object(Bucket=BUCKET, Key="live/red_1.webm", Body=BODY)
    lay(tmp_path / "here", "red_1.webm")
    http = await start_control(
        record_dir=str(tmp_path / "here"), admin_token="secret-of-admin", **s3.settings
    )
    url = "/api/admin/records/red_1.webm"
    assert (await http.delete(url)).status_code == 401
    assert await names(http) == ["red_1.webm"]
    assert (await http.delete(url, headers=ADMIN)).json() == {"name": "red_1.webm"}
    assert await names(http) == []
    assert not s3.objects()
    assert (await http.delete(url, headers=ADMIN)).status_code == 404


async def test_no_path_leads_to_anything_else(start_control: StartControl, tmp_path: Path) -> None:
    lay(tmp_path / "here", "notes.txt", "here_1.webm")
    describe(tmp_path / "here", "here_1.webm")
    (tmp_path / "here" / "link_1.webm").symlink_to("/etc/passwd")
    lay(tmp_path, "red_1.webm")
    http = await start_control(record_dir=str(tmp_path / "here"), admin_token="secret-of-admin")
    for path in (
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fred_1.webm",
        "red_1.webm%00",
        ".uploads",
        "notes.txt",
        "red_1.webm%2f..",
        "link_1.webm",
        "..%2fred_1.webm/still",
        "here_1.webm%2f..%2fother/still",
        f"{FOLDER}/still",
        f"{FOLDER}%2fhere_1.webm.10240.61250.1280x720",
        "here_1.webm.10240.61250.1280x720/still",
        "here_1.webm/still/..%2f..",
    ):
        assert (await http.get(f"/records/{path}")).status_code == 404, path
        assert (await http.delete(f"/api/admin/records/{path}", headers=ADMIN)).status_code == 404, path


async def test_a_listed_link_plays_without_credentials_at_any_replica(
    start_control: StartControl, tmp_path: Path
) -> None:
    lay(tmp_path, "red_1.webm", "blue_1.webm")
    one = await start_control(record_dir=str(tmp_path), **SECURED)
    other = await start_control(record_dir=str(tmp_path), **SECURED)
    [entry] = (await one.get("/api/records", headers=RED)).json()
    for replica in (one, other):
        response = await replica.get(entry["url"], headers={"Range": "bytes=0-9"})
        assert response.status_code == 206
    path, _, query = entry["url"].partition("?")
    for url in (
        path,
        f"/records/blue_1.webm?{query}",
        f"{path}?{query}0",
        f"{path}?{query.replace('expires=', 'expires=9')}",
        f"{path}?expires=&signature=",
        f"{path}?expires=x&signature=é",
    ):
        assert (await other.get(url)).status_code == 401, url


async def test_a_worker_that_does_not_answer_is_left_out(
    start_control: StartControl,
    start_shelf: StartShelf,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(every_worker, "RPC_SECONDS", RPC_SECONDS)
    lay(tmp_path / "one", "red_1.webm")
    await start_shelf("w1", tmp_path / "one")
    async with connect(redis_url) as redis:
        silent = WorkerStatus(id="w2", state=WorkerState.READY, http_url="http://w2.test")
        await Directory(redis).beat(silent, [])
    http = await start_control(record_dir=str(tmp_path / "here"))
    async with Stopwatch() as watch:
        assert await names(http) == ["red_1.webm"]
    assert watch.seconds < 2.0


async def test_what_a_worker_that_does_not_answer_may_have_is_not_called_missing(
    start_control: StartControl, start_shelf: StartShelf, redis_url: str, tmp_path: Path
) -> None:
    lay(tmp_path / "one", "red_1.webm")
    await start_shelf("w1", tmp_path / "one")
    http = await start_control(record_dir=str(tmp_path / "here"))
    async with connect(redis_url) as redis:
        dead = WorkerStatus(id="w2", state=WorkerState.READY, http_url="http://w2.test")
        await Directory(redis).beat(dead, [])
        await redis.delete(keys.worker_status(WorkerId("w2")))
        assert (await http.get(RECORD)).status_code == 200
        for path in ("/records/red_2.webm", URL):  # it would be final
            response = await http.get(path)
            assert (response.status_code, "Retry-After" in response.headers) == (503, True)
        await redis.zrem(keys.WORKERS, "w2")
        for path in ("/records/red_2.webm", URL):
            assert (await http.get(path)).status_code == 404


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
