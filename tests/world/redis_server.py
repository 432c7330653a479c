"""The Redis of a simulated world: one process that stops, pauses, loses what it has, and refuses writes."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from shared.bus import keys
from tests.world.clock import clock
from tests.world.redis_data import CommandError, RedisData
from tests.world.redis_scripts import Scripts

Send = Callable[[list[Any] | None], None]
_NOBODY = Context()


class ServerEnd:
    """The server's end of one connection. `send` sends replies; None: the connection is over."""

    def __init__(self, server: "RedisServer", send: Send) -> None:
        self._server = server
        self._send = send
        self._queued: list[tuple[bytes, ...]] | None = None  # since MULTI
        self._waiting: deque[tuple[bytes, ...]] = deque()  # behind BLPOP
        self.waits_for: tuple[bytes, float] | None = None  # the key of BLPOP, and until when
        self.is_open = True

    def receive(self, commands: list[tuple[bytes, ...]]) -> None:
        if not self.is_open:
            self._send(None)
        elif self._server.is_paused:
            self._server.waiting.append(lambda: self.receive(commands))
        else:
            self._waiting.extend(commands)
            self.work()

    def work(self) -> None:
        """Do what waits, until something blocks."""
        replies: list[Any] = []
        while self._waiting and self.waits_for is None:
            command = self._waiting.popleft()
            if command[0] == b"BLPOP":
                self._block(command[1], float(command[2]))
            else:
                replies.append(self._do(command))
        if replies:
            self._send(replies)
        self._server.serve_blocked()

    def _block(self, key: bytes, seconds: float) -> None:
        if not self._server.data.refuses and (entry := self._server.data.call(b"LPOP", key)) is not None:
            self._send([[key, entry]])
            return
        waits = self.waits_for = key, clock.now + seconds
        self._server.blocked.setdefault(key, {})[self] = None
        asyncio.get_running_loop().call_at(waits[1], self._give_up, waits, context=_NOBODY)

    def unblock(self, found: Any) -> None:
        """Answer BLPOP."""
        if self.waits_for is not None:
            del self._server.blocked[self.waits_for[0]][self]
        self.waits_for = None
        self._send([found])

    def close(self) -> None:
        self.is_open = False
        if self.waits_for is not None:
            del self._server.blocked[self.waits_for[0]][self]
        self.waits_for = None
        self._waiting.clear()
        self._server.ends.pop(self, None)

    def lose(self) -> None:
        """The server ends this connection."""
        self.close()
        self._send(None)

    def _give_up(self, waited: tuple[bytes, float]) -> None:
        if self.waits_for is waited:
            if self._server.is_paused:
                self._server.waiting.append(lambda: self._give_up(waited))
            else:
                self.unblock(None)
                self.work()

    def _do(self, command: tuple[bytes, ...]) -> Any:
        name = command[0].upper()
        if name == b"MULTI":
            self._queued = []
            return b"OK"
        if name == b"EXEC":
            queued, self._queued = self._queued or [], None
            return [self._server.do(one) for one in queued]
        if self._queued is not None:
            self._queued.append(command)
            return b"QUEUED"
        return self._server.do(command)


class RedisServer:
    """`start` and `stop` it; while it is paused, what comes waits."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.data = RedisData(lambda: clock.unix, chance.sample)
        self.ends: dict[ServerEnd, None] = {}
        self.blocked: dict[bytes, dict[ServerEnd, None]] = {}  # by the key of BLPOP, in the order they came
        self.waiting: list[Callable[[], None]] = []  # while it is paused
        self.is_up = False
        self.is_paused = False

    def watch_events(self, logged: dict[str, float]) -> None:
        """Note there each event of a room that is logged from now on, and when."""
        self.data.added = lambda key, fields: _note(key, fields, logged)

    # --- what befalls it

    def start(self, snapshot: Any) -> None:
        """Start a process with that data; None: empty."""
        self.data.run_id = f"{self._chance.getrandbits(160):040x}"
        self.data.load(snapshot)
        self._scripts = Scripts(self.data)
        self.is_up = True

    def begin_epoch(self) -> None:
        """Let it be known for long: nobody has claimed anything in it."""
        self.data.call(b"SET", keys.EPOCH.encode(), f"{self.data.run_id} 0".encode())

    def stop(self) -> None:
        self.is_up = self.is_paused = False
        self.waiting.clear()
        for end in list(self.ends):
            end.lose()

    def pause(self) -> None:
        self.is_paused = True

    def go_on(self) -> None:
        if not self.is_paused:  # it was stopped meanwhile
            return
        self.is_paused = False
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()

    # --- what it does

    @property
    def works(self) -> bool:
        return self.is_up and not self.is_paused and not self.data.refuses

    def accept(self, send: Send) -> ServerEnd | None:
        """A new connection; None: refused."""
        if not self.is_up:
            return None
        end = ServerEnd(self, send)
        self.ends[end] = None
        return end

    def do(self, command: tuple[bytes, ...]) -> Any:
        name, args = command[0].upper(), command[1:]
        try:
            if name == b"EVALSHA":
                return self._scripts.call(*args)
            if name == b"SCRIPT":
                return self._scripts.load(args[1])
            return self.data.call(*command)
        except CommandError as error:
            return error

    def serve_blocked(self) -> None:
        """Give what lists hold to who waits for it, in the order in which they came."""
        for key in self.data.take_pushed() & self.blocked.keys():
            ends = self.blocked[key]
            while ends and not self.data.refuses and (entry := self.data.call(b"LPOP", key)) is not None:
                end = next(iter(ends))
                end.unblock([key, entry])
                end.work()


def _note(key: bytes, fields: dict[bytes, bytes], logged: dict[str, float]) -> None:
    if key == keys.OUTBOX.encode():
        logged.setdefault(fields[b"id"].decode(), clock.now)
