"""What is set for rooms: by whom, in any control process, for all of them, and through an emptied Redis."""

import asyncio
import re
import time
from math import ceil
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from control.workers.room_configuration import RoomConfiguration
from shared.bus import keys
from shared.messages.room_settings import FollowSettings
from shared.room_settings import settings_book
from tests.integration.control.conftest import Stage
from tests.integration.control.test_rulings import CHIEF, SETTINGS, bearer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.waiting import eventually
from tests.support.webhook_receiver import SECRET, WebhookReceiver

IN_TIME = 10.0
PUBLISH, PLAY = "to-publish-in-demo", "to-play-what-demo-has"


async def put(http: httpx.AsyncClient, room: str, **fields: Any) -> httpx.Response:
    return await http.put(f"/api/admin/rooms/{room}", json=fields, headers=CHIEF)


async def shown(http: httpx.AsyncClient, room: str) -> dict[str, Any]:
    answer = await http.get(f"/api/admin/rooms/{room}", headers=CHIEF)
    facts: dict[str, Any] = answer.json()
    return facts


async def offer(http: httpx.AsyncClient, path: str, token: str) -> int:
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
    content = PUBLISH_OFFER if "whip" in path else PLAY_OFFER
    return (await http.post(path, content=content, headers=headers)).status_code


async def test_what_one_process_sets_holds_in_others_within_a_second(stage: Stage, redis: Redis) -> None:
    await stage.worker()
    here, there = await stage.control(**SETTINGS), await stage.control(**SETTINGS)
    answer = await put(here, "demo", seats=5, publishTokens=[PUBLISH], playTokens=[PLAY], title="Démo")
    assert (answer.status_code, answer.json()["publishTokenCount"]) == (200, 1)

    async def opens() -> bool:
        return await offer(there, "/api/whip/publish/demo", PUBLISH) == 201

    await eventually("the other process knows it", opens, IN_TIME)
    assert await offer(there, "/api/whip/publish/demo", PLAY) == 401
    assert await offer(there, "/api/whep/play/demo", PLAY) == 201
    kept = f"{await redis.hgetall(keys.SETTINGS)} {await redis.xrange(keys.SETTINGS_LOG)}"
    for token in (PUBLISH, PLAY):
        assert token not in answer.text + kept


async def test_of_changes_at_once_none_is_lost(stage: Stage) -> None:
    here, there = await stage.control(**SETTINGS), await stage.control(**SETTINGS)
    url = "/api/admin/rooms/demo"
    for fields in ({"seats": 3, "title": "a"}, {"title": None, "labels": {"x": "y"}}):
        await here.patch(url, json=fields, headers=CHIEF)
    facts = await shown(here, "demo")
    assert (facts["seats"], facts["title"], facts["labels"]) == (3, "", {"x": "y"})
    changes = [{"seats": 9}, {"title": "b"}, {"labels": {"c": "d"}}]
    at_once = zip((here, there, here), changes, strict=True)
    answers = await asyncio.gather(*(http.patch(url, json=one, headers=CHIEF) for http, one in at_once))
    assert [answer.status_code for answer in answers] == [200] * 3
    facts = await shown(here, "demo")
    assert (facts["seats"], facts["title"], facts["labels"]) == (9, "b", {"c": "d"})


async def test_a_change_takes_one_trip_to_redis_and_no_change_needs_a_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = await stage.control(**SETTINGS)
    look, looks = RoomConfiguration._look, 0

    async def count(configuration: RoomConfiguration) -> None:
        nonlocal looks
        looks += 1
        await look(configuration)

    monkeypatch.setattr(RoomConfiguration, "_look", count)
    for fields, expected in (({"seats": 3}, 0), ({"seats": 4}, 0), ({"seats": 4}, 1)):
        assert (await put(http, "demo", **fields)).status_code == 200
        assert looks == expected
    for status in (200, 404):
        assert (await http.delete("/api/admin/rooms/demo", headers=CHIEF)).status_code == status
    assert looks == 2


