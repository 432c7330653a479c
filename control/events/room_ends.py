"""For how long rooms that somebody follows have been over: read for those that are not there, and no others.

Streams of rooms are open to everybody. So they tell this of rooms only that everybody may play: whether a
locked room that is over has ever been there is nobody's business.
"""

from collections.abc import Collection, Container
from contextlib import suppress

from control.workers.cluster import Cluster
from control.workers.room_info import RoomInfos
from control.workers.room_list import RoomList
from control.workers.turns import in_chunks
from shared.directory.directory import RoomEnd
from shared.errors import ServiceError
from shared.names import RoomName


class RoomEnds:
    """Knows how rooms ended. `info` says whether playing in a room requires credentials."""

    def __init__(self, cluster: Cluster, rooms: RoomList, info: RoomInfos) -> None:
        self._cluster = cluster
        self._rooms = rooms
        self._info = info
        self._ends: dict[RoomName, RoomEnd] = {}

    def end(self, name: str) -> RoomEnd | None:
        """None: it is not known."""
        return self._ends.get(RoomName(name))

    def forget(self, names: Collection[str]) -> None:
        for name in names:
            self._ends.pop(RoomName(name), None)

    def keep(self, names: Container[str]) -> None:
        """Forget all but these."""
        self._ends = {name: end for name, end in self._ends.items() if name in names}

    async def look_for(self, names: Collection[str]) -> set[str]:
        """Read the ends of those rooms that are not there; returns those for which no end is known.

        While Redis is away, no end is known.
        """
        gone = [
            RoomName(name) for name in names if not self._rooms.holds(name) and not self._info(name).locked
        ]
        wanted = [name for name in gone if name not in self._ends]
        async for some in in_chunks(wanted):
            with suppress(ServiceError):
                self._ends |= await self._cluster.room_ends(some)
        return {name for name in wanted if name not in self._ends}
