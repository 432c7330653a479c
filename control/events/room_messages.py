"""Messages to all who watch a room: cues, captions, the chat of a platform.

A message goes through Redis to every control process, and from there into the event streams of the room's
viewers. It is for those who have a stream open at that moment, and is gone after some seconds. It is a stream
of Redis, not its publish and subscribe, which a user may be allowed to use or not.
"""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.http.ratelimit import TokenBuckets
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.batch import Batch
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError
from shared.names import RoomName, parse_room_name
from shared.telemetry.logging import get_logger

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 20.0, 40  # of one room, through all control processes
LOOK_SECONDS = 0.2
RECENT_MS = 1_000  # so old a message may be for who has just opened a stream
MOST_WAITING, KEPT_SECONDS = 1_000, 10  # in Redis: some 4 MB
AT_ONCE = 100  # messages in one trip

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

    Redis is not asked for any as long as nobody follows a stream: `followed` is set while somebody does.
    """

    def __init__(
        self,
        redis: Redis,
        clock: RedisClock,
        watch: RedisWatch,
        cluster: Cluster,
        show: Show,
        followed: asyncio.Event,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._watch = watch
        self._cluster = cluster
        self._show = show
        self._followed = followed
        self._buckets = TokenBuckets(redis, MESSAGES_A_SECOND, MESSAGES_AT_ONCE, keys.message_bucket)
        self._last: tuple[int, int] | None = None  # id of the latest message; None: nobody wanted any

    async def tell(self, room: RoomName, message: str) -> None:
        """Send a parsed message. Raises `ROOM_NOT_FOUND`, `RATE_LIMITED`, or `NO_WORKER` without Redis."""
        if await self._cluster.room(room) is None:
            raise ServiceError(ErrorCode.ROOM_NOT_FOUND)
        async with self._watch.bounded(LIMIT_SECONDS):
            if wait := await self._buckets.take(room):
                raise ServiceError(ErrorCode.RATE_LIMITED, retry_after=math.ceil(wait / 1000))
            batch = Batch(self._redis)
            batch.add("XADD", keys.MESSAGES, "MAXLEN", "~", MOST_WAITING, "*", "room", room, "text", message)
            batch.add("EXPIRE", keys.MESSAGES, KEPT_SECONDS)
            await batch.execute()

    async def run(self) -> None:
        while True:
            if not self._followed.is_set():
                self._last = None
                await self._followed.wait()
            try:
                await self.look()
            except (RedisError, OSError):  # what is sent meanwhile is missed
                pass
            except Exception:
                log.exception("messages to viewers were not read")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Show the messages since the last look. May raise `RedisError`."""
        now = round(self._clock.now() * 1000)
        if self._last is None or (self._last[0] > now + RECENT_MS and await self._newest() < self._last):
            # nobody followed before, or Redis has lost what it had, whose ids were ahead of its clock
            self._last = now - RECENT_MS, 0
        more = True
        while more:
            after = "({}-{}".format(*self._last)
            new = cast(list[Any], await self._redis.xrange(keys.MESSAGES, after, count=AT_ONCE))
            for entry, fields in new:
                at, _, number = entry.partition(b"-")
                self._last = int(at), int(number)
                if room := parse_room_name(fields[b"room"].decode()):
                    self._show(room, fields[b"text"].decode())
            more = len(new) == AT_ONCE

    async def _newest(self) -> tuple[int, int]:
        """The id of the newest message. Ids go on from there, also when Redis' clock is set back."""
        newest = cast(list[Any], await self._redis.xrevrange(keys.MESSAGES, count=1))
        at, _, number = newest[0][0].partition(b"-") if newest else (b"0", b"-", b"0")
        return int(at), int(number)
