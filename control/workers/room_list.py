"""All rooms of the cluster, held by this process and kept fresh by what changes.

A request first takes what is new in the log of changes. Each second the workers' statuses are read, too: they
tell which workers live, and by the versions of their records whether changes were missed. Then that worker's
rooms are read anew. Records stay packed until somebody looks at them: so a room takes some hundred bytes.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import TypeVar

from control.workers import room_facts
from control.workers.cluster import LIMIT_SECONDS, Cluster
from control.workers.cluster_rooms import ClusterRoom, cluster_room
from control.workers.lost_workers import LostWorkers
from control.workers.redis_watch import RedisWatch
from control.workers.turns import SHORT, Turns
from shared.beat import beat
from shared.directory.directory import Directory, read_room
from shared.directory.room_records import ANEW, Change
from shared.errors import ServiceError
from shared.messages.status import WorkerStatus
from shared.names import WorkerId, parse_room_name
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0
WORKERS_AT_ONCE = 20  # workers whose rooms are read in one round trip

R = TypeVar("R")

log = get_logger()


@dataclass(slots=True)
class _Held:
    """What this process holds of one worker."""

    version: str
    records: dict[str, bytes] = field(default_factory=dict)


class RoomList:
    """`run` must be running.

    A call that asks for rooms raises `NO_WORKER` when Redis does not answer in time.
    """

    def __init__(self, directory: Directory, cluster: Cluster, watch: RedisWatch) -> None:
        self._directory = directory
        self._cluster = cluster
        self._watch = watch
        self._at = ""  # in the log of changes
        self._workers: dict[WorkerId, _Held] = {}
        self._holders: dict[str, tuple[WorkerId, ...]] = {}  # by room
        self._names: list[str] = []  # of the rooms, sorted
        self._summaries: dict[str, bytes] = {}
        self._changed: set[str] = set()
        self._on_record: Callable[[str], None] = lambda _name: None
        self._reading = asyncio.Lock()
        self._turns = Turns()
        self._is_complete = False
        self._fresh_at = -inf
        self._lost = LostWorkers()

    # --- what it holds

    @property
    def count(self) -> int:
        """How many rooms there were when Redis was last asked."""
        return len(self._names)

    def held_names(self, after: str = "") -> Iterator[str]:
        """The names of the rooms behind `after`, sorted, as this process knows them when each is asked for.

        It holds few at a time: its reader may be slow.
        """
        while some := self._names[(first := bisect_right(self._names, after)) : first + SHORT]:
            yield from some
            after = some[-1]

    def in_turns(self, names: Iterable[str], render: Callable[[str], R]) -> AsyncIterator[list[R]]:
        """What `render` makes of each name, for requests, of which there may be many: see `Turns`."""
        return self._turns.render(names, render)

    def summary(self, name: str) -> bytes | None:
        """What lists show of a room, kept until it changes; None: it has ended meanwhile."""
        text = self._summaries.get(name)
        if text is None and (room := self.room(name)) is not None:
            text = self._summaries[name] = room_facts.compact_json(room_facts.summary(room.status))
        return text

    def room(self, name: str) -> ClusterRoom | None:
        holders = self._holders.get(name, ())
        read = ((worker, read_room(self._workers[worker].records.get(name))) for worker in holders)
        return cluster_room(name, [(worker, status) for worker, status in read if status is not None])

    def holds(self, name: str) -> bool:
        return name in self._holders

    def is_live(self, name: str) -> bool:
        """Whether somebody publishes in the room."""
        room = self.room(name) if name in self._holders else None
        return room is not None and room.status.has_publisher

    def on_record(self, call: Callable[[str], None]) -> None:
        """Have `call` called with a room's name whenever a record of it arrives, as when it begins."""
        self._on_record = call

    def rooms_of(self, worker: str) -> Sequence[str]:
        held = self._workers.get(WorkerId(worker))
        return sorted(held.records) if held is not None else ()

    def count_of(self, worker: str) -> int:
        """How many rooms this worker has."""
        held = self._workers.get(WorkerId(worker))
        return len(held.records) if held is not None else 0

    def note(self, names: Iterable[str]) -> None:
        """What is shown of these rooms has changed. They need not exist."""
        self._changed.update(names)

    def take_changed(self) -> set[str]:
        """The names of the rooms that began, changed or ended since the call before."""
        changed, self._changed = self._changed, set()
        return changed

    # --- keeping it fresh

    async def run(self) -> None:
        while True:
            try:
                await self._look()
            except ServiceError:  # Redis is away
                pass
            except Exception:
                log.exception("the list of rooms was not updated")
            await beat(LOOK_SECONDS)

    async def catch_up(self) -> None:
        """Take what has changed until now. Requests that come meanwhile share the next reading."""
        if not self._is_complete:
            await self._look()
            return
        asked = monotonic()
        async with self._watch.bounded(LIMIT_SECONDS), self._reading:
            if self._fresh_at < asked:
                self._fresh_at = monotonic()
                await self._load(await self._take_changes())

    async def _look(self) -> None:
        """Read the workers' statuses, what changed, and what was missed.

        A list that is asked for meanwhile need not wait for the statuses, which takes long with many workers.
        """
        async with self._reading:
            if not self._at:
                async with self._watch.bounded(LIMIT_SECONDS):
                    self._at = await self._directory.last_change()
        before = {worker: held.version for worker, held in self._workers.items()}
        statuses = await self._cluster.workers()  # before what changed in rooms, or they would count on more
        async with self._reading:
            async with self._watch.bounded(LIMIT_SECONDS):
                missed = await self._take_changes()
            living = {WorkerId(status.id) for status in statuses}
            silent: dict[WorkerId, Sequence[str]] = {}
            for worker in before.keys() - living:
                held = self._workers.get(worker)
                if held is not None and held.version == before[worker]:  # otherwise it began anew meanwhile
                    silent[worker] = self.rooms_of(worker)
                    self._drop(worker)
            if silent:
                async with self._watch.bounded(LIMIT_SECONDS):
                    self._lost.lose(await self._directory.last_heard(silent), silent)
            self._lost.find(living, self._cluster.unix_time)
            for status in statuses:
                if self._lacks(status):
                    missed.add(WorkerId(status.id))
            if missed:  # perhaps Redis is another one by now, with another log
                async with self._watch.bounded(LIMIT_SECONDS):
                    self._at = await self._directory.last_change()
            await self._load(missed & living)
            self._is_complete = True

    async def _take_changes(self) -> set[WorkerId]:
        """Apply the log's new entries. Returns the workers of which some are missing."""
        missed: set[WorkerId] = set()
        more = True
        while more:
            self._at, changes, more = await self._directory.changes(self._at)
            for change in changes:
                if not self._apply(change):
                    missed.add(WorkerId(change.worker))
            if more:
                await asyncio.sleep(0)
        return missed

    def _apply(self, change: Change) -> bool:
        """Returns False if it does not follow what is held."""
        worker = WorkerId(change.worker)
        if not change.version:
            self._drop(worker)
            return True
        held = self._workers.get(worker)
        if change.before == ANEW:
            records = {name: record for name, record in change.records.items() if record is not None}
            self._replace(worker, change.version, records)
            return True
        if held is None or held.version != change.before:
            return held is not None and _is_covered(change.version, held.version)
        held.version = change.version
        for name, record in change.records.items():
            self._put(worker, name, record)
        return True

    def _lacks(self, status: WorkerStatus) -> bool:
        held = self._workers.get(WorkerId(status.id))
        return held is None or not _is_covered(status.rooms_version, held.version)

    async def _load(self, workers: Collection[WorkerId]) -> None:
        """Read all rooms of `workers`."""
        wanted = sorted(workers)
        for first in range(0, len(wanted), WORKERS_AT_ONCE):
            async with self._watch.bounded(LIMIT_SECONDS):
                found = await self._directory.records(wanted[first : first + WORKERS_AT_ONCE])
            for worker, records in found.items():
                if records.version:
                    self._replace(worker, records.version, records.packed)
                else:
                    self._drop(worker)
                await asyncio.sleep(0)

    def _drop(self, worker: WorkerId) -> None:
        self._replace(worker, "", {})
        self._workers.pop(worker, None)

    def _replace(self, worker: WorkerId, version: str, records: dict[str, bytes]) -> None:
        held = self._workers.setdefault(worker, _Held(version))
        if version and _process(version) != _process(held.version):
            self._lost.replace(worker, sorted(held.records))
        held.version = version
        for name in held.records.keys() - records.keys():
            self._put(worker, name, None)
        for name, record in records.items():
            if held.records.get(name) != record:
                self._put(worker, name, record)

    def _put(self, worker: WorkerId, name: str, record: bytes | None) -> None:
        records = self._workers[worker].records
        self._summaries.pop(name, None)
        self._changed.add(name)
        holders = self._holders.get(name, ())
        if record is None:
            records.pop(name, None)
            holders = tuple(holder for holder in holders if holder != worker)
        else:
            records[name] = record
            if worker not in holders:
                holders = (*holders, worker)
        self._set_holders(name, holders)
        if record is not None:
            self._on_record(name)

    def _set_holders(self, name: str, holders: tuple[WorkerId, ...]) -> None:
        if not holders:
            if self._holders.pop(name, None) is not None:
                del self._names[bisect_left(self._names, name)]
            return
        if name not in self._holders:
            if parse_room_name(name) is None:  # nobody's room
                return
            insort(self._names, name)
        self._holders[name] = holders


def _process(version: str) -> str:
    return version.partition(":")[0]


def _is_covered(version: str, by: str) -> bool:
    """Whether `by` is the same version as this one, or a later one of the same process."""
    process, _, number = version.partition(":")
    other, _, other_number = by.partition(":")
    decimal = number.isdecimal() and other_number.isdecimal()
    return process == other and decimal and int(number) <= int(other_number)
