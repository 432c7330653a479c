"""A room's title, whether it is blocked and how it ended: for callers who may play there, and nobody else."""

import json
from typing import Any

import httpx
import pytest

from control.events import streams
from tests.integration.control.conftest import Stage
from tests.integration.control.heard import IN_TIME, listening
from tests.support.waiting import eventually

ADMIN = {"Authorization": "Bearer secret-of-admin"}
LOCKED = {"room_play_tokens": "demo:opens-the-room"}
KEY = {"Authorization": "Bearer opens-the-room"}
DETAIL = "/api/rooms?name=demo&detail=true"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)


async def put_title(http: httpx.AsyncClient) -> None:
    answer = await http.put("/api/admin/rooms/demo", headers=ADMIN, json={"title": "Board meeting"})
    assert answer.status_code == 200, answer.text


async def block(http: httpx.AsyncClient) -> None:
    body = {"block": 60, "reason": "maintenance"}
    answer = await http.post("/api/admin/rooms/demo/close", headers=ADMIN, json=body)
    assert answer.status_code == 200, answer.text


async def asked(http: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    [room] = (await http.get(f"{DETAIL}&missing=true", headers=headers)).json()
    found: dict[str, Any] = room
    return found


async def test_a_live_room_has_its_title(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control(admin_token="secret-of-admin")
    await put_title(http)
    assert (await http.get("/api/rooms/demo")).json()["title"] == "Board meeting"
    assert [room["title"] for room in (await http.get("/api/rooms?detail=true")).json()] == ["Board meeting"]
    assert "title" not in (await http.get("/api/rooms")).text


async def test_a_title_that_changes_is_told(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control(admin_token="secret-of-admin")
    async with (
        listening(http, "/api/rooms/events?room=demo&room=later&detail=true") as of_rooms,
        listening(http, "/api/rooms/events?detail=true") as of_all,
    ):
        await eventually("both are told", lambda: len(of_rooms.events) >= 2 and of_all.events, IN_TIME)
        await put_title(http)
        await eventually("it is told", lambda: "Board meeting" in json.dumps(of_rooms.events), IN_TIME)
        await eventually("the list tells it", lambda: "Board meeting" in json.dumps(of_all.events), IN_TIME)


async def test_the_title_of_a_locked_room_is_for_those_who_may_play_there(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control(admin_token="secret-of-admin", **LOCKED)
    await put_title(http)
    for headers, title in (({}, None), ({"X-Auth-Token": "wrong"}, None), (KEY, "Board meeting")):
        for path in ("/api/rooms/demo", DETAIL, "/api/rooms?detail=true"):
            answer = (await http.get(path, headers=headers)).json()
            room = answer[0] if isinstance(answer, list) else answer
            assert room["title"] == title, path
    async with listening(http, "/api/rooms/events?room=demo&detail=true") as heard:
        await eventually("it is told", lambda: heard.events, IN_TIME)
        assert "Board meeting" not in json.dumps(heard.events)


async def test_a_room_that_does_not_exist_says_that_it_is_blocked_and_why(stage: Stage) -> None:
    await stage.worker()
    http = await stage.control(admin_token="secret-of-admin")
    async with listening(http, "/api/rooms/events?room=demo&detail=true") as heard:
        await eventually("it is told", lambda: heard.events, IN_TIME)
        assert "blocked" not in heard.events[-1][1]
        await block(http)
        assert (await asked(http))["blocked"] == {"reason": "maintenance"}
        assert (await http.get(DETAIL)).json() == []
        blocked = {"reason": "maintenance"}
        await eventually("the block is told", lambda: heard.events[-1][1].get("blocked") == blocked, IN_TIME)
        assert (await http.delete("/api/admin/blocks/demo", headers=ADMIN)).status_code == 200
        await eventually("so is its end", lambda: "blocked" not in heard.events[-1][1], IN_TIME)


async def test_the_block_of_a_locked_room_is_for_those_who_may_play_there(stage: Stage) -> None:
    await stage.worker()
    http = await stage.control(admin_token="secret-of-admin", **LOCKED)
    await put_title(http)
    await block(http)
    nothing = {"name": "demo", "hasPublisher": False, "tracks": 0, "subscribers": 0}
    assert await asked(http) == nothing
    assert await asked(http, **KEY) == {
        **nothing,
        "title": "Board meeting",
        "blocked": {"reason": "maintenance"},
    }
