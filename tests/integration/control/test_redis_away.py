"""Redis or the worker away: 503 with Retry-After within 2 s, and normal service once it is back."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from control.http.bodies import FRAGMENT_TYPE
from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Play
from shared.messages.status import WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from tests.integration.control import row
from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.row import PARAMETERS
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.own_valkey import OwnValkey
from tests.support.stopwatch import Stopwatch
from tests.support.waiting import eventually

ADMIN, ADMIN_HEADER = row.ADMIN["settings"], row.ADMIN["headers"]
LIMIT_SECONDS = 2.0
# Where the message is fixed: clients and scripts rely on it.
CONTRACT = (
    "/api/whip/",
    "/api/whep/",
    "/api/bootstrap",
    "/api/rooms",
    "/api/records",
    "/records/",
    "/readyz",
)
CLOSE = "/api/admin/rooms/{room}/close"
# GET of a session's URL asks nobody: its 503 is of JWTs whose keys are away (test_public_keys.py)
NEED_KEYS_ONLY = {
    (f"/api/{endpoint}/{{room}}/{{session}}", "GET") for endpoint in ("whip/publish", "whep/play")
}
# answered from what this process holds
HELD = {
    (f"/api/admin/{held}", "GET")
    for held in ("blocks", "revocations", "rooms", "rooms/{room}", "rooms/{room}/recording")
}
NEED_REDIS = sorted(
    {(path, method) for path, method, status in description().statuses() if status == 503}
    - NEED_KEYS_ONLY
    - HELD
)


async def ask(http: httpx.AsyncClient, path: str, method: str) -> httpx.Response:
    """A request that would succeed if all were there."""
    headers, body = dict(ADMIN_HEADER), b""
    given = description().request_body(path, method)
    if given.get("required"):
        headers["Content-Type"], content = next(iter(given["content"].items()))
        body = json.dumps(content["example"]).encode()
        if path == "/api/admin/rooms/{room}":
            body = b"{}"
        elif headers["Content-Type"] == "application/sdp":
            body = PUBLISH_OFFER if "whip" in path else PLAY_OFFER
        elif headers["Content-Type"] == FRAGMENT_TYPE:
            body = b"a=mid:0\r\n"
    return await http.request(method, path.format_map(PARAMETERS), content=body, headers=headers)


async def assert_503_in_time(http: httpx.AsyncClient, path: str, method: str) -> None:
    async with Stopwatch() as watch:
        response = await ask(http, path, method)
    assert response.status_code == 503, (method, path, response.text)
    body = response.json()
    if body.get("detail", "").startswith("worker"):
        assert body["error"] == "no media worker available"
    else:
        assert "Redis is away" in (body["error"], body.get("detail"))
        is_fixed = path.startswith(CONTRACT) or path == CLOSE
        assert (body["error"] == "no media worker available") is is_fixed
    assert int(response.headers["Retry-After"]) >= 1
    assert watch.seconds < LIMIT_SECONDS


@contextmanager
def hanging_server() -> Iterator[str]:
    """URL of a Redis that takes connections and never says a word: the kernel takes them."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


async def test_redis_stops_and_comes_back(stage: Stage, own_valkey: OwnValkey) -> None:
    http = await stage.control(redis_url=own_valkey.url)

    async def publish() -> bool:
        return (await ask(http, "/api/whip/publish/{room}", "POST")).status_code == 201

    async with ScriptedWorker(own_valkey.url, "w1").running():
        assert await publish()

    own_valkey.stop()
    await assert_503_in_time(http, "/api/whip/publish/{room}", "POST")
    await assert_503_in_time(http, "/api/whep/play/{room}", "POST")
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["detail"]) == (503, "Redis is away")
    for path in ("/healthz", "/api/bootstrap", "/"):
        assert (await http.get(path)).status_code == 200
    metrics = (await http.get("/metrics")).text
    assert "roomcast_http_request_seconds_count" in metrics
    assert "live_rooms" not in metrics
    assert "roomcast_directory_age_seconds" in metrics
    assert "roomcast_workers{" not in metrics

    own_valkey.start()
    async with ScriptedWorker(own_valkey.url, "w1").running():

        async def published_if_ready() -> bool:
            ready = await is_ready(http)
            published = await publish()
            assert published or not ready
            return ready

        await eventually("ready again", published_if_ready, within=10)  # claims may have been lost


