"""Which sessions operators are told of."""

import json
from typing import Any

import pytest

from control.events.operator_text import MOST_SESSIONS, SessionFilter, sessions_event
from shared.messages.sessions import ListedSessions, SessionStatus
from shared.messages.signalling import Role


def session(name: str, **facts: Any) -> SessionStatus:
    given = {"room": "demo", "role": Role.PLAY, "state": "connected", "age": 1.0}
    return SessionStatus(id=f"w1.{name}", **(given | facts))


ALL = (
    session("sends", role=Role.PUBLISH),
    session("sees"),
    session("elsewhere", room="other"),
    session("loses", loss=0.02),
    session("narrow", reason="line"),
    session("late", state="connecting"),
)


@pytest.mark.parametrize(
    ("wanted", "told", "total"),
    [
        (SessionFilter(), {"sends", "sees", "elsewhere", "loses", "narrow", "late"}, 9),
        (SessionFilter(room="other"), {"elsewhere"}, 9),
        (SessionFilter(role="publish"), {"sends"}, 1),
        (SessionFilter(trouble=True), {"loses", "narrow", "late"}, 3),
        (SessionFilter("demo", "play", trouble=True), {"loses", "narrow", "late"}, 3),
    ],
)
def test_a_filter_takes_what_it_names(wanted: SessionFilter, told: set[str], total: int) -> None:
    data = told_by([ListedSessions(sessions=ALL, total=9)], wanted)
    assert {one["id"].removeprefix("w1.") for one in data["sessions"]} == told
    assert data["total"] == total


def test_an_event_has_a_bound() -> None:
    many = tuple(session(str(number)) for number in range(MOST_SESSIONS + 1))
    data = told_by([ListedSessions(sessions=many, total=5000)], SessionFilter())
    assert len(data["sessions"]) == MOST_SESSIONS
    assert data["total"] == 5000


def told_by(replies: list[ListedSessions], wanted: SessionFilter) -> dict[str, Any]:
    name, data = sessions_event(replies, wanted).decode().strip().split("\n")
    assert name == "event: sessions"
    told: dict[str, Any] = json.loads(data.removeprefix("data: "))
    return told
