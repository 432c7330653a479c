"""Messages to all who watch a room: cues, captions, the chat of a platform.

A message goes through Redis to every control process, and from there into the event streams of the room's
viewers. Nothing keeps it: it is for those who have a stream open at that moment.
"""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.http.ratelimit import TokenBuckets
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, parse_room_name
from shared.telemetry.logging import get_logger

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 20.0, 40  # of one room, through all control processes
LISTEN_SECONDS = 2.0  # from one look whether somebody still reads to the next
RETRY_SECONDS = 1.0

log = get_logger()

Show = Callable[[RoomName, str], None]


def parse_message(body: bytes) -> str:
    """A JSON object, as text of one line; raises `INVALID_MESSAGE`."""
    try:
        message = json.loads(body)
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        message, text = None, ""
    if not isinstance(message, dict):
        raise ServiceError(ErrorCode.INVALID_MESSAGE)
    return text


class RoomMessages:
    """`run` must be running for messages to arrive. `show` has one shown to the viewers in this process.

    `redis` serves single calls; `listened` is for a connection that waits. Redis is not asked for messages as
    long as nobody follows a stream: `followed` is set while somebody does.
    """

    def __init__(
        self,
        redis: Redis,
        listened: Redis,
        watch: RedisWatch,
        cluster: Cluster,
        show: Show,
        followed: asyncio.Event,
    ) -> None:
        self._redis = redis
        self._listened = listened
        self._watch = watch
        self._cluster = cluster
        self._show = show
        self._followed = followed
        self._buckets = TokenBuckets(redis, MESSAGES_A_SECOND, MESSAGES_AT_ONCE, keys.message_bucket)

    async def tell(self, room: RoomName, message: str) -> None:
        """Send a parsed message. Raises `ROOM_NOT_FOUND`, `RATE_LIMITED`, or `NO_WORKER` without Redis."""
        if await self._cluster.room(room) is None:
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        async with self._watch.bounded(LIMIT_SECONDS):
            if wait := await self._buckets.take(room):
                raise ServiceError(ErrorCode.RATE_LIMITED, retry_after=math.ceil(wait / 1000))
            await self._redis.publish(keys.MESSAGES, f"{room} {message}")

    async def run(self) -> None:
        while True:
            await self._followed.wait()
            try:
                await self._listen()
            except (RedisError, OSError):  # what is sent meanwhile is missed
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("messages to viewers were not read")
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        """Pass messages on until nobody follows a stream any more."""
        async with self._listened.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(keys.MESSAGES)
            while self._followed.is_set():
                heard = await subscription.get_message(timeout=LISTEN_SECONDS)
                if heard is not None:
                    self._take(heard)

    def _take(self, heard: dict[str, Any]) -> None:
        name, _, message = heard["data"].decode(errors="replace").partition(" ")
        if room := parse_room_name(name):
            self._show(room, message)
