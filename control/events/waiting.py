"""Requests of viewers that wait for somebody to publish (`WHEP_WITHOUT_PUBLISHER=wait`).

An answer of WHEP names the codecs for good, and they are the publisher's: so the request waits, and no
session. It takes a place as an event stream does, and no worker knows of it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from time import monotonic

from control.events.places import Place, Places
from control.workers.room_list import RoomList
from shared.errors import ServiceError
from shared.names import RoomName

WAIT_SECONDS = 25.0  # clients and proxies wait for 30 s at least
MOST_OF_ROOM = 500
LOOK_SECONDS = 0.25
_CROWD_SECONDS = 1.0  # within which all that wait for a publisher come


class _Waiting(Place):
    kind = "waiting"


class WaitingViewers:
    """All of this process."""

    def __init__(self, rooms: RoomList, places: Places) -> None:
        self._rooms = rooms
        self._places = places
        self._of_room: Counter[RoomName] = Counter()

    async def publisher(
        self, room: RoomName, client: str, until: float, has_gone: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Wait for the room until `until`, as `monotonic` has it.

        False: it does not come, the client has gone, or others have taken all places.
        """
        if self._of_room[room] >= MOST_OF_ROOM:
            return False
        place = _Waiting(client)
        try:
            self._places.take(place)
        except ServiceError:
            return False
        self._of_room[room] += 1
        try:
            while not (place.ended or await has_gone()) and monotonic() < until:
                await asyncio.sleep(LOOK_SECONDS)
                if self._rooms.holds(room):
                    await asyncio.sleep(random.random() * _CROWD_SECONDS)  # noqa: S311
                    return True
            return False
        finally:
            self._places.leave(place)
            self._of_room[room] -= 1
            if not self._of_room[room]:
                del self._of_room[room]
