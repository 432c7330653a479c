"""The Lua scripts of `shared/`, and several commands and scripts in one round trip."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from shared.bus.connection import Command, ShortCalls

_INCLUDE = re.compile(r"-- include (\w+\.lua)\n")


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    sha1: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the script in `name`.lua."""

    name: str
    keys: list[str]
    args: list[Any]


def _read(path: Path) -> Script:
    text = path.read_text(encoding="utf-8")
    if include := _INCLUDE.match(text):
        text = (path.parent / include[1]).read_text(encoding="utf-8") + text
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# Read at the start: a worker that has sessions waits for no disk.
_SCRIPTS = {path.stem: _read(path) for path in Path(__file__).parents[1].glob("*/*.lua")}


def script(name: str) -> Script:
    """Its first line may be `-- include other.lua`: a part that several scripts share."""
    return _SCRIPTS[name]


async def called(redis: Redis, call: Call) -> Any:
    """The result of one call. Raises `RedisError`."""
    batch = Batch(redis)
    batch.put(call)
    [result] = await batch.execute()
    return result


class Batch:
    """Commands for one server, in order, each of its own: no transaction. `execute` sends them, once.

    Calls of scripts that Redis does not have yet are sent once more, so behind the others: a pipeline of
    redis-py itself would ask for them before each trip, in a trip of its own.
    """

    def __init__(self, redis: Redis) -> None:
        """`redis` is what `connect` returns."""
        self._redis = redis
        self._commands: list[Command] = []
        self._scripts: set[Script] = set()

    def add(self, *command: Any) -> None:
        self._commands.append(command)

    def put(self, wanted: Command | Call) -> None:
        if isinstance(wanted, Call):
            self.call(wanted.name, wanted.keys, wanted.args)
        else:
            self.add(*wanted)

    def call(self, name: str, keys: list[str], args: list[Any]) -> None:
        """Call the script in `name`.lua."""
        wanted = script(name)
        self._scripts.add(wanted)
        self.add("EVALSHA", wanted.sha1, len(keys), *keys, *args)

    async def execute(self) -> list[Any]:
        """The results, as redis-py reads them; raises the first error, a `RedisError`."""
        if not self._commands:
            return []
        redis = cast(ShortCalls, self._redis)
        results = await redis.exchange(self._commands)
        undone = [at for at, result in enumerate(results) if isinstance(result, NoScriptError)]
        if undone:
            for wanted in self._scripts:
                await redis.script_load(wanted.text)
            again = await redis.exchange([self._commands[at] for at in undone])
            for at, result in zip(undone, again, strict=True):
                results[at] = result
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results