async def test_a_redis_that_is_not_there_or_hangs_is_503_in_time_with_the_rate_limit_on_too(
    stage: Stage,
) -> None:
    with hanging_server() as hangs:
        for url, settings in (("redis://127.0.0.1:1", {}), (hangs, {"rate_limit_rps": 5})):
            http = await stage.control(redis_url=url, **settings, **ADMIN)
            await asyncio.gather(*(assert_503_in_time(http, path, method) for path, method in NEED_REDIS))


async def test_once_it_is_known_to_hang_nobody_waits_for_it(stage: Stage) -> None:
    with hanging_server() as url:
        http = await stage.control(redis_url=url, rate_limit_rps=5)
        assert (await http.get("/readyz")).status_code == 503  # which has to find out
        async with Stopwatch() as watch:
            for _ in range(5):
                await assert_503_in_time(http, "/api/whip/publish/{room}", "POST")
        assert watch.seconds < 0.5


async def test_with_the_rate_limit_on_what_needs_no_redis_is_still_served(stage: Stage) -> None:
    http = await stage.control(redis_url="redis://127.0.0.1:1", rate_limit_rps=1, auth_token="secret-of-all")
    assert [(await http.get("/api/bootstrap")).status_code for _ in range(3)] == [200] * 3


async def test_a_worker_that_does_not_answer_is_503_in_time(stage: Stage, redis_url: str) -> None:
    redis = connect(redis_url)
    status = WorkerStatus(id="w1", state=WorkerState.READY, http_url="http://w1.test:9100")
    await Directory(redis).beat(status, [RoomName("demo")])
    assert await Directory(redis).room_owner(RoomName("demo")) == WorkerId("w1")
    await redis.aclose()
    http = await stage.control(**ADMIN)
    apart = ("/records/", "/webhooks/", "/blocks/", "/revocations", "/messages", "/viewing")  # need no worker
    asked = [
        (path, method)
        for path, method in NEED_REDIS
        if (method != "GET" or "{session}/events" in path)
        and not any(part in path for part in apart)
        and path not in ("/api/admin/rooms/{room}", "/api/admin/rooms/{room}/recording")
    ]
    assert len(asked) == 17
    await asyncio.gather(*(assert_503_in_time(http, path, method) for path, method in asked))


async def test_a_request_that_waits_long_for_redis_says_nothing_of_redis(
    stage: Stage, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a flood all connections are busy: the calls of some requests take too long."""
    monkeypatch.setattr(Directory, "room_holders", too_long)
    http = await stage.control()
    async with ScriptedWorker(redis_url, "w1").running():
        await eventually("it is ready", lambda: is_ready(http), within=5)
        assert (await ask(http, "/api/whep/play/{room}", "POST")).status_code == 503
        assert await is_ready(http)


async def too_long(_self: Directory, _room: RoomName) -> None:
    raise RedisTimeoutError


async def is_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).is_success


async def test_an_owner_of_older_data_that_has_no_such_room_is_no_404(stage: Stage, redis: Redis) -> None:
    """Another worker has the room, and has not claimed it again yet."""
    former = await stage.worker("former")
    await former.publish_in("demo")
    former.answers[Play] = ServiceError(ErrorCode.NO_PUBLISHER)
    http = await stage.control()
    offer: Any = {"content": PLAY_OFFER, "headers": {"Content-Type": "application/sdp"}}
    assert (await http.post("/api/whep/play/demo", **offer)).status_code == 404
    await redis.set(keys.EPOCH, f"{'0' * 40} 1000")
    for response in (await http.post("/api/whep/play/demo", **offer), await http.get("/readyz")):
        assert (response.status_code, response.json()["detail"]) == (503, "Redis has just come back")
