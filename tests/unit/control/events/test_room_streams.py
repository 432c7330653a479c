"""Streams of rooms by their names: what they tell of rooms that are over."""

from collections.abc import Sequence
from typing import Any, cast

from control.events.places import Places
from control.events.room_streams import RoomStreams
from control.workers.room_info import RoomInfo
from shared.directory.directory import RoomEnd
from shared.names import RoomName

ROOM = RoomName("demo")


class Over:
    """A cluster, and its list of rooms, whose only room ended at `ended`."""

    unix_time = 1_000.0
    ended = 0

    async def catch_up(self) -> None: ...

    def holds(self, name: str) -> bool:
        return False

    def room(self, name: str) -> None: ...

    async def room_ends(self, names: Sequence[RoomName]) -> dict[RoomName, RoomEnd]:
        return dict.fromkeys(names, RoomEnd(self.ended))


async def test_when_a_room_ended_is_read_anew_once_nobody_follows_it() -> None:
    over = cast(Any, Over())
    streams = RoomStreams(over, over, Places(9), lambda _: RoomInfo(), lambda _: True)
    for ended, ago in ((400, 600), (700, 300)):
        over.ended = ended
        first = await streams.follow([ROOM], detailed=True, client="")
        over.ended = 0
        later = await streams.follow([ROOM], detailed=True, client="")
        for stream in (first, later):
            text = stream.text()
            await anext(text)
            assert b'"endedAgo":%d' % ago in await anext(text)
            streams.close(stream)
