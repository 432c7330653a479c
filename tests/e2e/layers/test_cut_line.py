"""Three layers: a viewer whose line is cut gets a lower one whole, and the best again when it opens."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.layer_publisher import THREE, TOP
from tests.support.line_shape import OPEN, Shape
from tests.support.line_stage import line_stage
from tests.support.seen_line import SeenLine
from tools.replay import replay

CUT = Shape(rate=500_000, delay=0.02)
LOWER_SECONDS = 5.0  # from the cut until a lower layer is seen
WHOLE_SECONDS = 5.0  # it is watched for so long
BEFORE_SECONDS = 2.0


# The limits of a run on a quiet machine, and of one beside other tests: without the feature all are far away.
@dataclass(frozen=True)
class Limits:
    top: float  # seconds from the opening until the best layer is seen
    frames: float  # share of the lower layer's that are seen
    gap: float  # seconds between two pictures
    concealed: float  # share of the sound


STRICT = Limits(top=10.0, frames=0.9, gap=0.5, concealed=0.02)
BUSY = Limits(top=16.0, frames=0.6, gap=1.5, concealed=0.10)

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


@pytest.mark.parametrize(
    ("codec", "limits"),
    [
        ("VP8", BUSY),
        *(pytest.param(codec, STRICT, marks=pytest.mark.soak) for codec in ("VP8", "H264", "AV1")),
    ],
)
async def test_a_cut_line_gets_a_lower_layer_and_an_open_one_the_best(
    redis_url: str, codec: str, limits: Limits
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(line_stage(redis_url, THREE, codec=f"video/{codec}"))
        await stage.full()
        line = await stack.enter_async_context(stage.line())
        clean = await stack.enter_async_context(stage.line())
        tab = await stack.enter_async_context(stage.viewer(line))
        beside = await stack.enter_async_context(stage.viewer(clean))

        async def height(wanted: bool, within: float) -> float | None:
            """Seconds until a picture is (`wanted`) or is not of the best layer."""
            began = time.time()
            while time.time() - began < within:
                seen = await tab.seen()
                for at, high in seen.pictures:
                    if at >= began and (high == TOP.height) == wanted:
                        return at - began
                await asyncio.sleep(0.1)
            return None

        began = time.time()
        assert await height(wanted=True, within=limits.top), (await tab.seen()).story(began)
        await asyncio.sleep(BEFORE_SECONDS)
        line.shape(down=CUT)
        cut_at = time.time()
        lower_after = await height(wanted=False, within=LOWER_SECONDS)
        whole_at = cut_at + LOWER_SECONDS
        await asyncio.sleep(whole_at - time.time())
        before = await stage.publisher.sent()
        await asyncio.sleep(WHOLE_SECONDS)
        after = await stage.publisher.sent()
        line.shape(down=OPEN)
        opened_at = time.time()
        top_after = await height(wanted=True, within=limits.top)
        await asyncio.sleep(2.0)
        ended_at = time.time()
        seen, other = await tab.seen(), await beside.seen()
        story = "\n".join(
            [
                told(seen, other, began, cut_at, opened_at),
                f"late by {1000 * line.late():.0f} ms at most",
                *decided(await stage.log(tab)),
            ]
        )

    print(f"a lower layer after {lower_after} s, the best again after {top_after} s\n{story}")
    assert lower_after is not None, f"no lower layer within {LOWER_SECONDS} s\n{story}"
    lower = seen.between(whole_at, opened_at)
    frames = min(now.frames - then.frames for then, now in zip(before, after, strict=True) if now.rid)
    assert lower.frames >= limits.frames * frames, f"{lower.frames} of {frames} frames\n{story}"
    assert max(seen.gaps(whole_at, opened_at)) <= limits.gap, story
    concealed = seen.between(whole_at, ended_at).concealed
    assert concealed <= limits.concealed, f"{concealed:.1%} concealed\n{story}"
    assert top_after is not None, f"not the best layer within {limits.top} s\n{story}"
    assert max(other.gaps(cut_at, ended_at)) <= limits.gap, story
    assert other.heights(cut_at, ended_at) == [TOP.height], story
    assert other.between(cut_at, ended_at).concealed <= limits.concealed, story


def told(seen: SeenLine, other: SeenLine, began: float, cut_at: float, opened_at: float) -> str:
    return (
        f"cut at {cut_at - began:.1f} s, opened at {opened_at - began:.1f} s\n{seen.story(began)}\n"
        f"the viewer beside it:\n{other.story(began)}"
    )


def decided(log: str) -> Iterator[str]:
    """What was decided for a viewer, as the log of its line tells it: a row each."""
    began = latest = None
    for step in replay(json.loads(log)):
        began = step.at if began is None else began
        decision = step.logged
        told = f"rung {decision.rung}{', paused' * decision.pause}{', probes' * (decision.probe > 0)}"
        if told != latest:
            latest = told
            yield f"{step.at - began:6.2f} s {told}, carries {step.logged_carries / 1000:.0f} kbit/s"
