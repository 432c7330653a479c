"""Chromium and Firefox behind the lines of the zoo (`tests/zoo`): what an audience sees and hears there.

`pytest -s -m soak tests/e2e/layers/test_zoo.py` prints a row for each line; a few are tried at once. A viewer
on an open line stands beside them: what it lacks, the machine lacks. The log of the line and the story by
seconds are kept in `test-artifacts/zoo`.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest
from playwright.async_api import Browser

from tests.support.browser import ARTIFACTS
from tests.support.firefox import firefox
from tests.support.layer_publisher import FRAME_RATE, Layer
from tests.support.line_shape import Shape
from tests.support.line_stage import Stage, line_stage
from tests.support.line_tab import line_page, line_tab
from tests.support.seen_line import SeenLine
from tests.support.shaped_line import LOOPBACK, ShapedLine, shaped_line
from tests.support.system import routable_address
from tests.zoo.lines import SECONDS, ZOO, Line, Shapes, named, seeded
from tests.zoo.stay import LAYERS, Download, Figures, judge

SEED = int(os.environ.get("ZOO_SEED", "1"))
BITRATES = LAYERS["layered"]
PUBLISHED = [Layer(rid, part, rate) for rid, part, rate in zip("qhf", (4, 2, 1), BITRATES[::-1], strict=True)]
AT_ONCE = int(os.environ.get("ZOO_AT_ONCE", "3"))  # lines, each with a viewer
STEP_SECONDS = 0.005  # of a download
LATE_SECONDS = 0.06  # a datagram that the forwarder gives too late by so much looks like a queue of the line
KEPT = ARTIFACTS / "zoo"

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


@dataclass(frozen=True)
class Stay:
    """What one viewer saw behind its line, the log of that, and by how much the forwarder was late."""

    line: Line
    shapes: Shapes
    seen: SeenLine
    log: str
    made: float  # share of the pictures of each layer that the publisher made meanwhile, at least
    late: float

    @property
    def began(self) -> float:
        return self.shapes[0][0]

    def figures(self) -> Figures:
        return _of(self.seen, self.line, self.shapes, self.made)


@pytest.mark.parametrize(
    "lines",
    [ZOO[first : first + AT_ONCE] for first in range(0, len(ZOO), AT_ONCE)],
    ids=lambda lines: " + ".join(line.name for line in lines),
)
# Firefox decodes H.264 by a plugin only, which it downloads.
@pytest.mark.parametrize("who", ["chromium-VP8", "chromium-H264", "firefox-VP8"])
async def test_an_audience_puts_up_with_it(redis_url: str, who: str, lines: Sequence[Line]) -> None:
    browser, _, codec = who.partition("-")
    async with line_stage(redis_url, PUBLISHED, codec=f"video/{codec}") as stage:
        await stage.full()
        async with _browser(browser, stage) as viewing, stage.line() as clean, stage.viewer(clean) as beside:
            stays = await asyncio.gather(*(_stay(stage, *viewing, line) for line in lines))
            control = await beside.seen()
    told = [_tell(who, stay, control) for stay in stays]
    assert not any(faults for _, faults in told), "\n".join(row for row, _ in told)


def _tell(who: str, stay: Stay, control: SeenLine) -> tuple[str, list[str]]:
    """Print and keep what is known of a stay; returns its row, and its faults."""
    line, figures = stay.line, stay.figures()
    no_line = named("open")
    beside = _of(control, no_line, seeded(no_line, SEED, stay.began), stay.made)
    faults, of_machine = figures.faults(line), beside.faults(no_line)
    if stay.late > LATE_SECONDS:
        of_machine.append("late")
    row = (
        f"{who:14} {line.name:26} first {figures.first:4.1f} still {figures.still:4.2f}"
        f" frames {figures.frames:4.2f} layer {figures.layer:4.2f} concealed {figures.concealed:6.2%}"
        f" ({figures.kbit:4.0f} kbit/s)"
        f" beside: {beside.still:4.2f} {beside.frames:4.2f} {beside.concealed:6.2%}"
        f" made {stay.made:4.2f} late {stay.late:5.3f} load {os.getloadavg()[0]:4.1f}"
        f"  {', '.join(faults) or 'ok'}{' MACHINE ' + ', '.join(of_machine) if of_machine else ''}"
    )
    print(f"\n{row}", flush=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    name = f"{who} {line.name.replace('/', ' ')} {SEED}"
    (KEPT / f"{name}.json").write_text(stay.log)
    stories = f"{stay.seen.story(stay.began)}\nbeside:\n{control.story(stay.began)}"
    (KEPT / f"{name}.txt").write_text(f"{row}\n{stories}\n")
    return row, faults


@contextlib.asynccontextmanager
async def _browser(name: str, stage: Stage) -> AsyncIterator[tuple[Browser, str]]:
    """A browser, and an address at which it sends to a line."""
    if name == "chromium":
        yield stage.browser, LOOPBACK
        return
    with routable_address() as address:  # Firefox uses no loopback
        async with firefox() as browser:
            yield cast(Browser, browser), address


async def _stay(stage: Stage, browser: Browser, address: str, line: Line) -> Stay:
    worker = stage.system.workers[0].media
    assert worker
    front = socket.socket(type=socket.SOCK_DGRAM)
    front.bind((address, 0))
    async with contextlib.AsyncExitStack() as stack:
        viewers = 2 if line.company else 1
        pages = [await stack.enter_async_context(line_page(browser, stage.whep)) for _ in range(viewers)]
        began = time.time()
        shapes = seeded(line, SEED, began)
        up = Shape(delay=shapes[0][1].delay, loss=line.deaf)
        before = await stage.publisher.sent()
        shaped = await stack.enter_async_context(
            shaped_line(worker, front=front, down=shapes[0][1], up=up, seed=SEED)
        )
        life = [_live(shaped, shapes), _move(shaped, began + line.moves)]
        if line.download:
            life.append(_download(shaped))
        living = [asyncio.create_task(each) for each in life]
        stack.callback(lambda: [each.cancel() for each in living])
        tab, *_ = [
            await stack.enter_async_context(line_tab(page, stage.system.http, stage.whep, shaped.lead))
            for page in pages
        ]
        await asyncio.sleep(began + SECONDS - time.time())
        seen, log, after = await tab.seen(), await stage.log(tab), await stage.publisher.sent()
        made = [now.frames - then.frames for then, now in zip(before, after, strict=True) if now.rid]
        share = min(made) / (after[0].at - before[0].at) / FRAME_RATE
        return Stay(line, shapes, seen, log, share, shaped.late())


async def _live(shaped: ShapedLine, shapes: Shapes) -> None:
    for at, shape in shapes[1:]:
        await asyncio.sleep(at - time.time())
        shaped.shape(down=shape)


async def _move(shaped: ShapedLine, at: float) -> None:
    if at < time.time() + SECONDS:
        await asyncio.sleep(at - time.time())
        shaped.move()


async def _download(shaped: ShapedLine) -> None:
    """Somebody else's, through the same line."""
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as sink:
        sink.bind((LOOPBACK, 0))
        sink.setblocking(False)
        packet = bytes(1500 - 28)
        download = Download(
            lambda _, number: shaped.mix(number.to_bytes(8) + packet[8:], sink.getsockname()), loop.time()
        )
        while True:
            with contextlib.suppress(BlockingIOError):
                while True:
                    download.came(int.from_bytes(sink.recv(1500)[:8]), loop.time())
            download.step(loop.time())
            await asyncio.sleep(STEP_SECONDS)


def _of(seen: SeenLine, line: Line, shapes: Shapes, made: float) -> Figures:
    """`made` is the share of the pictures that the publisher made."""
    figures = judge(seen, line, shapes, BITRATES, shapes[0][0], keyframes=0.0, padding=0)
    return replace(figures, frames=figures.frames / made, layer=figures.layer / made)
