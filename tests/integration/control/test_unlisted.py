"""A room that is not listed: a stranger who does not know its name finds it nowhere."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.events import streams
from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.heard import listening
from tests.integration.control.row import PARAMETERS
from tests.integration.control.test_room_events import known
from tests.support.waiting import eventually

HIDDEN, FOUND = "hidden-room", "found-room"
CHIEF = {"Authorization": "Bearer chief"}
IN_TIME = 10.0
STREAMS = ("/api/rooms/events", "/api/rooms/events?detail=true")
# what shows rooms that a stranger may find, and so would show the other one
LISTS = ("/api/rooms", "/api/rooms?detail=true", "/api/rooms?limit=1", "/api/records", "/metrics")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)


async def hide(http: httpx.AsyncClient, *, listed: bool) -> None:
    answer = await http.patch(f"/api/admin/rooms/{HIDDEN}", json={"listed": listed}, headers=CHIEF)
    assert answer.json()["listed"] is listed


async def test_it_is_in_nothing_that_a_stranger_can_ask_for(stage: Stage, tmp_path: Path) -> None:
    worker = await stage.worker()
    http = await stage.control(admin_token="chief", record_dir=str(tmp_path))
    await hide(http, listed=False)
    for room in (HIDDEN, FOUND):
        await worker.publish_in(room, warnings=("a warning",))
        (tmp_path / f"{room}_1710123456.webm").write_bytes(b"0123456789")
    routes = {path.format_map(PARAMETERS) for path, method in description().operations() if method == "GET"}
    streams = {path for path in routes if path.endswith("/events")}
    for path in (*sorted(routes - streams), *LISTS):
        text = (await http.get(path)).text
        assert HIDDEN not in text, path
        assert FOUND in text or path not in LISTS, path
    # who knows its name may play it, and see how it is
    assert (await http.get(f"/api/rooms/{HIDDEN}")).status_code == 200
    assert (await http.get(f"/records/{HIDDEN}_1710123456.webm", headers=CHIEF)).status_code == 200
    assert HIDDEN in (await http.get("/api/records", headers=CHIEF)).text


async def test_no_stream_of_events_names_it_until_it_is_listed(stage: Stage) -> None:
    worker = await stage.worker()
    here, there = [await stage.control(admin_token="chief") for _ in range(2)]
    await hide(there, listed=False)
    await here.get(f"/api/admin/rooms/{HIDDEN}", headers=CHIEF)  # which has it look
    async with listening(here, STREAMS[0]) as heard, listening(here, STREAMS[1]) as detailed:
        for room in (HIDDEN, FOUND):
            await worker.publish_in(room)

        async def follow(told: set[str]) -> None:
            """Wait until both streams have told of these rooms, and no others."""
            for one in (heard, detailed):
                await eventually(f"{told} are known", lambda one=one: known(one).keys() == told, IN_TIME)

        await follow({FOUND})
        await hide(there, listed=True)
        await follow({FOUND, HIDDEN})
        await hide(there, listed=False)
        await follow({FOUND})


async def test_operators_see_it(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control(admin_token="chief")
    await hide(http, listed=False)
    await worker.publish_in(HIDDEN)

    async def first_rooms() -> str:
        async with http.stream("GET", "/api/admin/events", headers=CHIEF) as response:
            lines: list[Any] = []
            async for line in response.aiter_lines():
                lines.append(line)
                if len(lines) > 1 and lines[-2] == "event: rooms":
                    return line
        return ""

    async with asyncio.timeout(IN_TIME):
        assert HIDDEN in await first_rooms()
