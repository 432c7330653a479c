"""One layer, as OBS and FFmpeg send: whose line carries a part of it hears all, and sees what fits.

`pytest -s -m soak tests/e2e/layers/test_single_line.py` prints a row for each line.
"""

import asyncio
import time

import pytest

from media.feedback.viewer_picture import LEAST_SLOW_SECONDS
from tests.support.layer_publisher import Layer
from tests.support.line_shape import Shape
from tests.support.line_stage import line_stage

PICTURE = Layer("", 1, 655_000)
BEFORE_SECONDS, SETTLED_SECONDS, WATCHED_SECONDS = 3.0, 6.0, 30.0
CONCEALED = 0.03
SLACK_SECONDS = 0.5  # from a request to the picture

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.soak]


@pytest.mark.parametrize(("share", "apart"), [(0.75, LEAST_SLOW_SECONDS), (0.50, 4.0), (0.10, None)])
async def test_sound_is_whole_and_pictures_come_as_often_as_they_fit(
    redis_url: str, share: float, apart: float | None
) -> None:
    async with line_stage(redis_url, [PICTURE]) as stage:
        await stage.full()
        async with (
            stage.line() as line,
            stage.line() as clean,
            stage.viewer(clean) as beside,
            stage.viewer(line) as tab,
        ):
            await asyncio.sleep(BEFORE_SECONDS)
            began = time.time()
            line.shape(down=Shape(rate=PICTURE.bitrate * share, delay=0.02))
            settled_at = began + SETTLED_SECONDS
            await asyncio.sleep(SETTLED_SECONDS)
            before = await stage.publisher.sent()
            await asyncio.sleep(WATCHED_SECONDS)
            after = await stage.publisher.sent()
            ended_at = time.time()
            seen, other = await tab.seen(), await beside.seen()
            late = line.late()
    span, control = seen.between(settled_at, ended_at), other.between(settled_at, ended_at)
    shown = [at for at, _ in seen.pictures if settled_at < at < ended_at]
    longest = max(seen.gaps(settled_at, ended_at))
    made = sum(now.keyframes - then.keyframes for then, now in zip(before, after, strict=True))
    print(
        f"\n{share:.0%}: {len(shown)} pictures in {span.seconds:.0f} s, {longest:.1f} s apart at most, of"
        f" {made} keyframes; {span.bitrate / 1000:.0f} kbit/s; {span.concealed:.2%} concealed; beside:"
        f" {control.frames} pictures, {control.concealed:.2%} concealed; late by {1000 * late:.0f} ms at most"
    )
    story = seen.story(began)
    assert span.concealed <= CONCEALED, story
    if apart is not None:
        assert len(shown) >= WATCHED_SECONDS / (apart + SLACK_SECONDS), story
