"""A recording in a <video> of Chromium, from its beginning to its end: what is on the screen, and how big."""

from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page

_PLAY = """(url) => new Promise((done) => {
    const video = document.createElement('video');
    document.body.append(video);
    const sizes = [], pages = [];
    let before = 0, gap = 0;
    const end = (trouble) => {
        const until = video.currentTime;
        video.remove();
        done({ trouble, sizes, pages, gap, until });
    };
    const shown = (_, { width, height, mediaTime }) => {
        gap = Math.max(gap, mediaTime - before);
        before = mediaTime;
        if (String(sizes.slice(-1)) !== String([width, height])) sizes.push([width, height]);
        video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    video.onresize = () => pages.push([video.videoWidth, video.videoHeight]);
    video.onerror = () => end(video.error.message || 'error');
    video.onended = () => end('');
    video.muted = true;
    video.src = url;
    video.play();
})"""


@dataclass(frozen=True)
class Played:
    """Seconds are the file's own."""

    trouble: str  # the player's words; "" if it came to the end
    sizes: list[tuple[int, int]]  # of the pictures, each change
    pages: list[tuple[int, int]]  # of the picture as the page is told
    gap: float  # the longest between two pictures on the screen
    until: float  # where it ended


async def play(page: Page, url: str) -> Played:
    """Play all of it, in real time, on a page of the same server."""
    found: dict[str, Any] = await page.evaluate(_PLAY, url)
    sizes = {name: [tuple(size) for size in found[name]] for name in ("sizes", "pages")}
    return Played(**found | sizes)
