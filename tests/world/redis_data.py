"""What a simulated Redis holds, and the commands that Roomcast uses, each of which is one step.

Replies are those of RESP2 as redis-py gets them: bytes, int, None, lists. `test_redis_data.py` compares them
with a real server's.
"""

from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from math import inf
from typing import Any

from tests.world.redis_stream import CommandError, Fields, Stream, stream_id

Value = bytes | dict[bytes, Any] | set[bytes] | deque[bytes] | Stream

# What a server with `maxmemory-policy noeviction` refuses when it is full ...
_GROWS = {"set", "hset", "hsetnx", "hincrby", "zadd", "zincrby", "sadd", "rpush", "xadd", "xgroup"}
# ... and a replica besides.
_WRITES = _GROWS | {
    *("del", "expire", "pexpire", "getex", "hdel", "zrem", "zremrangebyscore", "srem", "lpop"),
    *("xack", "xdel", "xreadgroup"),
}


class Scores(dict[bytes, float]):
    """A sorted set."""

    def ordered(self) -> list[tuple[float, bytes]]:
        return sorted((score, member) for member, score in self.items())


class RedisData:
    """`now` returns the server's clock, in Unix seconds. `choice` decides where Redis draws."""

    def __init__(self, now: Callable[[], float], choice: Callable[[list[bytes], int], list[bytes]]) -> None:
        self.run_id = "0" * 40
        self.refuses = ""  # "OOM" or "READONLY": the writes that it refuses now
        self.added: Callable[[bytes, Fields], object] = lambda _key, _fields: None  # to a stream
        self._now = now
        self._choice = choice
        self._pushed: set[bytes] = set()  # lists that have got something
        self._values: dict[bytes, Value] = {}
        self._ends: dict[bytes, int] = {}  # Unix ms

    # --- the whole of it

    def call(self, *command: bytes, is_dirty: bool = False) -> Any:
        """Do one command; raises `CommandError`. `is_dirty`: in a script that has written already."""
        name, args = command[0].lower().decode(), command[1:]
        if self.refuses == "READONLY" and name in _WRITES:
            raise CommandError("READONLY You can't write against a read only replica.")
        if self.refuses == "OOM" and name in _GROWS and not is_dirty:
            raise CommandError("OOM command not allowed when used memory > 'maxmemory'.")
        return getattr(self, f"_{name}")(*args)

    def take_pushed(self) -> set[bytes]:
        """The lists that have got something since the call before."""
        pushed, self._pushed = self._pushed, set()
        return pushed

    @staticmethod
    def writes(command: bytes) -> bool:
        return command.lower().decode() in _WRITES

    def snapshot(self) -> Any:
        return deepcopy((self._values, self._ends))

    def load(self, snapshot: Any) -> None:
        self._values, self._ends = deepcopy(snapshot) if snapshot else ({}, {})

    def lives(self) -> Iterator[tuple[str, float]]:
        """Each key, and when it ends, in Unix seconds; infinity: never."""
        for key in list(self._values):
            if self._find(key) is not None:
                yield key.decode(), self._ends.get(key, inf) / 1000

    def _ms(self) -> int:
        return int(self._now() * 1000)

    def _find(self, key: bytes) -> Any:
        if self._ends.get(key, inf) <= self._ms():
            self._forget(key)
        return self._values.get(key)

    def _forget(self, key: bytes) -> bool:
        self._ends.pop(key, None)
        return self._values.pop(key, None) is not None

    def _made(self, key: bytes, kind: type[Any]) -> Any:
        value = self._find(key)
        if value is None:
            value = self._values[key] = kind()
        return value

    def _tidy(self, key: bytes) -> None:
        """What has nothing left is no key; but for a stream."""
        if not self._values.get(key):
            self._forget(key)

    # --- keys and strings

    def _ping(self) -> bytes:
        return b"PONG"

    def _time(self) -> list[bytes]:
        microseconds = round(self._now() * 1_000_000)
        return [b"%d" % (microseconds // 1_000_000), b"%d" % (microseconds % 1_000_000)]

    def _info(self, _section: bytes) -> bytes:
        return b"# Server\r\nrun_id:%s\r\n" % self.run_id.encode()

    def _exists(self, *keys: bytes) -> int:
        return sum(self._find(key) is not None for key in keys)

    def _del(self, *keys: bytes) -> int:
        return sum(self._find(key) is not None and self._forget(key) for key in keys)

    def _expire(self, key: bytes, seconds: bytes) -> int:
        return self._pexpire(key, b"%d" % (int(seconds) * 1000))

    def _pexpire(self, key: bytes, milliseconds: bytes) -> int:
        if self._find(key) is None:
            return 0
        self._ends[key] = self._ms() + int(milliseconds)
        return 1

    def _pttl(self, key: bytes) -> int:
        if self._find(key) is None:
            return -2
        return self._ends[key] - self._ms() if key in self._ends else -1

    def _get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._find(key)
        return value

    def _mget(self, *keys: bytes) -> list[bytes | None]:
        return [self._get(key) for key in keys]

    def _getex(self, key: bytes, _px: bytes, milliseconds: bytes) -> bytes | None:
        self._pexpire(key, milliseconds)
        return self._get(key)

    def _set(self, key: bytes, value: bytes, unit: bytes = b"", lifetime: bytes = b"") -> bytes:
        self._forget(key)
        self._values[key] = value
        if unit:
            self._pexpire(key, lifetime if unit.lower() == b"px" else b"%d" % (int(lifetime) * 1000))
        return b"OK"

    # --- hashes

    def _hget(self, key: bytes, field: bytes) -> bytes | None:
        return (self._find(key) or {}).get(field)

    def _hmget(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        return [self._hget(key, field) for field in fields]

    def _hgetall(self, key: bytes) -> list[bytes]:
        return [part for pair in (self._find(key) or {}).items() for part in pair]

    def _hscan(self, key: bytes, _cursor: bytes, _count: bytes = b"", _number: bytes = b"") -> list[Any]:
        return [b"0", self._hgetall(key)]

    def _hset(self, key: bytes, *pairs: bytes) -> int:
        held = self._made(key, dict)
        before = len(held)
        held.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(held) - before

    def _hsetnx(self, key: bytes, field: bytes, value: bytes) -> int:
        return 0 if self._hget(key, field) is not None else self._hset(key, field, value)

    def _hincrby(self, key: bytes, field: bytes, by: bytes) -> int:
        number = int(self._hget(key, field) or 0) + int(by)
        self._hset(key, field, b"%d" % number)
        return number

    def _hdel(self, key: bytes, *fields: bytes) -> int:
        gone = sum((self._find(key) or {}).pop(field, None) is not None for field in fields)
        self._tidy(key)
        return gone

    # --- sets and lists

    def _sadd(self, key: bytes, *members: bytes) -> int:
        held = self._made(key, set)
        before = len(held)
        held.update(members)
        return len(held) - before

    def _srem(self, key: bytes, *members: bytes) -> int:
        held = self._find(key) or set()
        before = len(held)
        held.difference_update(members)
        self._tidy(key)
        return before - len(held)

    def _smembers(self, key: bytes) -> list[bytes]:
        return sorted(self._find(key) or ())

    def _rpush(self, key: bytes, *entries: bytes) -> int:
        held = self._made(key, deque)
        held.extend(entries)
        self._pushed.add(key)
        return len(held)

    def _lpop(self, key: bytes) -> bytes | None:
        held = self._find(key)
        entry: bytes | None = held.popleft() if held else None
        self._tidy(key)
        return entry

    def _llen(self, key: bytes) -> int:
        return len(self._find(key) or ())

    def _lindex(self, key: bytes, place: bytes) -> bytes | None:
        return next(iter(self._lrange(key, place, place)), None)

    def _lrange(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        return _between(list(self._find(key) or ()), first, last)

    # --- sorted sets

    def _scores(self, key: bytes) -> Scores:
        return self._find(key) or Scores()

    def _zadd(self, key: bytes, *pairs: bytes) -> int:
        held = self._made(key, Scores)
        before = len(held)
        held.update({member: float(score) for score, member in zip(pairs[::2], pairs[1::2], strict=True)})
        return len(held) - before

    def _zincrby(self, key: bytes, by: bytes, member: bytes) -> bytes:
        held = self._made(key, Scores)
        held[member] = held.get(member, 0.0) + float(by)
        return _number(held[member])

    def _zrem(self, key: bytes, *members: bytes) -> int:
        gone = sum(self._scores(key).pop(member, None) is not None for member in members)
        self._tidy(key)
        return gone

    def _zscore(self, key: bytes, member: bytes) -> bytes | None:
        score = self._scores(key).get(member)
        return None if score is None else _number(score)

    def _zmscore(self, key: bytes, *members: bytes) -> list[bytes | None]:
        return [self._zscore(key, member) for member in members]

    def _zcard(self, key: bytes) -> int:
        return len(self._scores(key))

    def _zcount(self, key: bytes, least: bytes, most: bytes) -> int:
        return len(self._within(key, least, most))

    def _within(self, key: bytes, least: bytes, most: bytes) -> list[bytes]:
        above, below = _bound(least), _bound(most)
        return [
            member
            for score, member in self._scores(key).ordered()
            if (score > above[0] or (score == above[0] and above[1]))
            and (score < below[0] or (score == below[0] and below[1]))
        ]

    def _zrangebyscore(self, key: bytes, least: bytes, most: bytes, *limit: bytes) -> list[bytes]:
        found = self._within(key, least, most)
        return found[int(limit[1]) :][: int(limit[2])] if limit else found

    def _zremrangebyscore(self, key: bytes, least: bytes, most: bytes) -> int:
        gone = self._within(key, least, most)
        return self._zrem(key, *gone) if gone else 0

    def _zrangebylex(self, key: bytes, least: bytes, most: bytes) -> list[bytes]:
        return [
            member
            for _, member in self._scores(key).ordered()
            if (member > least[1:] or (member == least[1:] and least[:1] == b"["))
            and (member < most[1:] or (member == most[1:] and most[:1] == b"["))
        ]

    def _zrange(self, key: bytes, first: bytes, last: bytes, with_scores: bytes = b"") -> list[bytes]:
        found = _between(self._scores(key).ordered(), first, last)
        if not with_scores:
            return [member for _, member in found]
        return [part for score, member in found for part in (member, _number(score))]

    def _zrandmember(self, key: bytes, count: bytes, _with_scores: bytes) -> list[bytes]:
        held = self._scores(key)
        drawn = self._choice(sorted(held), min(int(count), len(held)))
        return [part for member in drawn for part in (member, _number(held[member]))]

    # --- streams

    def _stream(self, key: bytes) -> Stream:
        return self._find(key) or Stream()

    def _xadd(self, key: bytes, *args: bytes) -> bytes:
        stream: Stream = self._made(key, Stream)
        id_, rest = stream.next_id(self._ms()), list(args)
        trim, limit = rest[0].lower(), rest[2]
        del rest[: 4 if trim in (b"maxlen", b"minid") else 1]
        fields = dict(zip(rest[::2], rest[1::2], strict=True))
        stream.add(id_, fields)
        self.added(key, fields)
        if trim == b"maxlen":
            stream.keep_newest(int(limit))
        elif trim == b"minid":
            stream.keep_from(stream_id(limit))
        return b"%d-%d" % id_

    def _xdel(self, key: bytes, *ids: bytes) -> int:
        return sum(self._stream(key).delete(stream_id(id_)) for id_ in ids)

    def _xlen(self, key: bytes) -> int:
        return len(self._stream(key).entries)

    def _xrange(self, key: bytes, first: bytes, last: bytes = b"+", *count: bytes) -> list[Any]:
        return self._stream(key).range(first, last)[: int(count[1]) if count else None]

    def _xrevrange(self, key: bytes, last: bytes, first: bytes, *count: bytes) -> list[Any]:
        return self._stream(key).range(first, last)[::-1][: int(count[1]) if count else None]

    def _xgroup(self, _create: bytes, key: bytes, group: bytes, _from: bytes, _make: bytes) -> bytes:
        self._made(key, Stream).create_group(group)
        return b"OK"

    def _xreadgroup(self, *args: bytes) -> list[Any] | None:
        """GROUP group consumer COUNT count STREAMS key id"""
        _, group, _, _, count, _, key, after = args
        found = self._stream(key).read_group(group, after, int(count), key)
        return [[key, found]] if found or after != b">" else None

    def _xack(self, key: bytes, group: bytes, *ids: bytes) -> int:
        return sum(self._stream(key).acknowledge(group, stream_id(id_)) for id_ in ids)

    def _xinfo(self, _groups: bytes, key: bytes) -> list[Any]:
        if self._find(key) is None:
            raise CommandError("ERR no such key")
        return self._stream(key).groups_info()

    def _xpending(self, key: bytes, group: bytes) -> list[Any]:
        return self._stream(key).pending(group, key)


def _between(entries: list[Any], first: bytes, last: bytes) -> list[Any]:
    begin, end = int(first), int(last)
    return entries[begin : None if end == -1 else end + 1]


def _bound(text: bytes) -> tuple[float, bool]:
    """The score, and whether it is within the range itself."""
    return float(text.lstrip(b"(")), not text.startswith(b"(")


def _number(score: float) -> bytes:
    return b"%d" % score if score == int(score) else repr(score).encode()
