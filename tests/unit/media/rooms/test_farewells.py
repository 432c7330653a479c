"""The DELETE that follows a session's end: expected once, for a limited time and number of sessions."""

import pytest

from media.rooms.farewells import FAREWELL_SECONDS, MAX_FAREWELLS, Farewells
from media.sessions.end_reason import EndReason
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId

SESSION, ROOM = SessionId("w1.one"), RoomName("demo")


@pytest.fixture
def farewells() -> Farewells:
    farewells = Farewells()
    farewells.expect(SESSION, ROOM, Role.PUBLISH, EndReason.ROOM_CLOSED, 100.0)
    return farewells


def test_a_farewell_is_taken_once(farewells: Farewells) -> None:
    assert farewells.take(SESSION, ROOM, Role.PUBLISH, 101.0) is EndReason.ROOM_CLOSED
    assert not farewells.take(SESSION, ROOM, Role.PUBLISH, 101.0)
    assert len(farewells) == 0


def test_no_other_sessions_farewell_is_taken(farewells: Farewells) -> None:
    assert not farewells.take(SESSION, "other", Role.PUBLISH, 101.0)
    assert not farewells.take(SESSION, ROOM, Role.PLAY, 101.0)
    assert not farewells.take(SessionId("w1.two"), ROOM, Role.PUBLISH, 101.0)
    assert farewells.take(SESSION, ROOM, Role.PUBLISH, 101.0)


def test_a_farewell_is_awaited_for_a_limited_time(farewells: Farewells) -> None:
    assert not farewells.take(SESSION, ROOM, Role.PUBLISH, 100.0 + FAREWELL_SECONDS)
    assert farewells.take(SESSION, ROOM, Role.PUBLISH, 99.0 + FAREWELL_SECONDS)


def test_a_limited_number_of_farewells_is_awaited(farewells: Farewells) -> None:
    for number in range(MAX_FAREWELLS):
        farewells.expect(SessionId(f"w1.{number}"), ROOM, Role.PUBLISH, EndReason.CLOSED_BY_PEER, 100.0)
    assert len(farewells) == MAX_FAREWELLS
    assert not farewells.take(SESSION, ROOM, Role.PUBLISH, 101.0)
    assert farewells.take(SessionId("w1.0"), ROOM, Role.PUBLISH, 101.0)
