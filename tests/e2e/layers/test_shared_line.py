"""Two viewers on one line that does not carry the best layer twice: neither takes all of it."""

import asyncio
import contextlib
import time

import pytest

from tests.support.layer_publisher import LOW, MIDDLE
from tests.support.line_shape import Shape
from tests.support.line_stage import line_stage
from tests.support.seen_line import SeenLine

RATE = 2_000_000
LINE = Shape(rate=RATE, delay=0.02)
SETTLE_SECONDS = 8.0
WATCH_SECONDS = 40.0
CONCEALED = 0.02
FRAMES = 0.8  # of those that the publisher sends
BETTER = 0.7  # of the time, in which each has more than the lowest layer
USED = 0.4  # of the line, at least

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


def share_above(seen: SeenLine, height: int, begin: float, end: float) -> float:
    """The share of the pictures of that time that are higher."""
    heights = [high for at, high in seen.pictures if begin <= at < end]
    return sum(high > height for high in heights) / max(len(heights), 1)


async def test_two_viewers_on_one_line_do_not_starve_each_other(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url))
        await stage.full()
        line = await stack.enter_async_context(stage.line(LINE))
        began = time.time()
        tabs = [await stack.enter_async_context(stage.viewer(line)) for _ in range(2)]
        await asyncio.sleep(SETTLE_SECONDS)
        settled_at = time.time()
        (before,) = [sent for sent in await stage.publisher.sent() if sent.rid == MIDDLE.rid]
        octets = line.down.octets
        await asyncio.sleep(WATCH_SECONDS)
        ended_at = time.time()
        (after,) = [sent for sent in await stage.publisher.sent() if sent.rid == MIDDLE.rid]
        used = (line.down.octets - octets) * 8 / (ended_at - settled_at)
        both = [await tab.seen() for tab in tabs]

    story = "\n--- the other\n".join(seen.story(began) for seen in both)
    print(f"{used / 1e6:.2f} Mbit/s of the line used\n{story}")
    for seen in both:
        span = seen.between(settled_at, ended_at)
        assert span.concealed <= CONCEALED, f"{span.concealed:.1%} concealed\n{story}"
        assert span.frames >= FRAMES * (after.frames - before.frames), f"{span.frames} frames\n{story}"
        better = share_above(seen, LOW.height, settled_at, ended_at)
        assert better >= BETTER, f"better than the lowest layer for {better:.0%}\n{story}"
    assert used >= USED * RATE, f"{used:.0f} bit/s used\n{story}"
