"""Two control processes and three workers behind HAProxy are one server, to browsers and to any request."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.integration.deploy import proxies
from tests.support.browser import chromium, open_publish_page, open_watch_page
from tests.support.free_ports import free_port
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.system import Member, running_system

WATCH_SECONDS = 30.0
ROUNDS = 6
AT_ONCE = 2
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
ADMIN = {"Authorization": "Bearer chief"}

pytestmark = pytest.mark.e2e


async def test_browsers_and_every_kind_of_request_through_haproxy(redis_url: str, tmp_path: Path) -> None:
    settings = {"ADMIN_TOKEN": "chief", "TRUSTED_PROXIES": "127.0.0.1", "WORKER_MAX_LOAD": "4"}
    async with running_system(redis_url, controls=2, workers=3, **settings) as system:
        port = free_port()
        controls = [control.url.removeprefix("http://") for control in system.controls]
        command = proxies.haproxy(controls, port, tmp_path)
        async with (
            proxies.running(command, port, tmp_path / "log") as http,
            chromium() as browser,
        ):
            url = f"http://127.0.0.1:{port}"
            async with (
                await open_publish_page(browser, url, "camera") as publisher,
                await open_watch_page(browser, url, "camera", expected_statuses=(404,)) as viewer,
            ):
                await publisher.publish()
                await publisher.tells("Live in camera.")
                before = [requests_of(control) for control in system.controls]
                gate = asyncio.Semaphore(AT_ONCE)
                sent = await asyncio.gather(*(one_round(http, number, gate) for number in range(ROUNDS)))
                served = [
                    sum((requests_of(control) - earlier).values())
                    for control, earlier in zip(system.controls, before, strict=True)
                ]
                print(f"{sum(sent)} requests without a wrong answer, {served} by each replica")
                assert sum(sent) >= 120
                assert min(served) > 30
                await viewer.sees_and_hears(WATCH_SECONDS)


def requests_of(control: Member) -> Counter[str]:
    """The requests that a control process has logged, by route."""
    lines = (json.loads(line) for line in control.log.read_text().splitlines())
    return Counter(line["route"] for line in lines if line["event"] == "request")


async def one_round(http: httpx.AsyncClient, number: int, gate: asyncio.Semaphore) -> int:
    """One request of each kind, in a room of its own; either replica may get any of them."""
    whip, whep = f"/api/whip/publish/round{number}", f"/api/whep/play/round{number}"
    sent = 0

    async def ask(status: int, method: str, path: str, body: bytes = b"", **headers: str) -> httpx.Response:
        nonlocal sent
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await http.request(method, path, content=body, headers=given)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        sent += 1
        return response

    async with gate:
        await ask(404, "POST", whep, PLAY_OFFER, **SDP)
        published = (await ask(201, "POST", whip, PUBLISH_OFFER, **SDP)).headers["Location"]
        await ask(409, "POST", whip, PUBLISH_OFFER, **SDP)
        played = await ask(201, "POST", whep, PLAY_OFFER, **SDP)
        watched = played.headers["Location"]
        await ask(400, "POST", whep, b"hello", **SDP)
        await ask(400, "POST", "/api/whep/play/a.b", PLAY_OFFER, **SDP)
        await ask(415, "POST", whip, PUBLISH_OFFER)
        await ask(204, "PATCH", watched, b"a=mid:0\r\n", **FRAGMENT)
        await ask(428, "PATCH", watched, b"a=ice-ufrag:abcd\r\na=ice-pwd:" + b"x" * 22 + b"\r\n", **FRAGMENT)
        await ask(201, "POST", f"{watched}/events")
        await ask(204, "GET", whip)
        await ask(200, "OPTIONS", watched)
        await ask(405, "PUT", whip)
        await ask(200, "GET", "/api/bootstrap")
        rooms = (await ask(200, "GET", "/api/rooms")).json()
        assert {"name": f"round{number}", "hasPublisher": True, "tracks": 2, "subscribers": 1} in rooms
        await ask(200, "GET", f"/api/rooms/round{number}")
        await ask(401, "GET", "/api/workers")
        workers = (await ask(200, "GET", "/api/workers", **ADMIN)).json()
        assert [worker["state"] for worker in workers] == ["ready"] * 3
        await ask(200, "DELETE", watched)
        await ask(404, "DELETE", watched)
        await ask(200, "POST", f"/api/admin/rooms/round{number}/close", **ADMIN)
        await ask(404, "POST", f"/api/admin/rooms/round{number}/close", **ADMIN)
        await ask(404, "PATCH", published, b"a=mid:0\r\n", **FRAGMENT)
        await ask(404, "GET", "/nothing")
    return sent
