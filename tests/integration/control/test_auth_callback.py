"""`AUTH_URL` decides who may publish and play: what it is asked, and what clients get when it is away."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.control.conftest import Stage
from tests.support.callback_server import CallbackServer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.stopwatch import Stopwatch
from tests.support.tokens import SECRET, signed

WHIP, WHEP = "/api/whip/publish/demo", "/api/whep/play/demo"
AWAY = (503, "credentials cannot be verified now", "5")


@pytest.fixture
async def callback() -> AsyncIterator[CallbackServer]:
    async with CallbackServer() as server:
        yield server


async def publish(http: httpx.AsyncClient, token: str = "t", path: str = WHIP) -> httpx.Response:
    return await post_offer(http, path, PUBLISH_OFFER, token)


def outcome(response: httpx.Response) -> tuple[int, str, str]:
    return response.status_code, response.json()["error"], response.headers["Retry-After"]


async def test_it_is_asked_as_mediamtx_asks(stage: Stage, callback: CallbackServer) -> None:
    worker = await stage.worker()
    http = await stage.control(auth_url=callback.url)
    http.headers["User-Agent"] = "OBS"
    callback.answer = lambda question: "201 Created" if question["token"] == "good" else "401 Unauthorized"
    refused = await publish(http, "bad")
    assert (refused.status_code, refused.json()) == (401, {"error": "unauthorized"})
    assert (await publish(http, "good", f"{WHIP}?a=b")).status_code == 201
    assert (await post_offer(http, WHEP, PLAY_OFFER)).status_code == 401
    assert (await post_offer(http, WHEP, PLAY_OFFER, "good")).status_code == 201
    assert callback.questions[1] | {"id": ""} == {
        "user": "",
        "password": "",
        "token": "good",
        "ip": "127.0.0.1",
        "action": "publish",
        "path": "demo",
        "protocol": "webrtc",
        "id": "",
        "query": "a=b",
        "userAgent": "OBS",
    }
    assert [(one["action"], one["token"]) for one in callback.questions] == [
        ("publish", "bad"),
        ("publish", "good"),
        ("read", ""),
        ("read", "good"),
    ]
    assert callback.connections == 1
    assert len(worker.received[0].identity) == 64  # a digest, by which it may come back
    assert (await http.get("/api/bootstrap")).json()["authEnabled"] is True
    assert (await http.get("/api/records")).status_code == 401


async def test_while_it_is_away_clients_get_503_and_one_line_says_so(
    stage: Stage, callback: CallbackServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await stage.worker()
    http = await stage.control(auth_url=callback.url, auth_url_seconds=0.3, admin_token="chief")
    await callback.die()
    for _ in range(3):
        assert outcome(await publish(http, "hush")) == AWAY
    await callback.start()
    callback.hangs = True
    async with Stopwatch() as watch:
        assert outcome(await publish(http)) == AWAY
    assert watch.seconds < 1.5
    assert (await http.get("/api/admin/blocks", headers={"X-Auth-Token": "chief"})).status_code == 200
    callback.hangs = False
    for path in (WHIP, f"{WHIP}-too"):
        assert (await publish(http, path=path)).status_code == 201
    log = "".join(capsys.readouterr())
    assert log.count("AUTH_URL does not answer") == 1
    assert log.count("AUTH_URL answers again") == 1
    assert "hush" not in log


async def test_a_jwt_of_ours_and_the_admin_token_are_not_put_to_it(
    stage: Stage, callback: CallbackServer
) -> None:
    await stage.worker()
    http = await stage.control(auth_url=callback.url, jwt_secret=SECRET, admin_token="chief")
    revoked = signed(jti="r1")
    answer = await http.post(
        "/api/admin/revocations", json={"jti": "r1"}, headers={"Authorization": "Bearer chief"}
    )
    assert answer.status_code == 201
    for ours, status in (
        (signed(room="demo"), 201),
        (signed(room="other"), 401),
        (revoked, 401),
        ("chief", 401),
    ):
        assert (await publish(http, ours)).status_code == status
    assert callback.questions == []
    theirs = signed("another-secret-of-at-least-thirty-two")
    published = await publish(http, theirs, "/api/whip/publish/theirs")
    assert published.status_code == 201
    assert [one["token"] for one in callback.questions] == [theirs]
    # the session's URL is the credential, and what comes along is not put to it
    session = published.headers["Location"]
    assert (await http.delete(session, headers={"Authorization": f"Bearer {theirs}"})).status_code == 200
    assert len(callback.questions) == 1


async def test_turn_servers_are_for_whom_it_takes(stage: Stage, callback: CallbackServer) -> None:
    await (await stage.worker()).publish_in("demo")
    turn = {"turn_urls": "turn:t.test:3478", "turn_username": "u", "turn_password": "p"}
    http = await stage.control(auth_url=callback.url, auth_url_seconds=0.3, stun_urls=",", **turn)
    told = [{"urls": ["turn:t.test:3478"], "username": "u", "credential": "p"}]

    async def servers(query: str, token: str) -> object:
        headers = {"Authorization": f"Bearer {token}"}
        return (await http.get(f"/api/bootstrap{query}", headers=headers)).json()["iceServers"]

    callback.answer = lambda one: f"{200 if one['token'] == one['action'] else 401} x"
    assert await servers("?room=demo", "read") == told
    assert (await post_offer(http, WHEP, PLAY_OFFER, "read")).status_code == 201
    assert len(callback.questions) == 1  # the same one
    assert await servers("?room=demo&action=publish", "publish") == told
    for query, token in (("?room=demo", "publish"), ("?room=demo&action=publish", "read")):
        assert await servers(query, token) == []
    asked = len(callback.questions)
    assert await servers("", "read") == []
    assert len(callback.questions) == asked
    await callback.die()
    assert await servers("?room=other", "read") == []


async def test_without_turn_servers_it_is_not_asked_about_them(
    stage: Stage, callback: CallbackServer
) -> None:
    http = await stage.control(auth_url=callback.url)
    assert (await http.get("/api/bootstrap?room=demo")).status_code == 200
    assert callback.questions == []


async def test_who_may_publish_by_it_may_send_messages(stage: Stage, callback: CallbackServer) -> None:
    await (await stage.worker()).publish_in("demo")
    http = await stage.control(auth_url=callback.url, jwt_secret=SECRET, auth_url_seconds=0.3)
    callback.answer = lambda question: "200 OK" if question["token"] == "streamer" else "401 Unauthorized"

    async def tell(token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await http.post("/api/rooms/demo/messages", json={}, headers=headers)

    ours, others = signed(actions=["message"]), signed(actions=["play"])
    tokens = ("streamer", "viewer", ours, others)
    assert [(await tell(token)).status_code for token in tokens] == [202, 401, 202, 401]
    assert [(one["action"], one["path"], one["token"]) for one in callback.questions] == [
        ("publish", "demo", "streamer"),
        ("publish", "demo", "viewer"),
    ]
    await callback.die()
    assert outcome(await tell("another")) == AWAY
