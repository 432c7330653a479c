"""One connection for what several tasks ask of Redis at the same moment: all of it goes in one round trip."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.bus.answer_time import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.line import Command, Line, exchanged

MOST_COMMANDS = 64  # commands in one trip


class SharedLine:
    """What is asked within one round of the event loop leaves together, at the beginning of the next one.

    Each asker gets its own results, and may give up: the others get theirs all the same.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._line = Line(pool)
        self._leaving: _Trip | None = None  # with the next round of the loop
        self._under_way: asyncio.Task[None] | None = None

    def ask(self, commands: Sequence[Command]) -> asyncio.Future[list[Any]] | None:
        """The results, as `exchanged` returns them; None while another trip is under way, or full.

        The future raises `RedisError`.
        """
        loop = asyncio.get_running_loop()
        trip = self._leaving
        if trip is None:
            if self._under_way is not None:
                return None
            trip = self._leaving = _Trip()
            self._under_way = loop.create_task(self._travel(trip))
        elif len(trip.commands) + len(commands) > MOST_COMMANDS:
            return None
        results: asyncio.Future[list[Any]] = loop.create_future()
        trip.asked.append((len(commands), results))
        trip.commands += commands
        return results

    async def close(self) -> None:
        """Fail the askers that still wait. The line may be used again."""
        task, trip = self._under_way, self._leaving
        self._under_way = self._leaving = None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if trip is not None:  # the task has not begun
            trip.fail(_closed())
        await self._line.close()

    async def _travel(self, trip: "_Trip") -> None:
        self._leaving = None
        try:
            async with answered_within(CALL_TIMEOUT_SECONDS):
                results = await self._exchanged(trip.commands)
        except Exception as error:  # whoever asked gets it
            trip.fail(error)
        except BaseException:
            trip.fail(_closed())
            raise
        else:
            trip.settle(results)
        finally:
            self._under_way = None

    async def _exchanged(self, commands: Sequence[Command]) -> list[Any]:
        """Exchange the commands, twice if need be: a connection that rested may have died unnoticed."""
        with suppress(RedisConnectionError):
            return await exchanged(await self._line.connected(), commands)
        return await exchanged(await self._line.connected(), commands)


class _Trip:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.asked: list[tuple[int, asyncio.Future[list[Any]]]] = []  # how many commands, in their order

    def settle(self, results: Sequence[Any]) -> None:
        first = 0
        for number, waiting in self.asked:
            if not waiting.done():  # otherwise its asker has given up
                waiting.set_result([*results[first : first + number]])
            first += number

    def fail(self, error: Exception) -> None:
        for _, waiting in self.asked:
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # asked for: its asker may be gone before it wakes


def _closed() -> RedisConnectionError:
    return RedisConnectionError("the connection was closed")
