"""A browser's bit rate climbs to its target on a clean line, and gives way when the line gets narrow."""

import asyncio
import socket
import time

import httpx
import pytest

from tests.support.browser import chromium
from tests.support.layer_publisher import FRAME_RATE, Layer, ScriptPublisher, Sent, layer_publisher
from tests.support.line_shape import Shape
from tests.support.namespaces import new_namespace
from tests.support.shaped_line import ShapedLine, shaped_line
from tests.support.system import LOOPBACK, running_system

TARGET = 1_500_000  # bit/s of video: well below what two busy cores can encode
REACHED_SECONDS = 10.0
NARROW = 1_000_000  # bit/s of everything on the line
BACK_OFF_SECONDS = 5.0
AFTERWARDS_SECONDS = 4.0
MOST_LOSS = 0.03

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


async def pictures(publisher: ScriptPublisher) -> Sent:
    return next(sent for sent in await publisher.sent() if sent.kind == "video")


async def bit_rate(publisher: ScriptPublisher, seconds: float) -> float:
    """The bit rate of the publisher, measured for `seconds`.

    At its full frame rate: frames that a busy machine could not encode say nothing about the line.
    """
    before = await pictures(publisher)
    await asyncio.sleep(seconds)
    after = await pictures(publisher)
    octets_a_frame = (after.octets - before.octets) / max(1, after.frames - before.frames)
    return octets_a_frame * 8 * FRAME_RATE


async def climbs_to_target(publisher: ScriptPublisher) -> float:
    """Seconds until congestion control grants 90 % of the target and a whole second reaches it."""
    began = time.monotonic()
    while (rate := await bit_rate(publisher, 1.0)) < 0.9 * TARGET or (
        granted := (await pictures(publisher)).target
    ) < 0.9 * TARGET:
        assert time.monotonic() - began < REACHED_SECONDS, f"{rate:.0f} bit/s after {REACHED_SECONDS} s"
    print(f"granted: {granted:.0f} bit/s, sent: {rate:.0f}")
    return time.monotonic() - began


async def backs_off(publisher: ScriptPublisher, line: ShapedLine) -> tuple[float, float]:
    """The share of packets lost on the narrow line after time to adapt, and the bit rate then."""
    line.shape(up=Shape(rate=NARROW))
    await asyncio.sleep(BACK_OFF_SECONDS)
    sent, dropped = line.up.entered, line.up.dropped
    rate = await bit_rate(publisher, AFTERWARDS_SECONDS)
    return (line.up.dropped - dropped) / (line.up.entered - sent), rate


@pytest.mark.soak
async def test_the_bit_rate_reaches_its_target_and_gives_way(redis_url: str) -> None:
    with new_namespace() as namespace:
        async with running_system(redis_url) as system, chromium(namespace) as browser:
            url, media = system.controls[0].url, system.workers[0].media
            port = httpx.URL(url).port
            assert media
            assert port
            front = namespace.socket(socket.SOCK_DGRAM, media)
            async with (
                namespace.door(LOOPBACK, port),
                shaped_line(media, front=front) as line,
                layer_publisher(browser, url, "climb", [Layer("", 1, TARGET)], lead=str) as publisher,
            ):
                took = await climbs_to_target(publisher)
                loss, rate = await backs_off(publisher, line)
    print(f"90 % of {TARGET} bit/s after {took:.1f} s; on {NARROW} bit/s: {rate:.0f}, {loss:.2%} lost")
    assert loss <= MOST_LOSS
    assert 0.4 * NARROW <= rate <= 1.1 * NARROW
