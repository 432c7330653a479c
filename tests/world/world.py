"""One simulated world: a seed decides all that happens in it."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import control.webhooks.delivery
from shared.bus import keys
from tests.world import plane_processes
from tests.world.clients import Encoder, Net, Operator, Receiver, Viewer
from tests.world.clock import begin_seed, clock
from tests.world.faults import Faults
from tests.world.hosts import Hosts
from tests.world.invariants import Invariants
from tests.world.loop import WorldLoop
from tests.world.redis_server import RedisServer
from tests.world.sessions import PublisherStandIn
from tests.world.story import Story

ROOMS = ["red", "blue"]  # each has two encoders
BUSY_ROOM = "busy"  # begins and ends all the time, so there is much to tell
VIEWERS = 2  # of each of the others
LONG_SECONDS, SHORT_SECONDS = 40.0, 0.7  # that an encoder stays
START_SECONDS = 1.5
FAULT_SECONDS = 20.0
SETTLE_SECONDS = 12.0  # four of them are the epoch's, and as many a client's that waits in vain
END_SECONDS = 60.0  # for what unwinds when all processes were killed
DELIVER_SECONDS = 25.0  # a lease of a process that died lasts for 15 s


@dataclass(frozen=True)
class Outcome:
    """`broken` is empty if all held."""

    broken: str
    story: list[str]


def run_seed(seed: int) -> Outcome:
    begin_seed(seed)
    loop = WorldLoop()
    asyncio.set_event_loop(loop)
    world = _World(seed, loop)
    try:
        with _small():
            broken = loop.run_until_complete(world.run())
    finally:
        loop.close()
    return Outcome(broken, world.story.lines)


@contextmanager
def _small() -> Iterator[None]:
    """Bounds of webhooks that a short life reaches."""
    bounds: list[tuple[Any, str, float]] = [
        (keys, "OUTBOX_LENGTH", 8),
        (control.webhooks.delivery, "MAX_HELD", 4),
        (control.webhooks.delivery, "LAST_SECONDS", 4.0),
    ]
    former = [(module, name, getattr(module, name)) for module, name, _ in bounds]
    for each in bounds:
        setattr(*each)
    try:
        yield
    finally:
        for each in former:
            setattr(*each)


class _World:
    def __init__(self, seed: int, loop: WorldLoop) -> None:
        self._chance = chance = random.Random(seed)
        self._loop = loop
        self.story = story = Story()
        story.listen()
        PublisherStandIn.by_id.clear()
        self._server = RedisServer(chance)
        self._hosts = hosts = Hosts(loop, chance)
        self._receiver = Receiver(chance)
        plane_processes.stand_in(self._server, hosts.line_of, self._receiver.post)
        net = Net(hosts, chance)
        self._encoders = [
            Encoder(f"{room}-{number}", room, LONG_SECONDS, net, story, chance)
            for room in ROOMS
            for number in (1, 2)
        ]
        self._encoders.append(Encoder(BUSY_ROOM, BUSY_ROOM, SHORT_SECONDS, net, story, chance))
        self._viewers = [
            Viewer(f"viewer-{room}-{number}", room, net, chance)
            for room in ROOMS
            for number in range(VIEWERS)
        ]
        self._operator = Operator(ROOMS, net, story, chance)
        self._logged: dict[str, float] = {}  # ids of events that Redis has taken and not lost, and when
        self._faults = Faults(hosts, self._server, self._receiver, story, chance, self._logged.clear)
        self._invariants = Invariants(hosts, self._server, self._encoders, self._break)
        self._broken: asyncio.Future[str] = loop.create_future()

    def _break(self, what: str) -> None:
        if not self._broken.done():
            self.story.tell("BROKEN", what)
            self._broken.set_result(what)

    async def run(self) -> str:
        """What does not hold; empty: all did."""
        living = asyncio.create_task(self._live())
        await asyncio.wait({living, self._broken}, return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
        await self._end(living)
        if not self._broken.done() and (faults := self._loop.faults + self.story.faults):
            self._break(faults[0])
        return self._broken.result() if self._broken.done() else ""

    async def _live(self) -> None:
        self._server.watch_events(self._logged)
        self._server.start(None)
        self._server.begin_epoch()
        self._hosts.start()
        async with asyncio.TaskGroup() as tasks:
            supervised = [
                tasks.create_task(host.supervise(lambda host: self.story.tell(host.name, "starts again")))
                for host in self._hosts.all
            ]
            looking = tasks.create_task(self._invariants.run())
            await asyncio.sleep(START_SECONDS)
            clients = [
                tasks.create_task(client.run(self._invariants)) for client in self._encoders + self._viewers
            ]
            operating = tasks.create_task(self._operator.run(self._invariants, self._hosts))
            await self._faults.run(FAULT_SECONDS)
            operating.cancel()
            self.story.tell("world", "no more faults")
            for encoder in self._encoders:
                encoder.stays = True
            await asyncio.sleep(SETTLE_SECONDS)
            self._invariants.check_settled()
            for task in clients:
                task.cancel()
            until = clock.now + DELIVER_SECONDS
            while clock.now < until and not self._receiver.delivered.issuperset(self._logged):
                await asyncio.sleep(1.0)
            self._invariants.check_events(self._logged, self._receiver.delivered, self.story.lost_webhooks)
            for task in [*supervised, looking]:
                task.cancel()

    async def _end(self, living: "asyncio.Task[None]") -> None:
        living.cancel()
        await asyncio.wait({living})
        for host in self._hosts.all:
            if host.process.is_alive:
                host.process.kill()
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in left:
                task.cancel()
            _, endless = await asyncio.wait(left, timeout=END_SECONDS)
            for task in endless:
                self._break(f"a task does not end: {task}")
