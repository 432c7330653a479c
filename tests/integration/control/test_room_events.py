"""Server-sent events of rooms: of some, and of all."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from control.events import streams
from control.events.room_streams import RoomStream
from control.server import make_server
from shared.bus import keys
from shared.directory.directory import Directory, RoomEnd
from shared.http.server import listen
from shared.names import RoomName
from shared.settings.host_port import HostPort
from shared.settings.settings import load_settings
from tests.integration.control.conftest import Stage
from tests.integration.control.heard import IN_TIME, Heard, listening
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.waiting import eventually

EVENTS = "/api/rooms/events"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)


async def change(worker: ScriptedWorker, name: str, **facts: Any) -> None:
    worker.rooms = tuple(replace(room, **facts) if room.name == name else room for room in worker.rooms)
    await worker.beat()


def missing(name: str) -> dict[str, object]:
    return {"name": name, "hasPublisher": False, "tracks": 0, "subscribers": 0, "live": False}


def known(heard: Heard) -> dict[str, Any]:
    """The list of rooms, as a client of the stream puts it together."""
    rooms: dict[str, Any] = {}
    for name, data in heard.events:
        assert name == "rooms"
        if data["first"]:
            rooms.clear()
        rooms |= {room["name"]: room for room in data["rooms"]}
        for gone in data["gone"]:
            rooms.pop(gone, None)
    return rooms


async def test_some_rooms_at_once_and_whenever_they_change(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", subscribers=3, codecs=("VP8",), bitrate=5_000)
    http = await stage.control()
    async with (
        listening(http, f"{EVENTS}?room=demo&detail=true") as detailed,
        listening(http, f"{EVENTS}?room=demo&room=later&room=demo") as heard,
    ):
        (_, told), *_ = await eventually("the room is told", lambda: detailed.events, IN_TIME)
        [asked] = (await http.get("/api/rooms?name=demo&detail=true")).json()
        assert told == {**asked, "uptime": told["uptime"], "live": True}
        await eventually("both are told", lambda: len(heard.events) >= 2, IN_TIME)
        [told] = (await http.get("/api/rooms?name=demo")).json()
        assert ("room", {**told, "live": True}) in heard.events
        assert ("room", missing("later")) in heard.events
        await change(worker, "demo", subscribers=4)
        await heard.hears(("room", {**told, "subscribers": 4, "live": True}))
        await change(worker, "demo", has_publisher=False)
        await heard.hears(("room", {**told, "subscribers": 4, "hasPublisher": False, "live": False}))
        await worker.publish_in("later")
        await heard.hears(("room", {**missing("later"), "hasPublisher": True, "tracks": 2, "live": True}))
        await worker.give_up("later")
        await worker.beat()
        await heard.hears(("room", missing("later")))


async def test_a_room_that_is_over_says_since_when_until_it_is_back(stage: Stage, redis: Redis) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control()
    async with listening(http, f"{EVENTS}?room=demo&room=never&detail=true") as heard:
        await eventually("the rooms are told", lambda: len(heard.events) >= 2, IN_TIME)
        assert ("room", missing("never")) in heard.events
        assert all("endedAgo" not in told for _, told in heard.events)
        await worker.give_up("demo")
        await worker.beat()
        await eventually("its end is told", lambda: heard.events[-1][1].get("endedAgo") in (0, 1), IN_TIME)
        seconds, _ = await redis.time()
        await redis.set(keys.room_ended(RoomName("demo")), seconds - 600)
        async with listening(await stage.control(), f"{EVENTS}?room=demo&detail=true") as later:
            [(_, told), *_] = await eventually("it is told later", lambda: later.events, IN_TIME)
            assert told == {**missing("demo"), "endedAgo": told["endedAgo"], "endReason": "left"}
            assert 599 <= told["endedAgo"] <= 602
        async with listening(http, f"{EVENTS}?room=demo") as wants_no_details:
            await wants_no_details.hears(("room", missing("demo")))
        await worker.publish_in("demo")
        await eventually("it is back", lambda: heard.events[-1][1]["live"], IN_TIME)
        assert "endedAgo" not in heard.events[-1][1]
        await worker.give_up("demo")
        await worker.beat()
        await eventually("it is over", lambda: heard.events[-1][1].get("endedAgo") in (0, 1), IN_TIME)


async def test_an_end_that_redis_hears_of_late_is_told_at_the_next_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker tells that a room is gone, and in its next round trip that it ended."""
    asked: list[list[str]] = []
    room_ends = Directory.room_ends

    async def late(self: Directory, rooms: Sequence[RoomName]) -> dict[RoomName, RoomEnd]:
        asked.append(list(rooms))
        return {} if len(asked) == 1 else await room_ends(self, rooms)

    monkeypatch.setattr(Directory, "room_ends", late)
    worker = await stage.worker()
    await worker.publish_in("demo")
    async with listening(await stage.control(), f"{EVENTS}?room=demo&detail=true") as heard:
        await eventually("it is told", lambda: heard.events, IN_TIME)
        await worker.give_up("demo")
        await worker.beat()
        await eventually("its end is told", lambda: heard.events[-1][1].get("endedAgo") in (0, 1), IN_TIME)
        assert ("room", missing("demo")) in heard.events
        assert asked == [["demo"]] * 2


