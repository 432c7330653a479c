"""The still pictures of rooms, fetched from the rooms' workers and kept for a moment.

A page full of rooms, before a crowd of people, asks each worker once for each picture every few seconds.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from control.workers.calls import Calls
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.redis_watch import RedisWatch
from shared.errors import ErrorCode, ServiceError
from shared.messages.stills import GetStill, Still
from shared.names import RequestId, RoomName
from shared.rpc.client import LeftWorkerError

KEPT_SECONDS = 5.0
MAX_KEPT_BYTES = 32 * 1024 * 1024
_NOTHING_BYTES = 512  # that the absence of a picture counts for

Key = tuple[RoomName, int]


@dataclass(slots=True)
class _Kept:
    until: float
    still: Still | None

    @property
    def size(self) -> int:
        return _NOTHING_BYTES + (0 if self.still is None else len(self.still.jpeg))


class RoomStills:
    """`get` asks a worker at most once at a time for one picture, whoever waits for it."""

    def __init__(self, cluster: Cluster, calls: Calls, watch: RedisWatch) -> None:
        self._cluster = cluster
        self._calls = calls
        self._watch = watch
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()  # the oldest first
        self._bytes = 0
        self._asking: dict[Key, asyncio.Task[Still | None]] = {}

    async def get(self, room: RoomName, width: int, request_id: RequestId) -> Still:
        """The picture, at most `KEPT_SECONDS` old.

        Raises `NOT_FOUND` if the room has none, and `NO_WORKER`.
        """
        key = room, width
        kept = self._kept.get(key)
        if kept is not None and kept.until > monotonic():
            still = kept.still
        else:
            asking = self._asking.get(key)
            if asking is None:
                asking = self._asking[key] = asyncio.create_task(self._ask(key, request_id))
                asking.add_done_callback(lambda _: self._asking.pop(key, None))
            still = await asyncio.shield(asking)  # others may wait for it, too
        if still is None:
            raise ServiceError(ErrorCode.NOT_FOUND, detail="the room has no picture")
        return still

    async def _ask(self, key: Key, request_id: RequestId) -> Still | None:
        room, width = key
        async with self._watch.bounded(LIMIT_SECONDS):
            owner = await self._cluster.room_owner(room)
            still = None
            if owner is not None:
                try:
                    message = GetStill(room=room, width=width)
                    still = await self._calls.call(owner, message, Still, request_id)
                except LeftWorkerError:
                    still = None
                except ServiceError as error:
                    if error.code is not ErrorCode.NOT_FOUND:
                        raise
        self._keep(key, _Kept(monotonic() + KEPT_SECONDS, still))
        return still

    def _keep(self, key: Key, kept: _Kept) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self._bytes -= before.size
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > MAX_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size
