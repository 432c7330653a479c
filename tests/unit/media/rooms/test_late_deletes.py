"""The DELETE that follows a session's end: expected once, for a limited time and number of sessions."""

import pytest

from media.rooms.late_deletes import LATE_DELETE_SECONDS, MAX_LATE_DELETES, LateDeletes
from media.sessions.end_reason import EndReason
from shared.messages.signalling import Role
from shared.names import RoomName, SessionId

SESSION, ROOM = SessionId("w1.one"), RoomName("demo")


@pytest.fixture
def late_deletes() -> LateDeletes:
    late_deletes = LateDeletes()
    late_deletes.expect(SESSION, ROOM, Role.PUBLISH, EndReason.ROOM_CLOSED, 100.0)
    return late_deletes


def test_a_late_delete_is_taken_once(late_deletes: LateDeletes) -> None:
    assert late_deletes.take(SESSION, ROOM, Role.PUBLISH, 101.0) is EndReason.ROOM_CLOSED
    assert not late_deletes.take(SESSION, ROOM, Role.PUBLISH, 101.0)
    assert len(late_deletes._by_session) == 0


def test_no_other_sessions_late_delete_is_taken(late_deletes: LateDeletes) -> None:
    assert not late_deletes.take(SESSION, "other", Role.PUBLISH, 101.0)
    assert not late_deletes.take(SESSION, ROOM, Role.PLAY, 101.0)
    assert not late_deletes.take(SessionId("w1.two"), ROOM, Role.PUBLISH, 101.0)
    assert late_deletes.take(SESSION, ROOM, Role.PUBLISH, 101.0)


def test_a_late_delete_is_awaited_for_a_limited_time(late_deletes: LateDeletes) -> None:
    assert not late_deletes.take(SESSION, ROOM, Role.PUBLISH, 100.0 + LATE_DELETE_SECONDS)
    assert late_deletes.take(SESSION, ROOM, Role.PUBLISH, 99.0 + LATE_DELETE_SECONDS)


def test_a_limited_number_of_farewells_is_awaited(late_deletes: LateDeletes) -> None:
    for number in range(MAX_LATE_DELETES):
        late_deletes.expect(SessionId(f"w1.{number}"), ROOM, Role.PUBLISH, EndReason.CLOSED_BY_PEER, 100.0)
    assert len(late_deletes._by_session) == MAX_LATE_DELETES
    assert not late_deletes.take(SESSION, ROOM, Role.PUBLISH, 101.0)
    assert late_deletes.take(SessionId("w1.0"), ROOM, Role.PUBLISH, 101.0)
