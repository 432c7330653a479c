"""A connection that waits for the entries of a list, and takes commands along with its next look."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.beat import until_beat
from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.connection import blocking_line
from shared.bus.line import Command, result, send

BLOCK_SECONDS = 2.0  # the time that one BLPOP waits
# A BLPOP ends this long before a beat. A Redis that rests notices the end only when it is asked something,
# which this process does at the beat: so both answers come at one time.
EARLY_SECONDS = 0.002

# Called with the results of what was carried, as `exchanged` returns them, or why there are none.
Carried = Callable[[list[Any] | Exception], None]


class ListReader:
    """For one task, which takes the entries of the list at `key`.

    Whoever has that task begin its next look at once says so by `rests`: what others ask until then goes
    along. So a request and the wait for its reply are one trip, and so are a reply and the wait for the next
    request.
    """

    def __init__(self, url: str, key: str) -> None:
        self.rests = False
        self._line = blocking_line(url)
        self._key = key
        self._handed: tuple[Sequence[Command], Carried] | None = None

    @property
    def is_handed(self) -> bool:
        """Whether something waits for the next look."""
        return self._handed is not None

    def carry(self, commands: Sequence[Command], carried: Carried) -> bool:
        """Have the next look take `commands` along; False: it does not rest, or has some already."""
        if not self.rests or self._handed is not None:
            return False
        self._handed = commands, carried
        return True

    async def pop(self) -> bytes | None:
        """The next entry of the list. May raise `RedisError`.

        None: none came within about `BLOCK_SECONDS`, or the connection was dead while it rested.
        """
        self.rests = False
        handed, self._handed = self._handed, None
        seconds = until_beat(asyncio.get_running_loop().time(), BLOCK_SECONDS) - EARLY_SECONDS
        look = ("BLPOP", self._key, seconds)
        if handed is None:
            async with answered_within(seconds + CALL_TIMEOUT_SECONDS):
                connection = await self._line.connected()
                await send(connection, [look])
                return _entry(await result(connection))
        commands, carried = handed
        is_told = False
        try:
            async with answered_within(CALL_TIMEOUT_SECONDS) as limit:
                connection = await self._line.connected()
                await send(connection, [*commands, look])
                results = [await result(connection) for _ in commands]
                is_told = True
                carried(results)
                limit.extend(seconds + CALL_TIMEOUT_SECONDS)
                return _entry(await result(connection))
        except BaseException as error:
            if is_told:
                raise
            carried(error if isinstance(error, Exception) else _closed())
            if isinstance(error, RedisConnectionError):
                return None  # who asked asks by another connection, and this one is made anew at once
            raise

    async def close(self) -> None:
        """End the connection. The reader may be used again."""
        self.rests = False
        handed, self._handed = self._handed, None
        if handed is not None:
            handed[1](_closed())
        await self._line.close()


def _entry(popped: Any) -> bytes | None:
    """What BLPOP has popped; raises its error."""
    if isinstance(popped, ResponseError):
        raise popped
    return popped[1] if popped else None


def _closed() -> RedisConnectionError:
    return RedisConnectionError("the connection was closed")
