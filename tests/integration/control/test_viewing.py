"""What players report reaches the sums of a room through any control process; too much of it does not."""

from typing import cast

import httpx
from redis.asyncio import Redis

from control.routes.viewing import RELATION
from control.workers.viewing_reports import AT_ONCE, EXPECTED_SECONDS, KEPT_SECONDS, ONE_IN_SECONDS
from shared.bus import keys
from shared.names import RoomName, SessionId
from tests.integration.control.conftest import Stage
from tests.integration.control.row import HOOK, SDP, SESSION, WHEP
from tests.support.offers import PLAY_OFFER
from tests.support.webhook_receiver import SECRET

WANTED = {"viewer_reports": True, "webhook_urls": HOOK, "webhook_secrets": SECRET}
SUMS = keys.viewing(RoomName("demo"))


async def test_a_player_is_asked_for_reports_where_they_are_wanted(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo")
    for wanted in (False, True):
        http = await stage.control(viewer_reports=wanted)
        response = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=SDP)
        links = [link for link in response.headers.get_list("link") if RELATION in link]
        url = response.headers["Location"] + "/viewing"
        assert links == ([f'<{url}>; rel="{RELATION}"'] if wanted else [])


async def watching(stage: Stage, http: httpx.AsyncClient) -> str:
    """Where the reports of a viewer go."""
    worker = await stage.worker()
    await worker.publish_in("demo")
    response = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=SDP)
    return f"{response.headers['Location']}/viewing"


async def test_reports_of_a_room_are_summed_over_processes_and_a_session_sends_few(
    stage: Stage, redis: Redis
) -> None:
    http, other = await stage.control(**WANTED), await stage.control(**WANTED)
    url = await watching(stage, http)
    seen = {"seconds": 30, "stills": 1, "stillSeconds": 0.5, "lines": 720}
    assert [(await each.post(url, json=seen)).status_code for each in (http, other)] == [204, 204]
    assert await redis.hgetall(SUMS) == {
        b"reports": b"2",
        b"watched_ms": b"60000",
        b"stills": b"2",
        b"still_ms": b"1000",
        b"concealed_ms": b"0",
        b"pictures": b"2",
        b"lines": b"1440",
    }
    assert 0 < await redis.ttl(SUMS) <= KEPT_SECONDS
    for _ in range(AT_ONCE - 2):
        assert (await http.post(url, json=seen)).status_code == 204
    refused: httpx.Response = await other.post(url, json=seen)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    viewer = keys.viewer(SessionId(url.split("/")[-2]))
    since = cast(bytes, await redis.hget(viewer, "since"))
    await redis.hset(viewer, "since", int(since) - ONE_IN_SECONDS)
    assert [(await other.post(url, json=seen)).status_code for _ in range(2)] == [204, 429]
    assert await redis.hget(SUMS, "reports") == b"%d" % (AT_ONCE + 1)
    assert 0 < await redis.ttl(viewer) <= EXPECTED_SECONDS
    metrics = (await http.get("/metrics")).text
    assert f'roomcast_viewing_reports_total{{room="demo"}} {AT_ONCE - 1}.0' in metrics


async def test_the_last_report_of_a_room_that_was_not_listed_does_not_name_it(stage: Stage) -> None:
    """It comes when the server has closed the room, and the room's settings have ended with it."""
    http = await stage.control(admin_token="chief", **WANTED)
    room, chief = "/api/admin/rooms/demo", {"Authorization": "Bearer chief"}
    assert (await http.put(room, json={"listed": False}, headers=chief)).status_code == 200
    url = await watching(stage, http)
    assert (await http.delete(room, headers=chief)).status_code == 200
    assert (await http.post(url, json={"seconds": 30})).status_code == 204
    metrics = [line for line in (await http.get("/metrics")).text.splitlines() if "viewing_reports" in line]
    assert 'roomcast_viewing_reports_total{room=""} 1.0' in metrics
    assert not [line for line in metrics if "demo" in line]


async def test_a_stranger_to_the_room_adds_nothing(stage: Stage, redis: Redis) -> None:
    http = await stage.control(**WANTED)
    url = await watching(stage, http)
    for elsewhere in (f"{WHEP}/demo/{SESSION}/viewing", url.replace("/demo/", "/other/")):
        assert (await http.post(elsewhere, json={"seconds": 30})).status_code == 204
    assert not await redis.keys("*viewing*")
    assert "roomcast_viewing_reports_total{" not in (await http.get("/metrics")).text


async def test_without_webhooks_redis_keeps_no_sums(stage: Stage, redis: Redis) -> None:
    http = await stage.control(viewer_reports=True)
    url = await watching(stage, http)
    assert (await http.post(url, json={"seconds": 30})).status_code == 204
    assert 'roomcast_viewing_reports_total{room="demo"} 1.0' in (await http.get("/metrics")).text
    assert not await redis.exists(SUMS)
