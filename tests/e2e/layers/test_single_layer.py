"""One layer: a line that does not carry the picture carries the sound, and pictures as far as they fit."""

import asyncio
import contextlib
import time
from itertools import pairwise

import pytest

from tests.support.layer_publisher import ONE
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import line_stage
from tests.support.seen_line import SeenLine

# Of a stream of 655 kbit/s three quarters fit, a half, and a tenth, which is sound alone: the pictures that
# may stay away (seconds), at most.
LINES = {500_000: 5.0, 330_000: 5.0, 65_000: None}
CUT_SECONDS = 40.0
BACK_SECONDS = 5.0  # from the opening until the picture is whole
CONCEALED = 0.02  # the cut itself costs 0.2 to 0.7 s: a receiver behind a queue is silent for half a second
SETTLE_SECONDS = 3.0  # until the line is known
LONGEST_GAP = 0.5
WHOLE_SECONDS = 2.0
FRAMES = 0.9

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


async def test_the_sound_is_whole_whatever_the_line_carries(redis_url: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url, ONE))
        await stage.full()
        lines = [await stack.enter_async_context(stage.line()) for _ in (None, *LINES)]
        tabs = [await stack.enter_async_context(stage.viewer(line)) for line in lines]
        began = time.time()
        await asyncio.sleep(2.0)
        cut_at = time.time()
        for line, rate in zip(lines[1:], LINES, strict=True):
            line.shape(down=Shape(rate=rate, delay=0.02))
        await asyncio.sleep(CUT_SECONDS)
        opened_at = time.time()
        for line in lines:
            line.shape(down=OPEN)
        await asyncio.sleep(BACK_SECONDS + WHOLE_SECONDS)
        ended_at = time.time()
        beside, *all_seen = [await tab.seen() for tab in tabs]
        late = max(line.late() for line in lines)

    whole_at = opened_at + BACK_SECONDS
    full = beside.between(whole_at, ended_at).frames
    faults = []
    for (rate, longest), seen in zip(LINES.items(), all_seen, strict=True):
        concealed = seen.between(cut_at, opened_at).concealed
        at_first = seen.between(cut_at, cut_at + SETTLE_SECONDS).concealed * SETTLE_SECONDS
        gap = max(seen.gaps(cut_at + SETTLE_SECONDS, opened_at))
        back = came_back(seen, opened_at)
        print(
            f"{rate / 1000:.0f} kbit/s: {concealed:.1%} concealed, of it {at_first:.2f} s in the first"
            f" {SETTLE_SECONDS} s; longest gap {gap:.1f} s; whole {back:.1f} s after the opening"
        )
        if concealed > CONCEALED:
            faults.append(f"{rate}: {concealed:.1%} concealed")
        if longest is not None and gap > longest:
            faults.append(f"{rate}: no picture for {gap:.1f} s")
        if seen.between(whole_at, ended_at).frames < FRAMES * full:
            faults.append(f"{rate}: not whole {BACK_SECONDS} s after the opening")
        if seen.between(opened_at, ended_at).concealed > CONCEALED:
            faults.append(f"{rate}: sound lost while it came back")
    if max(beside.gaps(cut_at, ended_at)) > LONGEST_GAP:
        faults.append("the viewer beside them lost pictures")
    if beside.between(cut_at, ended_at).concealed > CONCEALED:
        faults.append("the viewer beside them lost sound")
    stories = "\n".join(
        f"--- {rate} bit/s from {cut_at - began:.1f} s to {opened_at - began:.1f} s\n{seen.story(began)}"
        for rate, seen in zip([0, *LINES], [beside, *all_seen], strict=True)
    )
    stories += f"\nlate by {1000 * late:.0f} ms at most"
    print(stories)
    assert not faults, f"{faults}\n{stories}"


def came_back(seen: SeenLine, opened_at: float) -> float:
    """Seconds from the opening to the last long gap's end."""
    shown = [opened_at, *(at for at, _ in seen.pictures if at > opened_at)]
    long = [after for before, after in pairwise(shown) if after - before > LONGEST_GAP]
    return long[-1] - opened_at if long else 0.0
