"""Chromium publishes and watches through coturn only: over UDP, and over TCP and TLS where UDP is dropped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from tests.support.browser import PublishPage, WatchPage, chromium, open_publish_page, open_watch_page
from tests.support.certificate import home_that_trusts, new_certificate
from tests.support.coturn import PASSWORD, SECRET, USER, WORKERS, Coturn, running_coturn
from tests.support.namespaces import new_namespace
from tests.support.system import LOOPBACK, System, running_system

WATCH_SECONDS = 30.0
WHOLE_SECONDS = 30.0  # for which nothing may be missing

pytestmark = pytest.mark.e2e

# `relayProtocol` is how the browser reaches the TURN server (webrtc-stats)
_WAY = """async () => {
    const stats = [...(await connections.at(-1).getStats()).values()];
    const { localCandidateId } = stats.find((one) => one.type === 'candidate-pair' && one.nominated);
    const { candidateType, relayProtocol } = stats.find(({ id }) => id === localCandidateId);
    return [candidateType, relayProtocol];
}"""
_SENT = """async () => [...(await connections.at(-1).getStats()).values()]
    .find((one) => one.type === 'outbound-rtp' && one.kind === 'video').framesSent"""
_RECEIVED = """async () => {
    const stats = [...(await connections.at(-1).getStats()).values()];
    const inbound = (kind) => stats.find((one) => one.type === 'inbound-rtp' && one.kind === kind);
    const [video, audio] = [inbound('video'), inbound('audio')];
    return {
        frames: video.framesDecoded,
        freezes: video.freezeCount,
        lost: video.packetsLost + audio.packetsLost,
        samples: audio.totalSamplesReceived,
        concealed: audio.concealedSamples,
    };
}"""


@dataclass
class Stage:
    """A system whose only way in for media is `coturn`, and a Chromium."""

    system: System
    browser: Browser
    coturn: Coturn


@contextlib.asynccontextmanager
async def stage(redis_url: str, folder: Path, transport: str, *, static: bool) -> AsyncIterator[Stage]:
    """`transport`: `udp`, `tcp` or `tls`. But for `udp`, no UDP leaves the namespace of the Chromium."""
    certificate = new_certificate(folder)
    async with contextlib.AsyncExitStack() as stack:
        coturn = await stack.enter_async_context(
            running_coturn(folder, certificate=certificate, static=static)
        )
        system = await stack.enter_async_context(
            running_system(
                redis_url,
                media_ip=WORKERS,
                TURN_URLS=getattr(coturn, transport),
                TURN_USERNAME=USER if static else "",
                TURN_PASSWORD=PASSWORD if static else "",
                TURN_SECRET="" if static else SECRET,
            )
        )
        namespace = None
        if transport != "udp":
            namespace = stack.enter_context(new_namespace())
            for port in (httpx.URL(system.controls[0].url).port, coturn.port, coturn.tls_port):
                assert port
                await stack.enter_async_context(namespace.door(LOOPBACK, port))
        home = home_that_trusts(certificate[0], folder)
        yield Stage(system, await stack.enter_async_context(chromium(namespace, home=home)), coturn)


@contextlib.asynccontextmanager
async def relayed(on: Stage, transport: str, frames: int) -> AsyncIterator[tuple[PublishPage, WatchPage]]:
    """A publisher and its viewer, who has seen so many frames and heard a second, all over coturn."""
    url = on.system.controls[0].url
    async with (
        await open_publish_page(on.browser, url, "relayed", relay_only=True) as publisher,
        await open_watch_page(on.browser, url, "relayed", relay_only=True) as viewer,
    ):
        await publisher.publish()
        await viewer.tells("Watching relayed.")
        await viewer.sees_and_hears(WATCH_SECONDS, frames)
        for opened in (publisher, viewer):
            assert await opened.page.evaluate(_WAY) == ["relay", transport]
        yield publisher, viewer


async def test_where_udp_is_dropped_tls_carries_it(redis_url: str, tmp_path: Path) -> None:
    async with stage(redis_url, tmp_path, "tls", static=False) as on, relayed(on, "tls", frames=15):
        pass


@pytest.mark.soak
@pytest.mark.parametrize("static", [False, True], ids=["short-lived", "static"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_picture_and_sound_are_whole(
    redis_url: str, tmp_path: Path, transport: str, static: bool
) -> None:
    async with (
        stage(redis_url, tmp_path, transport, static=static) as on,
        relayed(on, transport, frames=100) as (publisher, viewer),
    ):
        sent, before = await publisher.page.evaluate(_SENT), await viewer.page.evaluate(_RECEIVED)
        await asyncio.sleep(WHOLE_SECONDS)
        after, sent = await viewer.page.evaluate(_RECEIVED), await publisher.page.evaluate(_SENT) - sent
        got: dict[str, Any] = {name: after[name] - before[name] for name in after}
        print(f"{transport}: {sent} frames sent, {got}")
        assert got["freezes"] == got["lost"] == 0
        assert sent > 10 * WHOLE_SECONDS
        assert got["frames"] > 0.98 * sent - 3  # some are on their way
        assert got["samples"] > 0.95 * 48_000 * WHOLE_SECONDS
        assert got["concealed"] < 0.01 * got["samples"]
