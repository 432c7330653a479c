"""The still picture of a room, through any control process, as a scripted worker has it."""

import asyncio

import pytest

from control.workers import room_stills
from shared.messages.stills import GetStill, Still
from tests.integration.control.conftest import Stage

JPEG = b"\xff\xd8 a picture"
URL = "/api/rooms/demo/still"


async def test_a_picture_says_how_old_it_is_and_how_long_it_may_be_kept(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[GetStill] = Still(jpeg=JPEG, taken_at=1_710_123_456.7)
    await worker.publish_in("demo", still_at=1_710_123_456.7)
    http = await stage.control()
    response = await http.get(URL, params={"width": "320"})
    assert (response.status_code, response.content) == (200, JPEG)
    assert worker.received == [GetStill(room="demo", width=320)]
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Cache-Control"] == "public, max-age=5"
    assert response.headers["Last-Modified"] == "Mon, 11 Mar 2024 02:17:36 GMT"
    again = await http.get(URL, params={"width": "320"}, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    [room] = (await http.get("/api/rooms?detail=true")).json()
    assert room["stillAt"] == 1_710_123_456.7


async def test_without_a_width_it_is_the_large_one_and_other_widths_are_refused(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[GetStill] = Still(jpeg=JPEG, taken_at=1.0)
    await worker.publish_in("demo")
    http = await stage.control()
    assert (await http.get(URL)).status_code == 200
    assert worker.received[-1].width == 640
    for width in ("", "641", "0320", "-320", "9" * 5000):
        assert (await http.get(URL, params={"width": width})).status_code == 400


async def test_who_may_not_play_sees_no_picture(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[GetStill] = Still(jpeg=JPEG, taken_at=1.0)
    await worker.publish_in("demo")
    http = await stage.control(room_tokens="demo:for-all", room_play_tokens="demo:to-play")
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await http.get(URL, headers=headers)).status_code == 401
    assert not worker.received
    response = await http.get(URL, headers={"Authorization": "Bearer to-play"})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "private, max-age=5"
    await worker.publish_in("open")
    rooms = {room["name"]: room["locked"] for room in (await http.get("/api/rooms?detail=true")).json()}
    assert rooms == {"demo": True, "open": False}


async def test_a_crowd_asks_the_worker_once(stage: Stage) -> None:
    worker = await stage.worker()
    worker.answers[GetStill] = Still(jpeg=JPEG, taken_at=1.0)
    await worker.publish_in("demo")
    http = await stage.control()
    responses = await asyncio.gather(*(http.get(URL) for _ in range(20)))
    assert {response.status_code for response in responses} == {200}
    assert len(worker.received) == 1


async def test_what_is_kept_of_pictures_has_a_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_stills, "MAX_KEPT_BYTES", 100_000)
    worker = await stage.worker()
    worker.answers[GetStill] = Still(jpeg=bytes(40_000), taken_at=1.0)
    http = await stage.control()
    for name in ("a", "b", "c"):
        await worker.publish_in(name)
        assert (await http.get(f"/api/rooms/{name}/still")).status_code == 200
    await http.get("/api/rooms/c/still")
    assert len(worker.received) == 3
    await http.get("/api/rooms/a/still")
    assert len(worker.received) == 4, "the oldest was dropped"
