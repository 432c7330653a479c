"""Firefox on a line that becomes narrow: it tells what the line carries, and hears all along.

It tells by REMB and by the arrival of trains, as Chromium does; its own statistics say nothing of its REMB.
"""

import asyncio
import socket
import time
from typing import cast

import pytest
from playwright.async_api import Browser

from tests.support.firefox import firefox
from tests.support.layer_publisher import MIDDLE, TOP
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import line_stage
from tests.support.line_tab import line_page, line_tab
from tests.support.shaped_line import shaped_line
from tests.support.system import routable_address
from tests.support.waiting import eventually

RATE = 500_000
OPEN_SECONDS, CUT_SECONDS, BACK_SECONDS = 8.0, 20.0, 12.0
# Until the middle layer is there. It needs 0.69 to 0.78 of the line, and begins at once where that is 0.75 of
# what a train tells: at times the lowest one comes first, and a probe then shows that there is more.
DOWN_SECONDS = 5.0
LEARNING_SECONDS = 0.5  # of sound that the cut itself may cost
UP_SECONDS = 8.0  # until the best picture is there again: a probe found the line open
CONCEALED = 0.02
# The last whole picture comes 0.2 s after the cut, or later. Its receiver tells of the cut within 0.55 s,
# the queue of 0.3 s is empty after 0.35, and a keyframe takes 0.4 s of what the line carries.
LONGEST_GAP = 1.25

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


async def test_firefox_gets_the_layer_that_its_line_carries_and_hears_all_along(redis_url: str) -> None:
    with routable_address() as address:  # Firefox uses no loopback
        front = socket.socket(type=socket.SOCK_DGRAM)
        front.bind((address, 0))
        async with line_stage(redis_url) as stage, firefox() as browser:
            await stage.full()
            worker = stage.system.workers[0].media
            assert worker
            async with (
                shaped_line(worker, front=front) as line,
                line_page(cast(Browser, browser), stage.whep) as page,
                line_tab(page, stage.system.http, stage.whep, line.lead) as tab,
            ):

                async def best() -> bool:
                    return TOP.height in [height for _, height in (await tab.seen()).pictures]

                await eventually("the best picture", best, within=20)
                began = time.time()
                await asyncio.sleep(OPEN_SECONDS)
                cut_at = time.time()
                line.shape(down=Shape(rate=RATE, delay=0.02))
                await asyncio.sleep(CUT_SECONDS)
                opened_at = time.time()
                line.shape(down=OPEN)
                await asyncio.sleep(BACK_SECONDS)
                seen, ended_at = await tab.seen(), time.time()

    story = seen.story(began)
    print(story)
    settled_at = cut_at + DOWN_SECONDS
    learning = seen.between(cut_at, settled_at)
    down, up = seen.first(MIDDLE.height, cut_at), seen.first(TOP.height, opened_at)
    print(f"down {down} s after the cut, up {up} s after the opening; {learning.concealed:.1%} concealed")
    assert seen.heights(settled_at, opened_at) == [MIDDLE.height], story
    assert up is not None, story
    assert up < UP_SECONDS, story
    assert learning.concealed * learning.seconds < LEARNING_SECONDS, story
    assert seen.between(settled_at, opened_at).concealed < CONCEALED, story
    assert seen.between(opened_at, ended_at).concealed < CONCEALED, story
    assert max(seen.gaps(cut_at, ended_at)) < LONGEST_GAP, story
