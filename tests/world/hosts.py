"""The hosts of a simulated cluster: on each runs one process, which a supervisor starts again."""

import asyncio
import random
from collections.abc import Callable
from math import inf

from tests.world.clock import HostClock, clock
from tests.world.loop import Process, WorldLoop
from tests.world.network import Line
from tests.world.plane_processes import ControlProcess, WorkerProcess, settings_of
from tests.world.redis_server import RedisServer

CONTROLS, WORKERS = 2, 3
SLOW_SECONDS = 0.2  # a line that takes longer may as well be cut
CONTACT_SECONDS = 2.0  # two heartbeats
# A claim lives for 4 s. It was renewed in the last heartbeat, which may have been late.
CLAIMED_SECONDS = 2.3

Plane = ControlProcess | WorkerProcess


class Host:
    """`line` connects it with Redis."""

    def __init__(
        self, name: str, loop: WorldLoop, chance: random.Random, start: Callable[[Process], Plane]
    ) -> None:
        self.name = name
        self.line = Line(chance, chance.choice([0.0002, 0.001, 0.005]))
        self.clock = HostClock(chance.choice([0.0, 0.0, 0.3, -700.0, 5_000.0]))
        self._loop = loop
        self._chance = chance
        self._start = start
        self.start()

    def start(self) -> None:
        self.process = Process(self.name, self._loop, self._chance.random(), self.clock)
        self.line.reset()
        self.plane = self._start(self.process)
        self.started_at = clock.now
        self.reached_at = inf  # when Redis was in reach for the first time
        self._reachable_since: float | None = None
        self._contact_until = 0.0
        self.was_reachable_at = 0.0
        self._must_return = False  # before anything else happens to it

    async def supervise(self, restarted: Callable[["Host"], None]) -> None:
        while True:
            await asyncio.wait([self.process.died])
            await asyncio.sleep(self._chance.uniform(0.3, 5.0))
            self.start()
            restarted(self)

    # --- whether it should know what Redis knows

    def look(self, server: RedisServer) -> None:
        """Note whether Redis is in reach; call it often."""
        line_works = not self.line.is_cut and self.line.slow <= SLOW_SECONDS
        is_in_touch = self.process.is_alive and not self.process.is_paused and line_works
        if not (is_in_touch and server.works):
            self._reachable_since = None
            if is_in_touch and self.has_claims:  # Redis is to blame, and nobody may get what it has
                self._contact_until, self._must_return = clock.now, True
            elif self._must_return:  # it was not there when Redis came back
                self._contact_until = 0.0
            return
        self.was_reachable_at = clock.now
        self.reached_at = min(self.reached_at, clock.now)
        if self._reachable_since is None:
            self._reachable_since = clock.now
        if self.reachable_for >= CONTACT_SECONDS:
            self._contact_until, self._must_return = clock.now, False

    @property
    def reachable_for(self) -> float:
        return 0.0 if self._reachable_since is None else clock.now - self._reachable_since

    @property
    def has_claims(self) -> bool:
        """Whether what it has must still be its own: it has beaten, and not long ago."""
        return clock.now - self._contact_until < CLAIMED_SECONDS


class Hosts:
    def __init__(self, loop: WorldLoop, chance: random.Random) -> None:
        self.workers: list[Host] = []
        self.controls: list[Host] = []
        self.by_name: dict[str, Host] = {}
        self._loop = loop
        self._chance = chance

    def start(self) -> None:
        control_settings = settings_of()
        for number in range(1, CONTROLS + 1):
            self._add(self.controls, f"control{number}", lambda p: ControlProcess(p, control_settings))
        for number in range(1, WORKERS + 1):
            settings = settings_of(f"w{number}")
            self._add(self.workers, f"w{number}", lambda p, settings=settings: WorkerProcess(p, settings))

    def _add(self, to: list[Host], name: str, start: Callable[[Process], Plane]) -> None:
        host = self.by_name[name] = Host(name, self._loop, self._chance, start)
        to.append(host)

    def line_of(self, process: Process) -> Line:
        return self.by_name[process.name].line

    @property
    def all(self) -> list[Host]:
        return [*self.controls, *self.workers]