async def test_the_stream_opens_where_redis_does_not_tell_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(Directory, "room_ends", fail)
    async with listening(await stage.control(), f"{EVENTS}?room=demo&detail=true") as heard:
        await heard.hears(("room", missing("demo")))


@pytest.mark.parametrize(
    "settings",
    [{"room_play_tokens": "demo:secret"}, {"play_token": "secret"}, {"auth_url": "http://127.0.0.1:1/"}],
)
async def test_the_end_of_a_locked_room_is_nobodys_business(stage: Stage, settings: dict[str, str]) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    http = await stage.control(**settings)
    async with listening(http, f"{EVENTS}?room=demo&detail=true") as heard:
        await eventually("it is told", lambda: heard.events, IN_TIME)
        await worker.give_up("demo")
        await worker.beat()
        await heard.hears(("room", missing("demo")))
        async with listening(http, f"{EVENTS}?room=demo&detail=true") as later:
            await later.hears(("room", missing("demo")))
        assert all("endedAgo" not in told for _, told in heard.events)


@pytest.mark.parametrize("query", ["", "?detail=true"])
async def test_all_rooms_and_then_what_changes(query: str, stage: Stage) -> None:
    worker = await stage.worker()
    for name in ("a", "b"):
        await worker.publish_in(name)
    http = await stage.control()
    async with listening(http, EVENTS + query) as heard:
        (_, first), *_ = await eventually("the list is told", lambda: heard.events, IN_TIME)
        assert (first["first"], first["complete"], first["gone"]) == (True, True, [])
        assert [room["name"] for room in first["rooms"]] == ["a", "b"]
        await worker.publish_in("c")
        await eventually("a room comes", lambda: "c" in known(heard), IN_TIME)
        await change(worker, "a", subscribers=7)
        await eventually("its viewers change", lambda: known(heard)["a"]["subscribers"] == 7, IN_TIME)
        await worker.give_up("b")
        await worker.beat()
        await eventually("a room goes", lambda: set(known(heard)) == {"a", "c"}, IN_TIME)
        assert not any(data["first"] for _, data in heard.events[1:])


async def test_a_cluster_without_rooms_has_a_whole_list(stage: Stage) -> None:
    async with listening(await stage.control(), EVENTS) as heard:
        await heard.hears(("rooms", {"rooms": [], "gone": [], "first": True, "complete": True}))


async def test_a_stream_says_when_to_come_back_and_stays_alive(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ALIVE_EVERY_LOOKS", 1)
    http = await stage.control()
    async with http.stream("GET", f"{EVENTS}?room=demo") as response, asyncio.timeout(IN_TIME):
        assert response.headers["X-Accel-Buffering"] == "no"
        lines = response.aiter_lines()
        assert 2000 <= int((await anext(lines)).removeprefix("retry: ")) <= 5000
        while await anext(lines) != ": ":
            pass


async def test_a_process_has_so_many_streams(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoomStream, "most", 1)
    http = await stage.control()
    async with listening(http, EVENTS):
        refused = await http.get(f"{EVENTS}?room=demo")
        assert (refused.status_code, refused.json()["detail"]) == (503, "too many event streams")
        assert int(refused.headers["Retry-After"]) > 0

    async def opens() -> bool:
        async with http.stream("GET", EVENTS) as response:
            return response.status_code == 200

    await eventually("the place of the reader that went is free", opens, IN_TIME)


async def test_streams_end_when_their_process_stops(redis_url: str) -> None:
    server = make_server(load_settings(redis_url=redis_url, admin_token="chief"))
    listener = listen("HTTP_ADDR", HostPort("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually("it serves", lambda: server.started, IN_TIME)
    async with (
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", headers={"X-Auth-Token": "chief"}
        ) as http,
        listening(http, EVENTS) as every,
        listening(http, f"{EVENTS}?room=demo") as some,
        listening(http, "/api/admin/events") as operators,
    ):
        streams = (every, some, operators)
        await eventually("all are told", lambda: all(stream.events for stream in streams), IN_TIME)
        server.stop()
        async with asyncio.timeout(1.5):  # less than requests under way are waited for
            await serving
        await eventually("all have ended", lambda: all(stream.ended for stream in streams), IN_TIME)
