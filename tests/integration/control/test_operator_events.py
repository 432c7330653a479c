"""Server-sent events for operators: workers, rooms, sessions, rulings and totals."""

from typing import Any

import httpx
import pytest

from control.events import operator_streams, streams
from shared.messages.sessions import ListedSessions, ListSessions, SessionStatus
from shared.messages.signalling import Role
from tests.integration.control.conftest import Stage
from tests.integration.control.heard import IN_TIME, Heard, listening
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.tokens import SECRET, signed
from tests.support.waiting import eventually

EVENTS = "/api/admin/events"
TOKEN = "secret-of-admin"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(operator_streams, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(operator_streams, "EVERY_SECONDS", 0.2)


async def admin(stage: Stage, **settings: Any) -> httpx.AsyncClient:
    http = await stage.control(admin_token=TOKEN, **settings)
    http.headers.update(ADMIN)
    return http


def last(heard: Heard, event: str) -> Any:
    return next((data for name, data in reversed(heard.events) if name == event), None)


def first(heard: Heard, event: str) -> Any:
    return next((data for name, data in heard.events if name == event), None)


def lists(worker: ScriptedWorker, *sessions: SessionStatus) -> None:
    worker.answers[ListSessions] = ListedSessions(sessions=sessions, total=len(sessions))


def viewer(name: str, **facts: Any) -> SessionStatus:
    given = {"room": "demo", "role": Role.PLAY, "state": "connected", "age": 1.0}
    return SessionStatus(id=f"w1.{name}", **(given | facts))


async def test_all_is_told_at_once_and_then_what_changes(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", loss=0.05, warnings=("no keyframe",))
    lists(worker, viewer("a"))
    http = await admin(stage)
    async with listening(http, EVENTS) as heard:
        await eventually("all five", lambda: {name for name, _ in heard.events} >= FIVE, IN_TIME)
        (asked,) = (await http.get("/api/workers")).json()
        (told,) = last(heard, "workers")["workers"]
        assert told == {key: value for key, value in asked.items() if key != "rooms"} | {"roomCount": 1}
        (room,) = last(heard, "rooms")["rooms"]
        assert (room["loss"], room["warnings"]) == (0.05, ["no keyframe"])
        assert last(heard, "sessions") == (await http.get("/api/admin/sessions")).json()
        assert last(heard, "rulings") == NO_RULINGS
        lists(worker, viewer("a"), viewer("b"))
        await eventually("a session more", lambda: last(heard, "sessions")["total"] == 2, IN_TIME)
        await http.post("/api/admin/workers/w1/drain")
        await eventually(
            "it drains", lambda: last(heard, "workers")["workers"][0]["state"] == "draining", IN_TIME
        )
        await http.post("/api/admin/rooms/demo/close", json={"block": 60, "reason": "a claim"})
        await eventually("a block", lambda: last(heard, "rulings")["blockCount"] == 1, IN_TIME)
        (block,) = last(heard, "rulings")["blocks"]
        assert (block["room"], block["reason"]) == ("demo", "a claim")
        await http.post("/api/admin/revocations", json={"jti": "lost"})
        await eventually("a revocation", lambda: last(heard, "rulings")["revocationCount"] == 1, IN_TIME)
        assert last(heard, "rulings")["revocations"][0]["jti"] == "lost"


FIVE = {"workers", "rooms", "sessions", "rulings", "totals"}
NO_RULINGS = {"blockCount": 0, "blocks": [], "revocationCount": 0, "revocations": []}


async def test_who_comes_later_gets_what_has_been(stage: Stage) -> None:
    await stage.worker()
    http = await admin(stage)

    async def samples() -> list[Any]:
        async with listening(http, EVENTS) as heard:
            return list((await eventually("the totals", lambda: first(heard, "totals"), IN_TIME))["samples"])

    async def three() -> bool:
        return len(await samples()) >= 3

    await eventually("samples that nobody waited for", three, IN_TIME)
    async with listening(http, EVENTS) as heard:
        told = await eventually("the totals", lambda: first(heard, "totals"), IN_TIME)
        assert len(told["samples"]) >= 3
        await http.post("/api/whep/play/none", content=b"v=0", headers={"Content-Type": "application/sdp"})

        def counted() -> bool:
            new = [data for name, data in heard.events if name == "totals"][1:]
            return any(sample["offers"] > 0 for data in new for sample in data["samples"])

        await eventually("the offer is counted", counted, IN_TIME)


async def test_sessions_are_chosen_by_room_role_and_trouble(stage: Stage) -> None:
    worker = await stage.worker()
    lists(worker, viewer("a"), viewer("b", loss=0.1), viewer("c", room="other", loss=0.1))
    http = await admin(stage)
    async with (
        listening(http, f"{EVENTS}?room=demo&trouble=true") as chosen,
        listening(http, f"{EVENTS}?role=publish") as senders,
    ):
        told = await eventually("sessions", lambda: last(chosen, "sessions"), IN_TIME)
        assert [session["id"] for session in told["sessions"]] == ["w1.b"]
        assert any(isinstance(asked, ListSessions) and asked.room == "demo" for asked in worker.received)
        none = await eventually("no sessions", lambda: last(senders, "sessions"), IN_TIME)
        assert none == {"total": 0, "sessions": []}


async def test_a_stream_ends_with_its_token(stage: Stage) -> None:
    http = await stage.control(jwt_secret=SECRET)
    http.headers["Authorization"] = f"Bearer {signed(role='admin', jti='mine')}"
    async with listening(http, EVENTS) as heard:
        await eventually("it is told", lambda: heard.events, IN_TIME)
        assert (await http.post("/api/admin/revocations", json={"jti": "mine"})).status_code == 201
        await eventually("it ends", lambda: heard.ended, IN_TIME)
    assert (await http.get(EVENTS)).status_code == 401


async def test_nobody_is_asked_for_sessions_while_nobody_looks(stage: Stage) -> None:
    worker = await stage.worker()
    http = await admin(stage)

    def asked() -> int:
        return sum(isinstance(message, ListSessions) for message in worker.received)

    async with listening(http, EVENTS):
        await eventually("it is asked", lambda: asked() > 2, IN_TIME)
    async with listening(http, "/api/rooms/events") as rooms:  # which goes on

        async def quiet() -> bool:
            before = asked()
            heard = len(rooms.events)
            await worker.publish_in(f"room{heard}-{before}")
            await eventually("a look of the others", lambda: len(rooms.events) > heard, IN_TIME)
            return asked() == before

        await eventually("it is asked no more", quiet, IN_TIME)