async def test_a_room_that_has_ended_may_be_set_anew_at_once(stage: Stage) -> None:
    here, there = await stage.control(**SETTINGS), await stage.control(**SETTINGS)
    await put(here, "demo", title="old", until=ceil(time.time() + 0.2))

    async def is_over() -> bool:
        return (await here.get("/api/admin/rooms/demo", headers=CHIEF)).status_code == 404

    await eventually("it has ended", is_over, IN_TIME)
    for http, title in ((here, "new"), (there, "newer")):
        assert (await put(http, "demo", title=title)).status_code == 200
    assert (await shown(here, "demo"))["title"] == "newer"


async def test_the_audit_log_names_what_was_set_as_the_api_does(stage: Stage) -> None:
    http = await stage.control(**SETTINGS)
    with capture_logs() as lines:
        await put(http, "demo", keepDays=1, playTokens=[PLAY])
    [line] = [line for line in lines if line["event"] == "audit"]
    assert (line["act"], line["fields"]) == ("room.configure", ["keepDays", "playTokens"])
    assert PLAY not in str(lines)


async def test_an_admin_of_one_room_sets_what_holds_there(stage: Stage) -> None:
    http = await stage.control(**SETTINGS)
    own = bearer(role="admin", room="red", sub="ann")
    assert (await http.put("/api/admin/rooms/red", json={}, headers=own)).json()["by"] == "JWT sub='ann'"
    assert (await http.put("/api/admin/rooms/blue", json={}, headers=own)).status_code == 401
    assert (await http.get("/api/admin/rooms", headers=own)).status_code == 401


async def test_there_are_so_many_and_they_come_in_pages(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_book, "MOST_ROOMS", 2)
    http = await stage.control(**SETTINGS)
    assert [(await put(http, room)).status_code for room in ("b", "a", "b")] == [200] * 3
    full = await put(http, "c")
    assert (full.status_code, full.json()["error"]) == (503, "too many rooms with settings")
    pages = [await http.get(f"/api/admin/rooms?{query}", headers=CHIEF) for query in ("limit=1", "after=a")]
    assert [[one["room"] for one in page.json()["rooms"]] for page in pages] == [["a"], ["b"]]


async def test_who_may_record_has_every_worker_begin_and_leaves_nothing(stage: Stage) -> None:
    workers = [await stage.worker(name) for name in ("w1", "w2")]
    http, other = await stage.control(**SETTINGS), await stage.control(**SETTINGS)
    url = "/api/admin/rooms/red/recording"
    for claims, status in (
        ({"actions": ["publish"]}, 401),
        ({"actions": ["record"], "room": "blue"}, 401),
        ({"actions": ["record"], "room": "red"}, 200),
    ):
        answer = await http.post(url, json={"name": "take 1"}, headers=bearer(**claims))
        assert answer.status_code == status
    note = {"name": "take 1", "labels": {}, "paused": False, "clips": []}
    assert answer.json() == {"room": "red", "recorded": True, "recording": note}

    def told() -> list[int]:
        return [sum(isinstance(one, FollowSettings) for one in worker.received) for worker in workers]

    assert told() == [1, 1]
    await http.post(url, json={"name": "take 1"}, headers=bearer(actions=["record"], room="red"))
    assert told() == [1, 1]  # it is recorded so already
    assert (await shown(other, "red"))["recording"]["name"] == "take 1"
    for _ in range(2):
        stopped = await other.delete(url, headers=CHIEF)
        assert stopped.json() == {"room": "red", "recorded": False, "recording": None}
    assert told() == [2, 2]
    assert (await http.get("/api/admin/rooms", headers=CHIEF)).json()["rooms"] == []


