"""The load: publishers and their viewers, all in this process, and what a window of their media measures."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from media.transport.certificate import Certificate
from tools.bench.endpoint import Context, Endpoint, RefusedError
from tools.bench.inbox import Inbox
from tools.bench.layers import LayeredPublisher, Layers
from tools.bench.publisher import DEFAULT_STREAM, Pictures, Publisher
from tools.bench.report import Report
from tools.bench.table import percentile
from tools.bench.usage import Usage, dropped, resident_bytes, sockets_of
from tools.bench.viewer import ESTIMATES_PER_SECOND, SampledViewer, Viewer

# Shares of the sound: browsers with such losses get one copy, or two, and the picture is as without.
LOSSES = (0.04, 0.075)
SAMPLED = 10  # viewers that decrypt what they get
NEW_REDIS_SECONDS = 10.0
FIRST_VIEWERS = 10  # whose memory does not count: what they cause to be loaded serves all
FEWEST_FURTHER_VIEWERS = 40  # of fewer the memory is not told: what grew may be anything
FILL_SECONDS = 13.0  # until a room holds all that it ever will of its stream (`media.tracks.picture_cache`)
QUIET_SECONDS = 0.1  # without a packet: all have arrived that will
SETTLE_SECONDS = 3.0
LEAVE_AT_ONCE = 32
ROOM = "{room}"  # in a URL: stands for the name of a room


@dataclass
class Room:
    name: str
    publisher: Publisher
    viewers: list[Viewer] = field(default_factory=list)


class Load:
    """Rooms of a publisher and viewers each. Use `loaded` to get one.

    `guests` are viewers that come and go: they are kept alive, and count in no report.
    """

    def __init__(
        self,
        whip: str,
        whep: str,
        rooms: int,
        context: Context,
        stream: Pictures,
        server_pids: Sequence[int],
    ) -> None:
        names = [f"bench-{number}" for number in range(rooms)]
        kind = LayeredPublisher if isinstance(stream, Layers) else Publisher
        self.rooms = [Room(name, kind(whip.replace(ROOM, name), context)) for name in names]
        for number, room in enumerate(self.rooms):
            room.publisher.stream = stream
            room.publisher.phase = number / rooms / stream.rate
        self.guests: list[Viewer] = []
        self._stream = stream
        self._whep = whep
        self._context = context
        self._server_pids = server_pids
        self._first_memory: int | None = None
        self._joined_silently = False  # then nothing tells how long it took

    @property
    def viewers(self) -> list[Viewer]:
        return [viewer for room in self.rooms for viewer in room.viewers]

    @property
    def endpoints(self) -> list[Endpoint]:
        return [*(room.publisher for room in self.rooms), *self.viewers, *self.guests]

    async def publish(self) -> None:
        """Connect the publishers."""
        for room in self.rooms:
            await _admitted(room.publisher)

    async def join(self, viewers: int, at_once: int, *, silent: bool = False) -> None:
        """Add so many viewers to each room, no more than `at_once` in their handshake at a time.

        Returns when all get media; with `silent` the publishers send none, and it is enough to be connected.
        """
        self._joined_silently |= silent
        seats = [room for _ in range(viewers) for room in self.rooms]
        first = max(0, FIRST_VIEWERS - len(self.viewers))
        async with contextlib.nullcontext() if silent else self.streaming():
            interval = max(1, (len(self.viewers) + len(seats)) // SAMPLED)
            await self._seat(seats[:first], interval, at_once, silent)
            if seats[first:]:
                if self._first_memory is None:
                    if not silent and len(seats) - first >= FEWEST_FURTHER_VIEWERS:
                        await asyncio.sleep(FILL_SECONDS)  # else viewers would count for what the room holds
                    self._first_memory = resident_bytes(self._server_pids)
                await self._seat(seats[first:], interval, at_once, silent)

    async def _seat(self, seats: Iterable[Room], interval: int, at_once: int, silent: bool) -> None:
        gate = asyncio.Semaphore(at_once)

        async def join_one(room: Room, number: int) -> None:
            kind = SampledViewer if number % interval == interval - 1 else Viewer
            viewer = kind(self._whep.replace(ROOM, room.name), self._context)
            room.viewers.append(viewer)
            async with gate:
                await viewer.connect()
            if not silent:
                await viewer.watching()

        before = len(self.viewers)
        async with asyncio.TaskGroup() as joining:
            for number, room in enumerate(seats, before):
                joining.create_task(join_one(room, number))

    async def guest(self, *, silent: bool = False) -> Viewer:
        """One more viewer in the first room, who gets media when this returns, or is connected if `silent`.

        Raises what `Endpoint.connect` and `Viewer.watching` raise, and is gone then.
        """
        viewer = Viewer(self._whep.replace(ROOM, self.rooms[0].name), self._context)
        self.guests.append(viewer)
        try:
            await viewer.connect()
            if not silent:
                await viewer.watching()
        except BaseException:
            await self.dismiss(viewer)
            raise
        return viewer

    async def dismiss(self, guest: Viewer) -> None:
        self.guests.remove(guest)
        await guest.close()

    def lose_sound(self, viewers: int) -> None:
        """Have so many viewers of each room report that they lose sound: in turns little and much."""
        for room in self.rooms:
            for number in range(viewers):
                room.viewers[number * len(room.viewers) // viewers].loses = LOSSES[number % len(LOSSES)]

    async def warm_up(self, seconds: float) -> None:
        async with self.streaming():
            await asyncio.sleep(seconds)

    async def measure(self, seconds: float, *, gro: bool, all_due: bool = True) -> Report:
        """Stream for so long, from quiet to quiet, so that each packet sent is either received or lost.

        With `gro` the viewers take a run of packets that the server sent as one from the kernel as one. That
        leaves out the splitting and single delivery, which over a network is no work of the server's CPU, or
        not all of it. Without `all_due` the server may send other packets than it gets.
        """
        await self.quiet()
        viewers = self.viewers
        for viewer in viewers:
            viewer.set_gro(gro)
        sampled = [viewer for viewer in viewers if isinstance(viewer, SampledViewer)]
        for viewer in sampled:
            viewer.delays.clear()
        own = {endpoint.inode for endpoint in self.endpoints if endpoint.connected}
        servers = set().union(*map(sockets_of, self._server_pids))
        own_dropped, server_dropped = dropped(own), dropped(servers)
        received = self._received
        cpu, usage, start = time.process_time(), Usage.of(self._server_pids), time.monotonic()

        bursts = round(seconds * self._stream.rate)
        sent = await asyncio.gather(*(room.publisher.send(bursts) for room in self.rooms))
        due = sum(packets * len(room.viewers) for packets, room in zip(sent, self.rooms, strict=True))
        await self.quiet(received + due if all_due else None)

        used = Usage.of(self._server_pids).since(usage)
        ticks = used.user + used.system
        return Report(
            rooms=len(self.rooms),
            viewers=len(viewers),
            gro=gro,
            seconds=time.monotonic() - start,
            sent=sum(sent),
            due=due,
            received=self._received - received,
            server_cpu=used.cpu if self._server_pids else None,
            server_waited=used.waited,
            server_user_share=used.user / ticks if ticks else None,
            server_processes=len(self._server_pids),
            server_dropped=dropped(servers) - server_dropped,
            memory_per_viewer=self._memory_per_viewer(),
            delay=list(itertools.chain.from_iterable(viewer.delays for viewer in sampled)),
            answer=[viewer.answered_after for viewer in viewers],
            join=[] if self._joined_silently else [viewer.joined_after for viewer in viewers],
            generator_cpu=time.process_time() - cpu,
            generator_dropped=dropped(own) - own_dropped,
        )

    def _memory_per_viewer(self) -> float | None:
        further = len(self.viewers) - FIRST_VIEWERS
        if self._first_memory is None or not self._server_pids or further < FEWEST_FURTHER_VIEWERS:
            return None
        if len(self.rooms) > 1:  # what the rooms themselves hold grows meanwhile
            return None
        return (resident_bytes(self._server_pids) - self._first_memory) / further

    async def keep_alive(self) -> None:
        """Tick each endpoint as often as it reports, spread over the second. Runs until cancelled."""
        most = ESTIMATES_PER_SECOND if self._context.estimates else 1
        for turn in itertools.count():
            endpoints = self.endpoints
            for endpoint in endpoints:
                if endpoint.connected and not turn % (most // endpoint.reports_per_second):
                    endpoint.tick()
                await asyncio.sleep(1 / most / len(endpoints))

    async def close(self) -> None:
        """End the viewers' sessions, then the publishers'."""
        viewers = iter([*self.guests, *self.viewers])

        async def close_some() -> None:
            for viewer in viewers:
                await viewer.close()

        await asyncio.gather(*(close_some() for _ in range(LEAVE_AT_ONCE)))
        for room in self.rooms:
            await room.publisher.close()

    @property
    def _received(self) -> int:
        return sum(viewer.received for viewer in self.viewers)

    @contextlib.asynccontextmanager
    async def streaming(self) -> AsyncIterator[None]:
        """The publishers send for as long as this is entered."""

        async def stream(publisher: Publisher) -> None:
            while True:
                await publisher.send(publisher.stream.rate)

        tasks = [asyncio.create_task(stream(room.publisher)) for room in self.rooms]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def quiet(self, expected: int | None = None) -> None:
        """Wait until nothing comes any more, or `expected` packets are there; not for ever."""
        deadline = time.monotonic() + SETTLE_SECONDS
        before = -1
        while self._received != expected and time.monotonic() < deadline:
            if expected is None and self._received == before:
                return
            before = self._received
            await asyncio.sleep(QUIET_SECONDS if expected is None else 0.01)


async def _admitted(publisher: Publisher) -> None:
    """Connect it: a Redis that has just come up may have lost rooms, and takes no new ones for seconds."""
    until = time.monotonic() + NEW_REDIS_SECONDS
    while True:
        try:
            return await publisher.connect()
        except RefusedError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def loaded(
    whip: str,
    whep: str,
    viewers: int,
    *,
    rooms: int = 1,
    token: str | None = None,
    server_pids: Sequence[int] = (),
    at_once: int = 1,
    silent: bool = False,
    stream: Pictures = DEFAULT_STREAM,
    estimates: bool = False,
    sound: bool = False,
) -> AsyncIterator[Load]:
    """Publishers, and so many viewers for each of them, all connected and, unless `silent`, getting media.

    All offer VP8, and Opus with `sound`.
    If `estimates`, viewers tell a server that agrees what their line carries, as browsers do.

    For more rooms than one the URLs hold `{room}`. Raises `ValueError` when they do not.
    """
    if rooms > 1 and not (ROOM in whip and ROOM in whep):
        raise ValueError(f"several rooms want {ROOM} in both URLs")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    context = Context(headers, Certificate.generate(), Inbox(), estimates, sound)
    load = Load(whip, whep, rooms, context, stream, server_pids)
    keeping = asyncio.create_task(load.keep_alive())
    try:
        await load.publish()
        await load.join(viewers, at_once, silent=silent)
        yield load
    finally:
        keeping.cancel()
        await load.close()
        context.http.close()


def calmest(reports: Sequence[Report]) -> Report:
    """The one that other load on the machine disturbed least.

    The delay tells that, not the CPU: what waits is relayed in larger batches, for less.
    """
    return min(reports, key=lambda report: percentile(report.delay, 0.99))
