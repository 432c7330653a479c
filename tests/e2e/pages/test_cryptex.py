"""A browser that would encrypt headers of RTP (Cryptex, RFC 9335) publishes and watches without."""

import pytest

from tests.support.browser import PublishPage, WatchPage, chromium
from tests.support.system import running_system

# In Chromium 156 it is behind a flag.
FLAG = "--enable-experimental-web-platform-features"
NEGOTIATES = """
    const Native = RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Native {
        constructor(given) {
            super({ ...given, iceTransportPolicy: 'all', rtpHeaderEncryptionPolicy: 'negotiate' });
            connections.push(this);
        }
    };
"""
_HAS = """connections.map((pc) => (
    [pc.localDescription, pc.remoteDescription].map(({ sdp }) => /^a=cryptex/m.test(sdp))
))"""
ROOM = "headers"

pytestmark = pytest.mark.e2e


async def test_who_negotiates_cryptex_publishes_and_watches_without(redis_url: str) -> None:
    async with running_system(redis_url) as system, chromium(None, FLAG) as browser:
        pages = [await browser.new_page() for _ in range(2)]
        for page in pages:
            await page.add_init_script(NEGOTIATES)
        url = system.controls[0].url
        async with PublishPage(pages[0]) as publish, WatchPage(pages[1]) as watch:
            await publish.page.goto(f"{url}/publish/{ROOM}")
            await publish.publish()
            await publish.tells(f"Live in {ROOM}.")
            await watch.page.goto(f"{url}/watch/{ROOM}")
            await watch.pictures()
            for page in pages:
                assert await page.evaluate(_HAS) == [[True, False]]  # offered, and refused by silence
