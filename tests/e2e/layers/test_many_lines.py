"""Thirty viewers on thirty lines that change all the time: all hear, and see what their line carries."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.support.layer_publisher import LOW, THREE, layer_publisher
from tests.support.line_life import LineLife
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import ROOM, Stage, line_stage
from tests.support.line_viewer import LineViewer, clock, line_viewer

SECONDS = 180.0
VIEWERS = 30
CHANGE_SECONDS = 6.0  # one leaves, and another joins
GONE_AT, GONE_SECONDS = 90.0, 3.0  # the publisher, without a word
BACK_SECONDS = 6.0  # after which all is as before
SETTLE_SECONDS = 3.0  # after a join
CONCEALED = 0.02
LOST_AT_ONCE = 0.5  # seconds: a line that loses nine tenths of its rate takes as much before anybody can know
LOWEST_NEEDS = 1.25 * (LOW.bitrate + 75_000)  # bit/s with the sound, the packets' headers, and room to spare
LONGEST_STILL = 2.0
SHORTEST_STAY = 10.0
# On average a second of a viewer's stay. A browser on a line that is always full sends thirty and more.
MOST_NACKS = 15.0
MOST_ASKED = 0.1  # keyframe requests
MOST_KEYFRAMES = 2.5  # of a layer: a publisher is asked twice a second at most, and sends some by itself

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


@dataclass
class Stay:
    """One viewer, from its first picture until it left."""

    number: int
    viewer: LineViewer
    life: LineLife
    began: float
    ended: float = 0.0
    dropped: int = 0  # packets, by its line
    still: float = 0.0  # seconds, the longest time without a picture that its line would have carried

    async def faults(self, away: tuple[float, float]) -> list[str]:
        """What was wrong but for the time in which the publisher was away."""
        seen, found = await self.viewer.seen(), []
        begin = self.began + SETTLE_SECONDS
        concealed = seconds = 0.0
        for start, end in without(begin, self.ended, away):
            span = seen.between(start, end)
            concealed += span.concealed * span.seconds
            seconds += span.seconds
            shown = [start, *(at for at, _ in seen.pictures if start < at < end), end]
            still = max(self.life.carries(LOWEST_NEEDS, before, after) for before, after in pairwise(shown))
            self.still = max(self.still, still)
            if still > LONGEST_STILL:
                found.append(f"no picture for {still:.1f} s while the line carried the lowest layer")
        if concealed > max(CONCEALED * seconds, LOST_AT_ONCE):
            found.append(f"{concealed / seconds:.1%} of {seconds:.0f} s concealed")
        stayed = self.ended - self.began
        if self.viewer.browser.nacks > MOST_NACKS * stayed:
            found.append(f"sent {self.viewer.browser.nacks} NACKs, when {self.dropped} packets were dropped")
        if self.viewer.browser.asked > 2 + MOST_ASKED * stayed:
            found.append(f"asked for {self.viewer.browser.asked} keyframes")
        return found

    async def story(self, began: float) -> str:
        rates = " ".join(f"{at - began:.1f}:{rate / 1000:.0f}k" for at, rate in self.life.rates)
        return f"--- viewer {self.number}, line {rates}\n{(await self.viewer.seen()).story(began)}"


def without(begin: float, end: float, away: tuple[float, float]) -> list[tuple[float, float]]:
    """The parts of a time before and after another, as far as they are worth a look."""
    parts = [(begin, min(end, away[0])), (max(begin, away[1]), end)]
    return [(start, stop) for start, stop in parts if stop - start > 1.0]


class Audience:
    """Viewers that come and go, each on a line of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stays: list[Stay] = []
        self.latest = 0.0  # by how much the machine was late, at worst
        self._stage = stage
        self._leaving: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    def join(self) -> None:
        leave = asyncio.Event()
        self._leaving.append((leave, asyncio.create_task(self._stay(len(self._leaving), leave))))

    async def leave(self, number: int) -> None:
        """Whoever joined as that number leaves."""
        leave, task = self._leaving[number]
        leave.set()
        await asyncio.wait([task])

    async def leave_all(self) -> None:
        """Raises what kept a viewer from watching."""
        for leave, _ in self._leaving:
            leave.set()
        await asyncio.gather(*(task for _, task in self._leaving))

    async def _stay(self, number: int, leave: asyncio.Event) -> None:
        async with (
            self._stage.line() as line,
            line_viewer(self._stage.system.http, self._stage.whep, line.lead) as viewer,
        ):
            stay = Stay(number, viewer, LineLife(random.Random(number)), clock())
            self.stays.append(stay)
            living = asyncio.create_task(stay.life.live(line))
            await leave.wait()
            living.cancel()
            stay.ended, stay.dropped = clock(), line.down.dropped + line.down.lost
            self.latest = max(self.latest, line.late())


@contextlib.asynccontextmanager
async def changing(audience: Audience) -> AsyncIterator[None]:
    """The audience grows to its size, and goes on changing until this is left."""

    async def change() -> None:
        for gone in range(int(SECONDS)):
            await asyncio.sleep(CHANGE_SECONDS)
            audience.join()
            await audience.leave(gone)

    for _ in range(VIEWERS):
        audience.join()
        await asyncio.sleep(0.1)
    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()


async def test_everybody_hears_and_sees_what_their_line_carries(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url))
        await stage.full()
        audience, began = Audience(stage), clock()
        async with changing(audience):
            await asyncio.sleep(began + GONE_AT - clock())
            gone_at = time.time()
            stage.uplink.shape(up=Shape(loss=1.0), down=Shape(loss=1.0))
            await stage.publisher.page.close()
            await asyncio.sleep(GONE_SECONDS)
            stage.uplink.shape(up=OPEN, down=OPEN)
            publisher = await stack.enter_async_context(
                layer_publisher(
                    stage.browser, stage.system.controls[0].url, ROOM, THREE, lead=stage.uplink.lead
                )
            )
            away = gone_at - 0.5, time.time() + BACK_SECONDS
            await asyncio.sleep(began + SECONDS - clock())
            keyframes = {sent.rid: sent.keyframes for sent in await publisher.sent() if sent.rid}
            sent_for = clock() - away[1] + BACK_SECONDS
        await audience.leave_all()

    print(f"the machine was late by {1000 * audience.latest:.0f} ms at most")
    print(f"keyframes of each layer in {sent_for:.0f} s: {keyframes}")
    bad, stories = [], []
    for stay in (stay for stay in audience.stays if stay.ended - stay.began >= SHORTEST_STAY):
        if faults := await stay.faults(away):
            bad.append(f"viewer {stay.number}: {faults}")
            stories.append(await stay.story(began))
    stills = sorted((stay.still for stay in audience.stays), reverse=True)
    print("the longest stills, in seconds:", *(f"{still:.2f}" for still in stills[:8]))
    nacks = sum(stay.viewer.browser.nacks for stay in audience.stays)
    nacked = sum(stay.viewer.browser.nacked for stay in audience.stays)
    dropped = sum(stay.dropped for stay in audience.stays)
    asked = sum(stay.viewer.browser.asked for stay in audience.stays)
    print(
        f"{len(audience.stays)} viewers: {dropped} packets dropped, {nacks} NACKs for {nacked}, {asked} PLIs"
    )
    assert not bad, "\n".join([f"{len(bad)} of {len(audience.stays)} viewers:", *bad, *stories])
    assert max(keyframes.values()) <= MOST_KEYFRAMES * sent_for, keyframes
