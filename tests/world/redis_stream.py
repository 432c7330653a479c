"""A stream of a simulated Redis, with its consumer groups. Of each group there is one consumer."""

from collections import deque
from math import inf
from typing import Any

Id = tuple[int, int]
Fields = dict[bytes, bytes]


class CommandError(Exception):
    """An error as it stands in a reply: `OOM command not allowed ...`."""


def stream_id(text: bytes) -> Id:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number or 0)


class _Group:
    def __init__(self, last: Id) -> None:
        self.last = last  # that was read
        self.pending: dict[Id, None] = {}
        self.consumers = 0


class Stream:
    def __init__(self) -> None:
        self.entries: dict[Id, Fields] = {}  # oldest first
        self.groups: dict[bytes, _Group] = {}
        self._last: Id = (0, 0)
        self._order: deque[Id] = deque()

    def __bool__(self) -> bool:
        """An empty stream is a key."""
        return True

    # --- entries

    def next_id(self, ms: int) -> Id:
        return (ms, 0) if ms > self._last[0] else (self._last[0], self._last[1] + 1)

    def add(self, id_: Id, fields: Fields) -> None:
        self.entries[id_] = fields
        self._order.append(id_)
        self._last = id_

    def keep_newest(self, count: int) -> None:
        while len(self.entries) > count:
            self.entries.pop(self._order.popleft(), None)

    def keep_from(self, oldest: Id) -> None:
        while self._order and self._order[0] < oldest:
            self.entries.pop(self._order.popleft(), None)

    def delete(self, id_: Id) -> bool:
        if self.entries.pop(id_, None) is None:
            return False
        self._order.remove(id_)
        return True

    def range(self, first: bytes, last: bytes) -> list[Any]:
        """As XRANGE has it: `-`, `+`, `id`, `(id`."""
        above: tuple[float, ...] = (-1,) if first == b"-" else stream_id(first.lstrip(b"("))
        below: tuple[float, ...] = (inf,) if last == b"+" else stream_id(last)
        return [
            _entry(id_, fields)
            for id_, fields in self.entries.items()
            if (id_ > above if first.startswith(b"(") else id_ >= above) and id_ <= below
        ]

    # --- groups

    def create_group(self, name: bytes) -> None:
        if name in self.groups:
            raise CommandError("BUSYGROUP Consumer Group name already exists")
        self.groups[name] = _Group(self._last)

    def _group(self, name: bytes, key: bytes, command: str) -> _Group:
        if name not in self.groups:
            where = f"No such key '{key.decode()}' or consumer group '{name.decode()}'"
            raise CommandError(f"NOGROUP {where}{command}")
        return self.groups[name]

    def read_group(self, name: bytes, after: bytes, count: int, key: bytes) -> list[Any]:
        group = self._group(name, key, " in XREADGROUP with GROUP option")
        group.consumers = 1
        if after != b">":
            held = [id_ for id_ in group.pending if id_ > stream_id(after)][:count]
            return [_entry(id_, self.entries.get(id_)) for id_ in held]
        new = [id_ for id_ in self.entries if id_ > group.last][:count]
        for id_ in new:
            group.pending[id_] = None
        if new:
            group.last = new[-1]
        return [_entry(id_, self.entries[id_]) for id_ in new]

    def acknowledge(self, name: bytes, id_: Id) -> bool:
        group = self.groups.get(name)
        return group is not None and group.pending.pop(id_, id_) is None

    def groups_info(self) -> list[Any]:
        return [
            [
                *(b"name", name, b"consumers", group.consumers, b"pending", len(group.pending)),
                *(b"last-delivered-id", _text(group.last)),
                *(b"lag", sum(id_ > group.last for id_ in self.entries)),
            ]
            for name, group in sorted(self.groups.items())
        ]

    def pending(self, name: bytes, key: bytes) -> list[Any]:
        ids = [*self._group(name, key, "").pending]
        if not ids:
            return [0, None, None, None]
        return [len(ids), _text(ids[0]), _text(ids[-1]), [[b"control", b"%d" % len(ids)]]]


def _text(id_: Id) -> bytes:
    return b"%d-%d" % id_


def _entry(id_: Id, fields: Fields | None) -> list[Any]:
    flat = None if fields is None else [part for pair in fields.items() for part in pair]
    return [_text(id_), flat]
