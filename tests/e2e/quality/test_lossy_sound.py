"""Chromium on a line that loses packets: it hears nearly all of the sound.

Of a few seconds of sound chance decides how much is made up, and beside other tests the machine does: so
these run by `make soak`. What `make test` holds is below the browser: that copies come, and what is in them.
"""

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass

import pytest

from tests.support.layer_publisher import ONE
from tests.support.line_shape import Shape
from tests.support.line_stage import line_stage
from tests.support.line_tab import LineTab
from tests.support.seen_line import Span
from tests.support.waiting import eventually

WITHIN = 10.0  # seconds until the sound comes with copies
BURST = (2, 4)

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


async def has_copies(tab: LineTab) -> None:
    async def has() -> bool:
        return await tab.copies() > 0

    await eventually("redundant sound", has, within=WITHIN)


async def concealed(tab: LineTab, seconds: float) -> float:
    """The share of the sound that is made up from now on."""
    return (await heard(tab, seconds)).concealed


async def heard(tab: LineTab, seconds: float) -> Span:
    began = time.time()
    await asyncio.sleep(seconds)
    return (await tab.seen()).between(began, began + seconds)


async def test_who_loses_sound_gets_copies_of_it_and_nobody_else_does(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url, ONE))
        lossy = await stack.enter_async_context(stage.line(Shape(loss=0.10)))
        clean = await stack.enter_async_context(stage.line())
        tab = await stack.enter_async_context(stage.viewer(lossy))
        beside = await stack.enter_async_context(stage.viewer(clean))
        await has_copies(tab)
        assert await concealed(tab, 3.0) < 0.05  # half of what the line loses
        assert await beside.copies() == 0


async def test_what_a_publisher_loses_of_redundant_sound_viewers_hear(redis_url: str) -> None:
    async with line_stage(redis_url, ONE, red=True) as stage, stage.line() as line:
        assert re.search(r"m=audio \d+ \S+ 63 111\r\n", stage.publisher.answer)
        async with stage.viewer(line) as tab:
            stage.uplink.shape(up=Shape(loss=0.10))
            assert await concealed(tab, 15.0) < 0.03  # two neighbours are lost once in a hundred
            assert await tab.copies() == 0  # it gets the sound as it is


def without_red(offer: str) -> str:
    """As a client that knows no redundant sound: what everybody got before there was any."""
    offer = re.sub(r"(m=audio \d+ \S+ 111) 63", r"\1", offer)
    return re.sub(r"a=(rtpmap|fmtp):63 .*\r\n", "", offer)


@dataclass(frozen=True)
class Case:
    loss: float
    burst: tuple[int, int]
    most: float  # share of the sound that is made up


CASES = (Case(0.05, (1, 1), 0.005), Case(0.10, (1, 1), 0.015), Case(0.05, BURST, 0.02))
LISTENS = 30.0


@pytest.mark.parametrize("round_trip", [0.03, 0.15])
@pytest.mark.parametrize("case", CASES)
async def test_hardly_any_sound_is_made_up(redis_url: str, round_trip: float, case: Case) -> None:
    """Half of it at most, too, of what is without redundant sound on a line like that."""
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url, ONE))
        tabs = []
        for edit in (str, without_red):
            shape = Shape(loss=case.loss, burst=case.burst, delay=round_trip / 2)
            line = await stack.enter_async_context(stage.line(shape))
            line.shape(up=Shape(delay=round_trip / 2))
            tabs.append(await stack.enter_async_context(stage.viewer(line, edit)))
        await has_copies(tabs[0])
        copied, plain = await asyncio.gather(*(heard(tab, LISTENS) for tab in tabs))
        print(
            f"{case.loss:.0%} in bursts of {case.burst}, {round_trip:.2f} s:"
            f" {copied.concealed:.2%} made up, without copies {plain.concealed:.2%};"
            f" pictures a second {copied.frames / LISTENS:.1f}, {plain.frames / LISTENS:.1f}"
        )
        assert await tabs[1].copies() == 0
        assert copied.concealed < case.most
        assert copied.concealed < plain.concealed / 2