async def test_where_all_rooms_are_recorded_one_that_was_stopped_stays_so(stage: Stage) -> None:
    http = await stage.control(**SETTINGS, record_enabled=True)
    url = "/api/admin/rooms/red/recording"
    assert (await http.get(url, headers=CHIEF)).json() == {"room": "red", "recorded": True, "recording": None}
    paused = await http.patch(url, json={"paused": True}, headers=CHIEF)
    assert (paused.json()["recorded"], paused.json()["recording"]["paused"]) == (True, True)
    await http.delete(url, headers=CHIEF)
    assert (await shown(http, "red"))["recorded"] is False


async def test_a_streamer_pauses_and_marks_what_all_workers_hear_of(stage: Stage) -> None:
    worker = await stage.worker()
    http, other = await stage.control(**SETTINGS), await stage.control(**SETTINGS)
    url, streamer = "/api/admin/rooms/red/recording", bearer(actions=["publish", "record"], room="red")
    await http.post(url, json={"name": "take 1"}, headers=streamer)
    for which, fields in ((other, {"beginClip": "goal"}), (http, {"endClip": "goal", "paused": True})):
        await which.patch(url, json=fields, headers=streamer)
    note = (await other.get(url, headers=streamer)).json()["recording"]
    [clip] = note["clips"]
    assert (note["name"], note["paused"], clip["name"]) == ("take 1", True, "goal")
    assert 0 < clip["begin"] <= clip["end"] <= time.time() + 5
    assert sum(isinstance(one, FollowSettings) for one in worker.received) == 3
    again = (await http.post(url, json={"name": "take 1"}, headers=streamer)).json()["recording"]
    assert (again["paused"], again["clips"]) == (False, [clip])  # it goes on
    await http.delete(url, headers=streamer)
    anew = await http.post(url, json={"name": "take 2"}, headers=streamer)
    assert anew.json()["recording"]["clips"] == []


async def test_webhooks_tell_what_was_set(stage: Stage, redis: Redis) -> None:
    async with WebhookReceiver() as receiver:
        hooks = {"webhook_urls": receiver.url, "webhook_secrets": SECRET}
        http = await stage.control(**SETTINGS, **hooks, webhook_allowed_networks="127.0.0.0/8")
        await eventually("events are wanted", lambda: redis.exists(keys.EVENTS_WANTED), IN_TIME)
        for _ in range(2):  # the second one changes nothing
            await put(http, "demo", title="a", playTokens=[PLAY])
        another = bearer(role="admin", sub="another")
        repeated = {"title": "a", "playTokens": [PLAY]}
        answer = await http.put("/api/admin/rooms/demo", json=repeated, headers=another)
        assert answer.json()["by"] == "JWT sub='another'"
        await put(http, "nothing")
        await http.post("/api/admin/rooms/demo/recording", headers=CHIEF)
        await http.delete("/api/admin/rooms/demo", headers=CHIEF)
        await eventually("all are told", lambda: len(receiver.arrived) == 3, IN_TIME)
    events = [one.event["data"] for one in receiver.arrived]
    assert {one.type for one in receiver.arrived} == {"room.configured"}
    assert [one["fields"] for one in events] == [
        ["playTokens", "title"],
        ["recorded", "recording"],
        ["playTokens", "recorded", "recording", "title"],
    ]
    assert all(re.fullmatch(r"demo-\d{16}-configured", one.id) for one in receiver.arrived)
    assert [(one["title"], one["by"], one["worker"]) for one in events] == [
        ("a", "admin token", ""),
        ("a", "admin token", ""),
        ("", "admin token", ""),
    ]
    assert PLAY not in str(events)


async def test_an_operator_sees_what_the_environment_sets_for_all_rooms(stage: Stage) -> None:
    settings = {"max_subs_per_room": 50, "record_enabled": True, "record_formats": "mux", "snapshots": False}
    http = await stage.control(admin_token="chief", record_keep_days=1.5, **settings)
    answer = (await http.get("/api/admin/rooms", headers=CHIEF)).json()
    assert answer["environment"] == {
        "seats": 50,
        "recorded": True,
        "formats": ["mux"],
        "keepDays": 1.5,
        "stills": False,
    }
