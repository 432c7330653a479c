"""A control process of its own: its logs, its end, its TLS, and settings that it cannot serve."""

import asyncio
import json
import os
import re
import resource
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from control.server import make_server
from shared.messages.signalling import Publish
from shared.settings.settings import SettingsError, load_settings
from tests.integration.control.conftest import Stage
from tests.support.certificate import new_certificate
from tests.support.free_ports import free_port
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.tokens import SECRET, signed
from tests.support.waiting import eventually

PROGRAM = (
    "from control.server import serve\n"
    "from shared.settings.settings import load_settings\n"
    "serve(load_settings())"
)


@asynccontextmanager
async def process(
    log: Path, scheme: str = "http", program: str = PROGRAM, **env: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A control process that logs JSON to `log`, and its URL."""
    port = free_port()
    variables = (
        os.environ | {"HTTP_ADDR": f"127.0.0.1:{port}", "LOG_LEVEL": "debug", "LOG_FORMAT": "json"} | env
    )
    with log.open("wb") as stderr:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stderr=stderr, env=variables
        )
    url = f"{scheme}://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(verify=False) as http:

            async def up() -> bool:
                assert running.returncode is None, log.read_text()
                try:
                    return (await http.get(f"{url}/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually("the control process answers", up, within=20)
        yield running, url
    finally:
        if running.returncode is None:
            running.terminate()  # SIGKILL would take along the lines that are not written yet
        try:
            await asyncio.wait_for(running.wait(), 15)
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()


def lines_of(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


async def test_a_log_that_nobody_reads_holds_nothing_up(tmp_path: Path, redis_url: str) -> None:
    log = tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDWR)  # which reads nothing: 64 KiB fit
    try:
        async with (
            process(log, REDIS_URL=redis_url) as (running, url),
            httpx.AsyncClient(base_url=url) as http,
        ):
            for _ in range(600):  # each has a line of 200 bytes
                assert (await http.get("/api/bootstrap")).status_code == 200
            assert "roomcast_log_lines_dropped_total 0.0" in (await http.get("/metrics")).text
            running.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(running.wait(), 10) == 0
    finally:
        os.close(reader)


async def test_no_token_session_or_offer_is_in_any_line_of_the_log(
    tmp_path: Path, redis_url: str, stage: Stage
) -> None:
    worker = await stage.worker()
    log = tmp_path / "log"
    token = signed(room="demo")
    secrets = ["room-token-1", "global-token-2", "admin-token-3", SECRET, token, "turn-password-4", redis_url]
    async with (
        process(
            log,
            program=f"from control.workers.offers import Offers\nOffers.play = None\n{PROGRAM}",
            REDIS_URL=redis_url,
            ROOM_TOKENS="demo:room-token-1",
            AUTH_TOKEN="global-token-2",
            ADMIN_TOKEN="admin-token-3",
            JWT_SECRET=SECRET,
            TURN_URLS="turn:t.test",
            TURN_USERNAME="u",
            TURN_PASSWORD="turn-password-4",
        ) as (running, url),
        httpx.AsyncClient(base_url=url) as http,
    ):
        for secret in secrets[:5]:
            await post_offer(http, f"/api/whip/publish/demo?token={secret}", PUBLISH_OFFER, secret)
        created = await post_offer(http, "/api/whip/publish/other", PUBLISH_OFFER, "global-token-2")
        assert created.status_code == 201
        session = created.headers["Location"]
        secrets.append(session.rpartition(".")[2])
        for path in (session, f"{session}/more", session.replace("/api", "")):
            for method in ("DELETE", "PATCH", "GET", "PUT"):
                await http.request(method, path, headers={"X-Auth-Token": "global-token-2"})
        await http.post("/api/admin/rooms/demo/close", headers={"Authorization": "Bearer admin-token-3"})
        worker.answers[Publish] = KeyError("worker")
        await post_offer(http, "/api/whip/publish/third", PUBLISH_OFFER, "global-token-2")
        played = await post_offer(http, "/api/whep/play/other", PLAY_OFFER, "global-token-2")
        assert played.status_code == 500
        running.send_signal(signal.SIGTERM)
        await running.wait()
    text = log.read_text()
    for secret in [*secrets, "a=candidate", "ice-pwd"]:
        assert secret not in text
    lines = lines_of(log)
    requests = [line for line in lines if line["event"] == "request"]
    assert len(requests) > 20
    assert len([line for line in lines if "exception" in line]) == 1
    assert all(line["plane"] == "control" for line in lines)
    assert {"method", "route", "status", "ms", "client", "request_id"} <= set(requests[0])
    assert any(line["route"] == "/api/whip/publish/{room}/{session}" for line in requests)


async def test_what_pages_fetch_and_ask_for_is_logged_only_where_it_fails(stage: Stage) -> None:
    http = await stage.control()
    with capture_logs() as logs:
        for path in ("/", "/static/js/home.js", "/api/rooms", "/api/metrics/targets", "/static/nothing.js"):
            await http.get(path)
    requests = [line for line in logs if line["event"] == "request" and line["log_level"] != "debug"]
    assert [(line["route"], line["status"]) for line in requests] == [("/", 200), ("/static/{path}", 404)]


async def test_a_bug_is_logged_with_the_request_id_and_hostile_input_is_not(
    tmp_path: Path, redis_url: str
) -> None:
    log = tmp_path / "log"
    with_a_bug = f"from control.workers.room_list import RoomList\nRoomList.held_names = None\n{PROGRAM}"
    async with (
        process(log, program=with_a_bug, REDIS_URL=redis_url, JWT_SECRET="") as (_, url),
        httpx.AsyncClient(base_url=url) as http,
    ):
        damaged = PUBLISH_OFFER[:500], PUBLISH_OFFER.replace(b"a=", b"\x00")
        for body in (b"", b"\xff", b"v=0\r\n" * 1000, *damaged):
            assert (await post_offer(http, "/api/whip/publish/demo", body)).status_code == 400
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        await reader.read()
        writer.close()
        assert "exception" not in log.read_text().lower()
        failed = await http.get("/api/rooms")
        assert failed.status_code == 500
    bugs = [line for line in lines_of(log) if "exception" in line]
    assert [line["request_id"] for line in bugs] == [failed.headers["X-Request-Id"]]


@pytest.mark.parametrize(
    ("number", "more"), [(signal.SIGTERM, ()), (signal.SIGINT, ()), (signal.SIGINT, (signal.SIGINT,))]
)
async def test_a_signal_stops_it_at_once_and_cleanly(
    number: int, more: Sequence[int], tmp_path: Path, redis_url: str
) -> None:
    log = tmp_path / "log"
    scraped = f"127.0.0.1:{free_port()}"
    async with (
        process(log, REDIS_URL=redis_url, METRICS_ADDR=scraped) as (running, url),
        httpx.AsyncClient(base_url=url) as http,
    ):
        await http.get("/healthz")  # an idle connection is no reason to stay
        assert (await http.get(f"http://{scraped}/metrics")).is_success
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        running.send_signal(number)
        for second in more:
            assert await reader.read() == b""  # it stops
            running.send_signal(second)
        async with asyncio.timeout(3):
            assert await running.wait() == 0
        writer.close()
    assert "control plane stopped" in log.read_text()
    assert "Traceback" not in log.read_text()


async def test_a_request_under_way_is_answered_before_it_stops(
    tmp_path: Path, redis_url: str, stage: Stage
) -> None:
    worker = await stage.worker()
    worker.may_answer.clear()
    log = tmp_path / "log"
    async with process(log, REDIS_URL=redis_url) as (running, url), httpx.AsyncClient(base_url=url) as http:
        request = asyncio.create_task(post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER))
        await eventually("the worker was asked", lambda: worker.received, within=5)
        running.send_signal(signal.SIGTERM)

        async def refused() -> bool:
            try:
                await http.get("/healthz", headers={"Connection": "close"})
            except httpx.TransportError:  # refused, or reset while it waited to be accepted
                return True
            return False

        await eventually("no new connection is taken", refused, within=1)
        worker.may_answer.set()
        assert (await request).status_code == 201
        assert await running.wait() == 0


async def test_with_a_certificate_it_speaks_https(tmp_path: Path, redis_url: str) -> None:
    cert_file, key_file = new_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=cert_file)
    trust.check_hostname = False
    env = {"REDIS_URL": redis_url, "TLS_CERT_FILE": str(cert_file), "TLS_KEY_FILE": str(key_file)}
    async with process(tmp_path / "log", "https", **env) as (_, url), httpx.AsyncClient(verify=trust) as http:
        healthy = await http.get(f"{url}/healthz")
        assert healthy.text == "ok"
        for response in (healthy, await http.get(f"{url}/"), await http.get(f"{url}/api/nothing")):
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        begins, ends = certificate_times((await http.get(f"{url}/metrics")).text)
    assert begins <= time.time() < ends


def certificate_times(metrics: str) -> tuple[float, float]:
    begins, ends = (
        float(re.findall(rf"^roomcast_certificate_{word}_timestamp_seconds (\S+)$", metrics, re.MULTILINE)[0])
        for word in ("begins", "ends")
    )
    return begins, ends


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("missing", "empty"):
        file = str(tmp_path / name)
        settings = load_settings(redis_url="redis://127.0.0.1:1", tls_cert_file=file, tls_key_file=file)
        with pytest.raises(SettingsError, match=r"^TLS_CERT_FILE, TLS_KEY_FILE: "):
            make_server(settings)


def test_a_process_with_few_files_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(redis_url="redis://127.0.0.1:1")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    with capture_logs() as logs:
        make_server(settings)
    assert [(line["log_level"], line["connections"]) for line in logs] == [("warning", 896)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65_536, 65_536))
    with capture_logs() as logs:
        make_server(settings)
    assert logs == []
