"""Requests of viewers that wait for a publisher (`WHEP_WITHOUT_PUBLISHER=wait`).

A WHEP answer fixes the codecs, and the publisher decides them, so the request waits, and not a session. It
takes a place as an event stream does, and no worker knows of it. Nothing polls: the list of rooms wakes a
request when its room is live, and its connection wakes it when the client leaves.
"""

import asyncio
import random
from collections import Counter
from time import monotonic

from starlette.types import Receive

from control.events.places import Place, Places
from control.workers.room_list import RoomList
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName

WAIT_SECONDS = 25.0  # clients and proxies have a timeout of 30 s or more
MAX_OF_ROOM = 500
MAX_OF_CLIENT = 200  # viewers behind one address: a school or a company
MAX_OFFER_BYTES = 32 * 1_048_576  # of compressed offers in this process; one of a browser has some 2 KB
CROWD_SECONDS = 1.0  # the requests that wait for a room are answered over this time, not all at once
_CLIENT_RETRY_SECONDS = 5


class _Waiting(Place):
    """A request that waits, in `receive` and for `limit`."""

    kind = "waiting"

    def __init__(self, client: str, room: RoomName, offer_bytes: int) -> None:
        super().__init__(client)
        self.room = room
        self.offer_bytes = offer_bytes
        self.room_is_live = False
        self._limit: asyncio.Timeout | None = None

    async def until(self, seconds: float, receive: Receive) -> None:
        """Wait until the client disconnects, `wake` is called, or the time is over."""
        try:
            async with asyncio.timeout(seconds) as self._limit:
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.ended = True
        except TimeoutError:
            pass
        finally:
            self._limit = None

    def wake(self) -> None:
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    def end(self) -> None:
        super().end()
        self.wake()


class WaitingViewers:
    """All requests of this process that wait for a publisher."""

    def __init__(self, rooms: RoomList, places: Places) -> None:
        self._rooms = rooms
        self._places = places
        self._of_room: dict[RoomName, set[_Waiting]] = {}
        self._of_client: Counter[str] = Counter()
        self._offer_bytes = 0
        rooms.on_record(self._wake)

    async def publisher(
        self, room: RoomName, client: str, until: float, receive: Receive, offer_bytes: int = 0
    ) -> bool:
        """Wait until somebody publishes in the room; return False if nobody does until `until` (`monotonic`).

        False also if the client leaves, if `MAX_OF_ROOM` others wait for the room, or if the place is needed
        for another client. `offer_bytes` is what the request holds meanwhile. Raises `RATE_LIMITED` beyond
        `MAX_OF_CLIENT`, and `NO_WORKER` when the process has no place left.
        """
        if len(self._of_room.get(room, ())) >= MAX_OF_ROOM:
            return False
        waiting = _Waiting(client, room, offer_bytes)
        self._take(waiting)
        try:
            if self._rooms.is_live(room):  # since a moment ago, or Redis no longer has it: look again soon
                await waiting.until(min(CROWD_SECONDS, until - monotonic()), receive)
                return not waiting.ended and monotonic() < until
            await waiting.until(until - monotonic(), receive)
            if waiting.ended or not waiting.room_is_live:
                return False
        finally:
            self._leave(waiting)
        await asyncio.sleep(random.random() * CROWD_SECONDS)  # noqa: S311
        return True

    def _wake(self, name: str) -> None:
        waiting = self._of_room.get(RoomName(name))
        if waiting and self._rooms.is_live(name):
            for each in waiting:
                each.room_is_live = True
                each.wake()

    def _take(self, waiting: _Waiting) -> None:
        client = waiting.client
        if self._of_client[client] >= MAX_OF_CLIENT:
            raise ServiceError(
                ErrorCode.RATE_LIMITED,
                detail=f"{MAX_OF_CLIENT} requests of this address wait for a publisher",
                retry_after=_CLIENT_RETRY_SECONDS,
            )
        if self._offer_bytes + waiting.offer_bytes > MAX_OFFER_BYTES:
            raise ServiceError(ErrorCode.NO_WORKER, detail="too many requests wait for a publisher")
        self._places.take(waiting)
        self._of_client[client] += 1
        self._offer_bytes += waiting.offer_bytes
        self._of_room.setdefault(waiting.room, set()).add(waiting)

    def _leave(self, waiting: _Waiting) -> None:
        self._places.leave(waiting)
        self._offer_bytes -= waiting.offer_bytes
        self._of_client[waiting.client] -= 1
        if not self._of_client[waiting.client]:
            del self._of_client[waiting.client]
        of_room = self._of_room[waiting.room]
        of_room.remove(waiting)
        if not of_room:
            del self._of_room[waiting.room]
