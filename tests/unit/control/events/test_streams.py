"""How many event streams a session and a process have."""

from typing import Any, cast

import pytest

from control.events.places import StreamPlaces
from control.events.streams import (
    MAX_ENDING_OF_SESSION,
    MAX_STREAMS_OF_SESSION,
    MOST_MESSAGES,
    EventStream,
    EventStreams,
)
from shared.errors import ErrorCode, ServiceError
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


@pytest.fixture
def streams() -> EventStreams:
    nothing = cast(Any, None)
    return EventStreams(cast(Any, NoCluster()), cast(Any, NoRooms()), nothing, nothing, StreamPlaces(9))


async def opened(streams: EventStreams, session: SessionId = SESSION) -> EventStream:
    return await streams.open(ROOM, session, "", frozenset(), None)


async def test_readers_that_never_notice_the_end_do_not_add_up(streams: EventStreams) -> None:
    every = [await opened(streams) for _ in range(MAX_STREAMS_OF_SESSION + MAX_ENDING_OF_SESSION)]
    assert [stream.ended for stream in every] == [True] * 3 + [False] * 3
    with pytest.raises(ServiceError) as caught:
        await opened(streams)
    assert caught.value.code is ErrorCode.NO_WORKER
    streams.close(every[0])
    await opened(streams)
    assert every[3].ended


async def test_a_reader_that_takes_nothing_holds_the_newest_messages_only(streams: EventStreams) -> None:
    stream = await streams.open(ROOM, SESSION, "", frozenset({"message"}), None)
    text = stream.text()
    await anext(text)
    for number in range(MOST_MESSAGES + 5):
        streams.tell(ROOM, str(number))
    told = [f"event: message\ndata: {number}\n\n" for number in range(5, MOST_MESSAGES + 5)]
    assert await anext(text) == "".join(told)  # in one write


async def test_a_message_goes_to_who_follows_its_room_and_nothing_is_kept_of_who_has_left(
    streams: EventStreams,
) -> None:
    wanted = frozenset({"message"})
    here = await streams.open(ROOM, SESSION, "", wanted, None)
    there = await streams.open(RoomName("other"), SESSION, "", wanted, None)
    streams.tell(ROOM, "{}")
    streams.tell(RoomName("empty"), "{}")
    assert (len(here._messages), len(there._messages)) == (1, 0)
    for stream in (here, there):
        streams.close(stream)
    assert not streams._of_room
    assert not streams.followed.is_set()
