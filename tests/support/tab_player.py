"""What bare players in tabs of Chromium have in common: the page, the offer, and a look at what came."""

from playwright.async_api import Browser, Page

_PREPARE = """() => {
    window.offer = async ({ muted }) => {
        window.pc = new RTCPeerConnection();
        window.video = document.createElement('video');
        Object.assign(video, { muted, autoplay: true, width: 64 });  // cheap to paint
        video.srcObject = new MediaStream();
        document.body.append(video);
        pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
        ['audio', 'video'].forEach((kind) => pc.addTransceiver(kind, { direction: 'recvonly' }));
        await pc.setLocalDescription();
        return pc.localDescription.sdp;
    };
    window.stats = async () => [...(await pc.getStats()).values()];
    window.inbound = (all, kind) => all.find((s) => s.type === 'inbound-rtp' && s.kind === kind) ?? {};
}"""


async def open_page(browser: Browser, server: str) -> Page:
    """A page of the server at that URL, in which one player at a time may play.

    In it, `offer` begins a player `pc` that shows its `video`; `stats` are all that `pc` knows, and `inbound`
    finds among them those of sound or picture.
    """
    page = await browser.new_page(viewport={"width": 160, "height": 120})
    await page.goto(f"{server}/healthz")
    await page.evaluate(_PREPARE)
    return page
