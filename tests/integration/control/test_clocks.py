"""A control process whose clock is wrong counts right what workers and other processes wrote."""

import math
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from control.events import stream_names, streams
from control.events.stream_names import MAX_NAMES
from control.routes import admin, moderation, records, room_settings, rooms, whip_whep
from shared.messages.signalling import Publish
from shared.messages.status import WorkerState
from tests.integration.control.conftest import Stage
from tests.integration.control.test_events import change, listening, played, subscribed
from tests.support.offers import PUBLISH_OFFER
from tests.support.waiting import eventually

RECORD = "demo_1710123456.webm"


@pytest.fixture(params=[-3600.0, 3600.0])
def skew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds by which the clock of control's host is ahead."""
    seconds: float = request.param
    wrong = SimpleNamespace(time=lambda: time.time() + seconds, monotonic=time.monotonic)
    for module in (admin, moderation, records, room_settings, rooms, stream_names, streams, whip_whep):
        monkeypatch.setattr(module, "time", wrong, raising=False)
    return seconds


async def test_a_room_is_as_old_as_it_is(stage: Stage, skew: float) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", started_at=time.time() - 60)
    room = (await (await stage.control()).get("/api/rooms/demo")).json()
    assert 60 <= room["uptime"] < 70


async def test_a_check_of_the_line_lasts_as_long_as_it_lasts(stage: Stage, skew: float) -> None:
    worker = await stage.worker()
    headers = {"Content-Type": "application/sdp"}
    began = time.time()
    answer = await (await stage.control()).post(
        "/api/whip/publish/demo?check=true", content=PUBLISH_OFFER, headers=headers
    )
    assert answer.status_code == 201
    [publish] = [message for message in worker.received if isinstance(message, Publish)]
    assert publish.expires_at is not None
    assert began + 14 < publish.expires_at < time.time() + 16


async def test_what_is_revoked_or_set_until_a_time_is_so_by_the_clock_of_all(
    stage: Stage, skew: float
) -> None:
    http = await stage.control(admin_token="chief")
    chief = {"Authorization": "Bearer chief"}
    now = time.time()
    revoked = await http.post("/api/admin/revocations", json={"issued_before": now}, headers=chief)
    assert revoked.json()["issued_before"] == pytest.approx(now, abs=1.0)
    for until, status in ((now + 600, 200), (now - 600, 400)):
        put = await http.put("/api/admin/rooms/demo", json={"until": until}, headers=chief)
        assert put.status_code == status, put.text


async def test_a_drain_lasts_as_long_as_it_lasts(stage: Stage, skew: float) -> None:
    await stage.worker("w1")
    http = await stage.control(admin_token="chief")
    drained = await http.post("/api/admin/workers/w1/drain", headers={"Authorization": "Bearer chief"})
    assert 20 < drained.json()["stopsIn"] <= 30


async def test_viewers_of_a_draining_worker_are_asked_to_move_when_there_is_a_place_to_go(
    stage: Stage, skew: float
) -> None:
    leaving = await stage.worker("leaving")
    await leaving.publish_in("demo")
    http = await stage.control()
    async with listening(http, await subscribed(http, await played(http), "reconnect", "inactive")) as heard:
        leaving.state = WorkerState.DRAINING
        leaving.drains = (time.time() - 60, time.time())
        await change(leaving, has_publisher=False)
        await heard.hears(("inactive", {}))
        assert len(heard.events) == 1  # nobody has the room
        await leaving.give_up("demo")
        await (await stage.worker("staying")).publish_in("demo")
        await heard.hears(("reconnect", {}))


async def test_an_event_stream_is_there_when_it_was_created_after_many_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process whose clock is late; the others of the session were created by another one."""
    await (await stage.worker()).publish_in("demo")
    http = await stage.control()
    events = await played(http)
    for _ in range(MAX_NAMES):
        await subscribed(http, events)
    late = SimpleNamespace(time=lambda: time.time() - 5)
    monkeypatch.setattr(stream_names, "time", late, raising=False)
    async with listening(http, await subscribed(http, events)) as heard:
        await heard.hears(("active", {}), ("viewercount", {"viewercount": 0}))


async def test_a_link_of_a_control_process_with_a_wrong_clock_opens_its_recording(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skew: float
) -> None:
    (tmp_path / RECORD).write_bytes(b"a picture")
    settings = {"auth_token": "secret", "record_enabled": True, "record_dir": str(tmp_path)}
    listed = await (await stage.control(**settings)).get("/api/records", headers={"X-Auth-Token": "secret"})
    url = listed.json()[0]["url"]
    monkeypatch.setattr(records, "time", time)  # the other process' clock is right
    other = await stage.control(**settings)
    query = dict(pair.split("=") for pair in url.partition("?")[2].split("&"))
    assert time.time() < int(query["expires"]) <= time.time() + 15 * 60 + 1
    assert (await other.get(url)).content == b"a picture"


async def test_the_skew_of_this_host_is_a_metric(stage: Stage) -> None:
    http = await stage.control()

    async def told_skew() -> float | None:
        lines = (await http.get("/metrics")).text.splitlines()
        told = next(line for line in lines if line.startswith("roomcast_clock_skew_seconds "))
        seconds = abs(float(told.split()[1]))
        return None if math.isnan(seconds) else 1 + seconds

    # not a number until Redis has told its time
    assert await eventually("the skew is known", told_skew, within=5) < 1.5  # Redis is on this host
