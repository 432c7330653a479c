"""Runs Roomcast's Lua scripts in a simulated Redis, each as one step, as Redis does."""

import hashlib
from collections.abc import Callable
from typing import Any

import lupa.lua51 as lua

from tests.world.redis_data import CommandError, RedisData

_runtime = lua.LuaRuntime(encoding=None, unpack_returned_tuples=True)
_compiled: dict[bytes, Any] = {}  # by text
_calling: list[Callable[..., Any]] = []  # the server whose script runs

_runtime.execute(
    b"""
    function prepare(call)
      local function checked(...)
        local reply, failure = call(...)
        if failure then error({err = failure}, 0) end
        return reply
      end
      local function caught(...)
        local reply, failure = call(...)
        if failure then return {err = failure} end
        return reply
      end
      redis = {call = checked, pcall = caught}
      function run(script, keys, args)
        KEYS, ARGV = keys, args
        local ok, result = pcall(script)
        if not ok and type(result) ~= 'table' then result = {err = 'ERR ' .. tostring(result)} end
        return result
      end
    end
    """
)


def _call(*command: Any) -> tuple[Any, bytes | None]:
    try:
        return _calling[-1](*map(_text, command)), None
    except CommandError as error:
        return None, str(error).encode()


_runtime.globals()[b"prepare"](_call)
_run = _runtime.globals()[b"run"]


class Scripts:
    """The scripts that one server process knows."""

    def __init__(self, data: RedisData) -> None:
        self._data = data
        self._texts: dict[bytes, bytes] = {}

    def load(self, text: bytes) -> bytes:
        sha1 = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
        self._texts[sha1] = text
        return sha1

    def call(self, sha1: bytes, count: bytes, *rest: bytes) -> Any:
        """Raises `CommandError`."""
        if sha1 not in self._texts:
            raise CommandError("NOSCRIPT No matching script. Please use EVAL.")
        text = self._texts[sha1]
        if text not in _compiled:
            _compiled[text] = _runtime.compile(text)
        is_dirty = False

        def step(*command: bytes) -> Any:
            nonlocal is_dirty
            reply = self._data.call(*command, is_dirty=is_dirty)
            is_dirty = is_dirty or self._data.writes(command[0])
            return _to_lua(reply)

        keys, args = rest[: int(count)], rest[int(count) :]
        _calling.append(step)
        try:
            result = _run(_compiled[text], _runtime.table_from(keys), _runtime.table_from(args))
        finally:
            _calling.pop()
        return _from_lua(result)


def _text(value: Any) -> bytes:
    """An argument of `redis.call`: numbers as Lua writes them."""
    if isinstance(value, bytes):
        return value
    return f"{value:.14g}".encode() if isinstance(value, float) else str(value).encode()


def _to_lua(reply: Any) -> Any:
    if reply is None:
        return False
    return _runtime.table_from(map(_to_lua, reply)) if isinstance(reply, list) else reply


def _from_lua(result: Any) -> Any:
    if lua.lua_type(result) == "table":
        if result[b"err"] is not None:
            raise CommandError(result[b"err"].decode())
        items = []
        while (item := result[len(items) + 1]) is not None:
            items.append(_from_lua(item))
        return items
    if isinstance(result, bool):
        return 1 if result else None
    return int(result) if isinstance(result, float) else result
