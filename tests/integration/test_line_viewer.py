"""A viewer in Python sees and hears what comes over its line, and asks for what does not."""

import asyncio

import pytest

from tests.support.line_shape import Shape
from tests.support.line_viewer import clock, line_viewer
from tests.support.live_publisher import LivePublisher, Programme
from tests.support.shaped_line import shaped_line
from tests.support.system import running_system
from tests.support.waiting import eventually

ROOM = "line-viewer"
IN_TIME = 15.0


@pytest.mark.soak
@pytest.mark.alone
async def test_it_sees_and_hears_over_a_line_that_loses_and_one_that_is_too_narrow(redis_url: str) -> None:
    async with running_system(redis_url) as system:
        publisher = LivePublisher(system.http, system.whip(ROOM), Programme(), seed=1)
        await publisher.start(IN_TIME)
        media = system.workers[0].media
        assert media
        async with (
            shaped_line(media, down=Shape(loss=0.05, delay=0.02)) as line,
            line_viewer(system.http, system.whep(ROOM), line.lead) as viewer,
        ):

            async def sees() -> bool:
                return len((await viewer.seen()).pictures) > 30

            await eventually("it sees", sees, IN_TIME)
            begin = clock()
            await asyncio.sleep(3.0)
            seen = await viewer.seen()
            span = seen.between(begin, clock())
            assert span.frames > 0.7 * 30 * span.seconds
            assert set(seen.heights(begin, clock())) == {240}
            assert 0.0 < span.concealed < 0.15  # lost sound is not sent again
            assert viewer.browser.nacks
            assert line.down.lost
            line.shape(down=Shape(rate=60_000))
            begin = clock()
            await asyncio.sleep(3.0)
            span = (await viewer.seen()).between(begin, clock())
            assert span.bitrate < 70_000
        publisher.kill()
