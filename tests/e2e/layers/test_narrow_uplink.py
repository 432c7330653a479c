"""A publisher whose uplink narrows drops its best layer: viewers go on with the next, and come back."""

import asyncio
import contextlib
import time

import pytest

from tests.support.layer_publisher import TOP
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import line_stage

NARROW = Shape(rate=900_000, delay=0.02)
DOWN_SECONDS = 15.0  # the publisher's congestion control has to find out
WHOLE_SECONDS = 6.0
UP_SECONDS = 40.0
LONGEST_GAP = 1.0
FRAMES = 0.8  # of those that the publisher sends
CONCEALED = 0.02

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


async def test_viewers_follow_a_publisher_that_drops_its_best_layer(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url))
        await stage.full()
        line = await stack.enter_async_context(stage.line())
        began = time.time()
        tab = await stack.enter_async_context(stage.viewer(line))
        await asyncio.sleep(3.0)
        stage.uplink.shape(up=NARROW)
        narrow_at = time.time()
        await asyncio.sleep(DOWN_SECONDS)
        whole_at, before = time.time(), await stage.publisher.sent()
        await asyncio.sleep(WHOLE_SECONDS)
        opened_at, after = time.time(), await stage.publisher.sent()
        stage.uplink.shape(up=OPEN)
        seen = await tab.seen()
        while (top := seen.first(TOP.height, opened_at)) is None and time.time() < opened_at + UP_SECONDS:
            await asyncio.sleep(0.5)
            seen = await tab.seen()

    story = f"narrow at {narrow_at - began:.1f} s, open at {opened_at - began:.1f} s\n{seen.story(began)}"
    print(f"the best layer again after {top} s\n{story}")
    sent = max(now.frames - then.frames for then, now in zip(before, after, strict=True) if now.rid)
    lower = seen.between(whole_at, opened_at)
    assert TOP.height not in seen.heights(whole_at, opened_at), story
    assert lower.frames >= FRAMES * sent, f"{lower.frames} of {sent} frames\n{story}"
    assert max(seen.gaps(whole_at, opened_at)) <= LONGEST_GAP, story
    assert lower.concealed <= CONCEALED, story
    assert top is not None, f"no best layer within {UP_SECONDS} s\n{story}"
