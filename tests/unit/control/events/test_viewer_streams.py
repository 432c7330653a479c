"""How many event streams a session and a process have, and when they end."""

from typing import Any, cast

import pytest

from control.events.places import Places
from control.events.viewer_streams import (
    GONE_ANSWERS,
    MAX_STREAMS_OF_SESSION,
    MOST_MESSAGES,
    SESSIONS_EVERY_LOOKS,
    ViewerStream,
    ViewerStreams,
)
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import Living
from shared.names import RoomName, SessionId

ROOM = RoomName("demo")
SESSION = SessionId("w1.AAAAAAAAAAAAAAAAAAAAAA")


class NoCluster:
    unix_time = 0.0

    async def recent_workers(self) -> list[Any]:
        return []


class NoRooms:
    async def catch_up(self) -> None:
        pass

    def room(self, name: str) -> None:
        pass


class AskedWorker:
    """Stands in for `Gateway`: says what a worker says, or is said of it."""

    def __init__(self) -> None:
        self.error: ErrorCode | None = None

    async def living(self, _worker: str, sessions: list[SessionId], _request: str) -> Living:
        if self.error is not None:
            raise ServiceError(self.error)
        return Living(sessions=tuple(sessions))


class Names:
    async def keep(self, sessions: list[SessionId]) -> None:
        pass


@pytest.fixture
def streams() -> ViewerStreams:
    nothing = cast(Any, None)
    return ViewerStreams(cast(Any, NoCluster()), cast(Any, NoRooms()), nothing, nothing, Places(9))


async def opened(streams: ViewerStreams, room: RoomName = ROOM, *wanted: str) -> ViewerStream:
    return await streams.follow(ViewerStream("", room, SESSION, "", frozenset(wanted), None))


async def test_a_session_has_few_streams_and_the_latest_win(streams: ViewerStreams) -> None:
    every = [await opened(streams) for _ in range(MAX_STREAMS_OF_SESSION + 2)]
    assert [stream.ended for stream in every] == [True] * 2 + [False] * 3


async def test_a_reader_that_takes_nothing_holds_the_newest_messages_only(streams: ViewerStreams) -> None:
    stream = await opened(streams, ROOM, "message")
    text = stream.text()
    await anext(text)
    for number in range(MOST_MESSAGES + 5):
        streams.tell(ROOM, str(number))
    told = [b"event: message\ndata: %d\n\n" % number for number in range(5, MOST_MESSAGES + 5)]
    assert await anext(text) == b"".join(told)  # in one write


async def test_a_message_goes_to_who_follows_its_room_and_nothing_is_kept_of_who_has_left(
    streams: ViewerStreams,
) -> None:
    here = await opened(streams, ROOM, "message")
    there = await opened(streams, RoomName("other"), "message")
    streams.tell(ROOM, "{}")
    streams.tell(RoomName("empty"), "{}")
    assert (len(here._messages), len(there._messages)) == (1, 0)
    for stream in (here, there):
        streams.close(stream)
    assert not streams.of
    assert not streams.followed.is_set()


async def test_a_stream_ends_when_its_worker_is_gone_for_a_minute_without_a_break() -> None:
    """One that Redis does not reach for less than that streams on, and comes back with its sessions."""
    worker = AskedWorker()
    nothing, asked, names = (cast(Any, each) for each in (NoCluster(), worker, Names()))
    streams = ViewerStreams(nothing, cast(Any, NoRooms()), asked, names, Places(9))
    stream = await opened(streams)

    async def look(answers: int, error: ErrorCode | None) -> None:
        worker.error = error
        for _ in range(answers * SESSIONS_EVERY_LOOKS):
            streams._looks += 1
            await streams._look()

    for otherwise in (ErrorCode.NO_WORKER, None):
        await look(GONE_ANSWERS - 1, ErrorCode.SESSION_NOT_FOUND)
        await look(2 * GONE_ANSWERS, otherwise)
        assert not stream.ended
    await look(GONE_ANSWERS - 1, ErrorCode.SESSION_NOT_FOUND)
    assert not stream.ended
    await look(1, ErrorCode.SESSION_NOT_FOUND)
    assert stream.ended
