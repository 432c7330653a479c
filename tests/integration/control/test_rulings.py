"""What control does with rulings: for whom, in pages, up to the limit."""

import re
import time
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from control import app
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.messages.rulings import EndSession, Obeyed, ObeyRulings
from shared.rulings import ruling_book
from shared.rulings.ruling_book import RulingBook
from tests.integration.control.conftest import Stage
from tests.integration.control.row import SESSION
from tests.support.tokens import SECRET, signed
from tests.support.waiting import eventually

SETTINGS = {"admin_token": "chief", "jwt_secret": SECRET}
IN_TIME = 10.0
CHIEF = {"Authorization": "Bearer chief"}


def bearer(**claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed(**claims)}"}


async def block(http: httpx.AsyncClient, room: str, headers: dict[str, str] = CHIEF) -> httpx.Response:
    return await http.post(f"/api/admin/rooms/{room}/close", json={"block": 60}, headers=headers)


async def test_every_worker_obeys_before_the_answer(stage: Stage) -> None:
    workers = [await stage.worker(name) for name in ("w1", "w2")]
    http = await stage.control(**SETTINGS)
    assert (await block(http, "demo")).json()["sessions"] == 0
    for worker in workers:
        assert [told.name for told in worker.received if isinstance(told, ObeyRulings)] == ["block:demo"]


async def test_workers_of_before_are_asked_also_by_a_redis_that_was_emptied(
    stage: Stage, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their next heartbeats have not come yet. Who knew them for less than a claim lives may lack some."""
    worker = await stage.worker("w1")
    http = await stage.control(**SETTINGS)
    await eventually("control knows it", lambda: _lists(http, "w1"), IN_TIME)
    worker.may_answer.clear()
    await redis.flushall()
    answer = await block(http, "demo")
    assert answer.status_code == 503
    assert "Redis has just come back" in answer.json()["detail"]
    monkeypatch.setattr(keys, "CLAIM_TTL_MS", 1)
    await redis.flushall()
    assert (await block(http, "demo")).json()["unreached"] == ["w1"]
    worker.may_answer.set()


async def _lists(http: httpx.AsyncClient, worker: str) -> bool:
    return worker in [listed["id"] for listed in (await http.get("/api/workers", headers=CHIEF)).json()]


async def test_who_was_not_reached_is_told(stage: Stage, redis: Redis) -> None:
    """A worker that is cut off streams on, whether its heartbeat has expired by now or not."""
    await stage.worker("w1")
    hung = await stage.worker("w2")
    hung.may_answer.clear()
    seconds, _ = await redis.time()
    await redis.zadd(keys.WORKERS, {"w3": seconds - 10})
    http = await stage.control(**SETTINGS)
    assert (await block(http, "demo")).json()["unreached"] == ["w2", "w3"]
    hung.may_answer.set()
    revoked = await http.post("/api/admin/revocations", json={"subject": "eve"}, headers=CHIEF)
    assert revoked.json()["unreached"] == ["w3"]


async def test_a_revocation_that_can_hit_nobody_says_so(stage: Stage) -> None:
    for settings, body, status, said in (
        (SETTINGS, {"subject": "7"}, 201, None),
        (SETTINGS, {"subject": 7}, 400, "detail"),
        ({"admin_token": "chief", "auth_token": "all"}, {"subject": "7"}, 201, "warning"),
    ):
        http = await stage.control(**settings)
        answer = await http.post("/api/admin/revocations", json=body, headers=CHIEF)
        assert answer.status_code == status
        assert {"detail", "warning"} & answer.json().keys() == ({said} if said else set())


async def test_a_session_is_ended_within_the_room_of_its_admin(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control(**SETTINGS)
    own = bearer(role="admin", room="red")
    path = f"/api/admin/sessions/{SESSION}"
    assert (await http.delete(path, headers=own)).status_code == 401
    await http.delete(f"{path}?room=red", headers=own)
    await http.delete("/api/admin/sessions/w1.abcd%E2%80%A6", headers=CHIEF)
    ended = [one for one in worker.received if isinstance(one, EndSession)]
    assert ended == [EndSession(session=SESSION, room="red"), EndSession(session="w1.abcd")]


async def test_each_act_of_an_operator_has_a_line_in_the_audit_log(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    worker, http = await stage.worker(), await stage.control(**SETTINGS)
    worker.answers[ObeyRulings] = Obeyed(sessions=1)
    ann, close = bearer(role="admin", sub="ann", jti="a1"), "/api/admin/rooms/demo/close"
    with capture_logs() as logs:
        await http.post(close, json={"block": 5, "reason": "why"}, headers=ann)
        await http.delete("/api/admin/blocks/demo", headers=CHIEF)
        await http.post("/api/admin/revocations", json={"jti": "a1"}, headers=CHIEF)
        await http.delete("/api/admin/revocations/nothing", headers=CHIEF)  # fails: no line
        assert (await http.post(close, headers=ann)).status_code == 401
    lines = [line for line in logs if line["event"] == "audit"]
    assert [(line["act"], line["by"]) for line in lines] == [
        ("room.block", "JWT sub='ann' jti='a1'"),
        ("room.unblock", "admin token"),
        ("jwt.revoke", "admin token"),
    ]
    told = {"client": "127.0.0.1", "room": "demo", "sessions": 1, "unreached": [], "reason": "why"}
    assert lines[0].items() >= told.items()
    assert lines[0]["until"] > time.time()
    await http.post("/api/admin/revocations", json={"jti": "a2"}, headers=CHIEF)
    assert re.search("audit .* request_id=", "".join(capfd.readouterr()))  # which `capture_logs` leaves out


async def test_lists_come_in_pages(stage: Stage) -> None:
    http = await stage.control(**SETTINGS)

    async def page(kind: str, query: str = "") -> Any:
        return (await http.get(f"/api/admin/{kind}{query}", headers=CHIEF)).json()[kind]

    for number in range(5):
        await block(http, f"r{number}")
        await http.post("/api/admin/revocations", json={"subject": f"s{number}"}, headers=CHIEF)
    for kind, key in (("blocks", "room"), ("revocations", "id")):
        whole, first = await page(kind), await page(kind, "?limit=2")
        assert len(whole) == 5
        assert {one["by"] for one in whole} == {"admin token"}
        second = await page(kind, f"?limit=2&after={first[-1][key]}")
        assert [*first, *second, *await page(kind, f"?after={second[-1][key]}")] == whole


async def test_there_are_so_many(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruling_book, "MOST_RULINGS", 1)
    http = await stage.control(**SETTINGS)
    assert (await block(http, "a")).status_code == 200
    assert (await block(http, "a")).status_code == 200  # the same one again
    full = await block(http, "b")
    assert (full.status_code, full.json()["error"]) == (503, "too many blocks and revocations")


class WrongClock(RedisClock):
    """A host's clock is wrong, and Redis' clock was not read yet: Redis was away until now."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, wall=lambda: time.time() - 10_000)

    async def run(self) -> None:
        pass


async def test_a_block_is_as_long_as_asked_whatever_the_hosts_clock_says(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_: RulingBook) -> None:
        pass

    monkeypatch.setattr(app, "RedisClock", WrongClock)
    monkeypatch.setattr(RulingBook, "first_look", nothing)
    monkeypatch.setattr(RulingBook, "run", nothing)
    http = await stage.control(**SETTINGS)
    assert (await block(http, "demo")).json()["until"] == pytest.approx(time.time() + 60, abs=5)
