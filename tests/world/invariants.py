"""What must hold in a simulated world, whatever befalls it.

A worker that Redis cannot reach streams on, and its rooms may get another owner: that is meant. So what is
said of owners is said of workers that are in contact with Redis (`Host.look`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import inf

from tests.world.clients import Encoder, Viewer
from tests.world.clock import START, clock
from tests.world.hosts import Host, Hosts
from tests.world.loop import Process
from tests.world.redis_server import RedisServer

LOOK_SECONDS = 0.1
LOOKS_AT_KEYS = 20  # from one look at all keys to the next
YIELD_SECONDS = 2.0  # a heartbeat, and a call under way that fails first
CLOCK_SECONDS = 1.0  # by which a process may be wrong about Redis' clock: its line is slow
NEW_SECONDS = 3.0  # a process that is younger was perhaps not there when a ruling was acknowledged
ENDLESS = {
    "roomcast:data",
    "roomcast:epoch",
    "roomcast:workers",
}  # one value, and one entry for each worker of the last minute


@dataclass(frozen=True)
class _Ruling:
    until: float  # Unix time
    obeyed_by: frozenset[Process]


class Invariants:
    """`broken` is called with what does not hold."""

    def __init__(
        self,
        hosts: Hosts,
        server: RedisServer,
        encoders: list[Encoder],
        broken: Callable[[str], None],
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._encoders = encoders
        self._broken = broken
        self._streams_since: dict[tuple[str, str], float] = {}  # by room and worker
        self._rulings: dict[str, _Ruling] = {}
        self._lifted_late: set[str] = set()  # rooms

    async def run(self) -> None:
        while True:
            for _ in range(LOOKS_AT_KEYS):
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
            self._look_at_keys()

    def _streaming(self) -> dict[tuple[str, str], Encoder]:
        return {
            (encoder.room, encoder.session.process.name): encoder
            for encoder in self._encoders
            if encoder.streams and encoder.session is not None
        }

    def _look(self) -> None:
        for host in self._hosts.all:
            host.look(self._server)
        streaming = self._streaming()
        self._streams_since = {at: self._streams_since.get(at, clock.now) for at in streaming}
        for (room, worker), (other_room, other) in combinations(streaming, 2):
            if room == other_room:
                self._look_at_two(room, self._hosts.by_name[worker], self._hosts.by_name[other])
        for (room, worker), encoder in streaming.items():
            assert encoder.session is not None
            self._look_at_ruling(room, worker, encoder.session.process)

    def _look_at_keys(self) -> None:
        """Every key ends."""
        for key, ends in self._server.data.lives():
            if ends == inf and key not in ENDLESS:
                self._broken(f"the key {key} never ends")

    def _look_at_two(self, room: str, one: Host, other: Host) -> None:
        """One owner of a room, but for a heartbeat."""
        both_for = min(
            *(clock.now - self._streams_since[room, host.name] for host in (one, other)),
            *(host.reachable_for for host in (one, other)),
        )
        if both_for > YIELD_SECONDS:
            self._broken(f"{one.name} and {other.name} have both streamed {room} for {both_for:.1f} s")

    # --- what clients see

    def robbed(self, encoder: Encoder, worker: str) -> None:
        """A worker keeps a room by its heartbeats: no other one gets it."""
        if self._hosts.by_name[worker].has_claims:
            self._broken(f"another worker took {encoder.room}, which {encoder.name} published at {worker}")

    def not_found(self, viewer: Viewer, asked_at: float) -> None:
        """No 404 for a room that streams."""
        for (room, worker), since in self._streams_since.items():
            streams = (room, worker) in self._streaming() and since < asked_at
            if room == viewer.room and streams and self._hosts.by_name[worker].has_claims:
                self._broken(f"{viewer.name} got 404 for {room}, while {worker} streams it")

    # --- rulings

    def blocked(self, room: str, until: float, unreached: list[str], by: Process) -> None:
        """A control process may not know of a worker that was cut off before it reached Redis itself."""
        if room in self._lifted_late:
            return
        control = self._hosts.by_name[by.name]
        obeyed_by = frozenset(
            host.process
            for host in self._hosts.workers
            if host.name not in unreached
            and clock.now - host.started_at > NEW_SECONDS
            and host.was_reachable_at > control.reached_at + LOOK_SECONDS
        )
        self._rulings[room] = _Ruling(until - CLOCK_SECONDS, obeyed_by)
        self._look()

    def lifting(self, room: str) -> None:
        self._rulings.pop(room, None)

    def may_be_lifted_late(self, room: str) -> None:
        """A lift got no answer: a process that was paused may have it, and lift what is blocked meanwhile."""
        self._lifted_late.add(room)

    def _look_at_ruling(self, room: str, worker: str, process: Process) -> None:
        """A ruling holds wherever it was acknowledged as reached."""
        ruling = self._rulings.get(room)
        if ruling is not None and clock.unix < ruling.until and process in ruling.obeyed_by:
            self._broken(f"{worker} streams {room}, which is blocked, and was named as reached")

    # --- when all is calm again

    def check_settled(self) -> None:
        for room in sorted({encoder.room for encoder in self._encoders}):
            owners = [worker for name, worker in self._streaming() if name == room]
            if len(owners) != 1:
                self._broken(f"long after the last fault {room} is streamed by {owners or 'nobody'}")

    def check_events(self, logged: dict[str, float], delivered: set[str], lost: int) -> None:
        """Each event that Redis took was delivered, or counted as lost."""
        missing = [event for event in logged if event not in delivered]
        if len(missing) > lost:
            at = ", ".join(f"{event} of {logged[event] - START:.1f} s" for event in missing[:5])
            self._broken(f"{len(missing)} events were not delivered, and {lost} counted as lost: {at}")
