"""The network between the processes of a simulated world and its Redis.

A connection takes the place of redis-py's own, and carries commands and replies as they are. Each direction
keeps its order. What is sent while the line is cut waits: when the line is whole again, it arrives, as TCP
has it, or its connection is lost.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any

from redis._parsers.base import BaseParser
from redis.asyncio.connection import Connection as RedisConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from tests.world.loop import Process, present_process
from tests.world.redis_server import RedisServer, ServerEnd

_NOBODY = Context()  # what travels belongs to no process


class Line:
    """What connects one process with Redis. `slow` is the most that a message takes, in seconds."""

    def __init__(self, chance: random.Random, fastest: float) -> None:
        self.is_cut = False
        self.slow = 0.0
        self.connections: dict[Connection, None] = {}
        self._chance = chance
        self._fastest = fastest
        self._held: list[Callable[[], None]] = []

    def seconds(self) -> float:
        """How long the next message takes."""
        if self.slow:
            return self._chance.uniform(0.0, self.slow)
        rare = self._chance.random() < 0.01
        return self._fastest * self._chance.uniform(1.0, 40.0 if rare else 2.0)

    def arrive(self, deliver: Callable[[], None]) -> None:
        if self.is_cut:
            self._held.append(deliver)
        else:
            deliver()

    def cut(self) -> None:
        self.is_cut = True

    def mend(self, *, keeps_connections: bool) -> None:
        self.is_cut = False
        held, self._held = self._held, []
        if not keeps_connections:
            self.reset()
        for deliver in held:
            deliver()  # to connections that were lost: nobody takes it

    def reset(self) -> None:
        """Both ends lose all connections."""
        for connection in list(self.connections):
            connection.lose()


class _Direction:
    def __init__(self, line: Line) -> None:
        self._line = line
        self._latest = 0.0

    def send(self, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._latest = max(self._latest, loop.time() + self._line.seconds())
        loop.call_at(self._latest, self._line.arrive, deliver, context=_NOBODY)


class Connection(RedisConnection):
    """A client's connection to the one `server` of the world, over the `line` of its process."""

    def __init__(self, *, server: RedisServer, line: Line, **options: Any) -> None:
        super().__init__(driver_info=None, **options)
        process = present_process()
        assert process is not None
        self._process: Process = process
        self._server = server
        self._line = line
        self._end: ServerEnd | None = None
        self._replies: deque[Any] = deque()
        self._waiting: asyncio.Future[None] | None = None

    # --- as redis-py uses it

    @property
    def is_connected(self) -> bool:
        return self._end is not None

    async def connect(self) -> None:
        if self._end is not None:
            return
        answer: asyncio.Future[ServerEnd | None] = asyncio.get_running_loop().create_future()
        there, back = _Direction(self._line), _Direction(self._line)

        def knock() -> None:
            end = self._server.accept(lambda reply: back.send(lambda: self._take(end, reply)))
            back.send(lambda: answer.done() or answer.set_result(end))

        if self._process.is_alive:
            there.send(knock)
            end = await answer
        else:
            end = None
        if end is None:
            raise RedisConnectionError("refused")
        self._end, self._there = end, there
        self._replies.clear()
        self._line.connections[self] = None

    async def disconnect(self, *_: Any, **__: Any) -> None:
        if self._end is not None:
            end = self._end
            self._forget()
            self._there.send(end.close)

    def pack_command(self, *command: Any) -> Any:
        return [tuple(map(self.encoder.encode, _words(command)))]

    def pack_commands(self, commands: Iterable[Any]) -> Any:
        return [tuple(map(self.encoder.encode, _words(command))) for command in commands]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        await self.connect()
        assert self._end is not None
        end = self._end
        if self._process.is_alive:
            self._there.send(lambda: end.receive(command))

    async def can_read(self) -> bool:
        return bool(self._replies)

    async def can_read_destructive(self) -> bool:
        return bool(self._replies)

    async def read_response(self, *_: Any, **__: Any) -> Any:
        while not self._replies:
            if self._end is None:
                raise RedisConnectionError("lost")
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            except asyncio.CancelledError:  # its reply would be taken for the next one's
                await self.disconnect()
                raise
        reply = self._replies.popleft()
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    # --- what arrives

    def lose(self) -> None:
        """The connection is reset, as both ends see it."""
        if self._end is not None:
            self._end.close()
            self._forget()
            self._wake()

    def _take(self, end: ServerEnd | None, reply: Any) -> None:
        """A reply, or None: the server has ended the connection."""
        if end is None or end is not self._end:
            return
        if reply is None:
            self.lose()
            return
        self._replies.extend(map(_read, reply))
        self._wake()

    def _forget(self) -> None:
        self._end = None
        self._line.connections.pop(self, None)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def _words(command: Iterable[Any]) -> Iterable[Any]:
    """redis-py's names of commands may have two words."""
    first, *rest = command
    return [*first.split(" "), *rest] if isinstance(first, str) else [first, *rest]


def _read(reply: Any) -> Any:
    """Errors as redis-py knows them."""
    if isinstance(reply, Exception):
        return BaseParser.parse_error(str(reply))
    return [_read(part) for part in reply] if isinstance(reply, list) else reply
