"""What befalls a simulated cluster. Each fault lasts for a while; several may be on at once."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from tests.world.clients import Receiver
from tests.world.hosts import Host, Hosts
from tests.world.plane_processes import WorkerProcess
from tests.world.redis_server import RedisServer
from tests.world.story import Story

SNAPSHOT_SECONDS = 1.0


class Faults:
    """`lost` is called when Redis loses what it had."""

    def __init__(
        self,
        hosts: Hosts,
        server: RedisServer,
        receiver: Receiver,
        story: Story,
        chance: random.Random,
        lost: Callable[[], None],
    ) -> None:
        self._hosts = hosts
        self._server = server
        self._receiver = receiver
        self._story = story
        self._chance = chance
        self._snapshots: deque[Any] = deque(maxlen=4)
        self._lost = lost
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float) -> None:
        """Begin faults for so long, and return when all are over."""
        snapshots = asyncio.create_task(self._take_snapshots())
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await asyncio.sleep(self._chance.uniform(0.1, 4.0))
                    fault = asyncio.create_task(self._draw()())
                    self._under_way.add(fault)
                    fault.add_done_callback(self._under_way.discard)
        except TimeoutError:
            pass
        snapshots.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _draw(self) -> Callable[[], Awaitable[None]]:
        kinds: dict[Callable[[], Awaitable[None]], int] = {
            self._cut: 4,
            self._slow: 2,
            self._reset: 1,
            self._pause: 3,
            self._kill: 3,
            self._terminate: 1,
            self._jump: 1,
            self._restart_redis: 3,
            self._empty_redis: 2,
            self._pause_redis: 1,
            self._fill_redis: 2,
            self._lose_receiver: 2,
        }
        return self._chance.choices([*kinds], [*kinds.values()])[0]

    # --- of one host

    def _host(self) -> Host:
        return self._chance.choice(self._hosts.all)

    async def _lasts(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most))

    async def _cut(self) -> None:
        host = self._host()
        if host.line.is_cut:
            return
        self._story.tell("fault", f"{host.name} is cut off from Redis")
        host.line.cut()
        await self._lasts(0.2, 9.0)
        keeps = self._chance.random() < 0.5
        self._story.tell("fault", f"{host.name} reaches Redis again{'' if keeps else ', by new connections'}")
        host.line.mend(keeps_connections=keeps)

    async def _slow(self) -> None:
        host, seconds = self._host(), self._chance.uniform(0.05, 1.5)
        self._story.tell("fault", f"the line of {host.name} takes up to {seconds:.2f} s")
        host.line.slow = seconds
        await self._lasts(0.5, 5.0)
        host.line.slow = 0.0
        self._story.tell("fault", f"the line of {host.name} is fast again")

    async def _reset(self) -> None:
        host = self._host()
        self._story.tell("fault", f"{host.name} loses its connections")
        host.line.reset()

    async def _pause(self) -> None:
        host = self._host()
        process = host.process
        if process.is_paused or not process.is_alive:
            return
        self._story.tell("fault", f"{host.name} is paused")
        process.pause()
        await self._lasts(0.2, 8.0)
        if process.is_paused:
            self._story.tell("fault", f"{host.name} goes on")
            process.go_on()

    async def _kill(self) -> None:
        host = self._host()
        if host.process.is_alive:
            self._story.tell("fault", f"{host.name} is killed")
            host.process.kill()
            host.line.reset()

    async def _terminate(self) -> None:
        host = self._chance.choice(self._hosts.workers)
        self._story.tell("fault", f"{host.name} gets SIGTERM")
        assert isinstance(host.plane, WorkerProcess)
        host.plane.terminate()

    async def _jump(self) -> None:
        host = self._host()
        host.clock.wrong_by = self._chance.choice([-3600.0, -10.0, -1.0, 1.0, 10.0, 3600.0])
        self._story.tell("fault", f"the clock of {host.name} is wrong by {host.clock.wrong_by} s now")

    # --- of Redis

    async def _take_snapshots(self) -> None:
        while True:
            if self._server.is_up:
                self._snapshots.append(self._server.data.snapshot())
            await asyncio.sleep(SNAPSHOT_SECONDS)

    async def _restart_redis(self) -> None:
        if not self._server.is_up:
            return
        what = self._chance.choice(["nothing", "what it had", "older data"])
        kept = self._server.data.snapshot() if what == "what it had" else None
        if what == "older data" and self._snapshots:
            kept = self._chance.choice(self._snapshots)
        self._story.tell("fault", "Redis stops")
        self._server.stop()
        if what != "what it had":
            self._lost()
        await self._lasts(0.0, self._chance.choice([0.3, 6.0]))
        self._story.tell("fault", f"Redis starts, with {what}")
        self._server.start(kept)

    async def _empty_redis(self) -> None:
        if self._server.is_up and not self._server.is_paused:
            self._story.tell("fault", "Redis is emptied")
            self._server.data.load(None)
            self._lost()

    async def _pause_redis(self) -> None:
        if self._server.is_paused or not self._server.is_up:
            return
        self._story.tell("fault", "Redis is paused")
        self._server.pause()
        await self._lasts(0.2, 4.0)
        self._story.tell("fault", "Redis goes on")
        self._server.go_on()

    async def _fill_redis(self) -> None:
        if self._server.data.refuses:
            return
        self._server.data.refuses = self._chance.choice(["OOM", "READONLY"])
        self._story.tell("fault", f"Redis refuses writes: {self._server.data.refuses}")
        await self._lasts(0.5, 9.0)
        self._server.data.refuses = ""
        self._story.tell("fault", "Redis takes writes again")

    # --- of the receiver of webhooks

    async def _lose_receiver(self) -> None:
        if self._receiver.is_down:
            return
        self._story.tell("fault", "the receiver of webhooks is down")
        self._receiver.is_down = True
        await self._lasts(1.0, 15.0)
        self._story.tell("fault", "the receiver of webhooks is up again")
        self._receiver.is_down = False
