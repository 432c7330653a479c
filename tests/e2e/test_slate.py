"""An encoder hangs: viewers see the slate in the session that they have, and then the encoder again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import httpx
import pytest

from tests.support.browser import WatchPage, chromium, open_watch_page
from tests.support.foreign_client import ForeignClient, running_client
from tests.support.layer_publisher import layer_publisher
from tests.support.system import System, running_system
from tests.support.waiting import eventually

SLATE_SECONDS = 2.5  # from the encoder's last packet to the slate on the screen
BACK_SECONDS = 6.0  # FFmpeg answers no request for a keyframe: it sends one each 2 s
ROOM = "demo"
MARK = "ROOMCAST_TEST_HANGS"

pytestmark = pytest.mark.e2e

# Notes of each picture whether it is blue all over, and its time on the wire.
WATCH = """() => {
    const video = document.getElementById('video');
    const context = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
    window.seen = [];
    const look = (_, { rtpTimestamp }) => {
        context.drawImage(video, 0, 0, 8, 8);
        const { data } = context.getImageData(0, 0, 8, 8);
        let blue = true;
        for (let i = 0; i < data.length; i += 4) blue &&= data[i] < 60 && data[i + 2] > 120;
        window.seen.push({ blue, rtpTimestamp });
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
}"""


@pytest.fixture
def slate(tmp_path: Path) -> Path:
    """A blue picture of the room's shape."""
    frame = av.VideoFrame(1280, 720, "rgb24")
    frame.planes[0].update(bytes((0, 0, 200)) * (frame.planes[0].buffer_size // 3))
    file = tmp_path / "slate.png"
    with av.open(str(file), "w", format="image2") as output:
        stream = output.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "rgb24"
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "deploy.cli", *arguments]


async def shows(page: WatchPage, *, blue: bool, within: float) -> float:
    """Wait until the latest picture is the slate, or is not; returns the seconds until then."""
    loop = asyncio.get_running_loop()
    began_at = loop.time()

    async def is_there() -> bool:
        return bool(await page.page.evaluate("(blue) => window.seen.at(-1)?.blue === blue", blue))

    await eventually("the slate is seen" if blue else "the encoder is seen", is_there, within, every=0.02)
    return loop.time() - began_at


async def hang_and_go_on(pages: Sequence[WatchPage], encoder: ForeignClient) -> tuple[float, float]:
    """Stop the encoder and let it go on; returns when all saw the slate, and the encoder again."""
    encoder.send(signal.SIGSTOP)
    seen = await asyncio.gather(*(shows(page, blue=True, within=20) for page in pages))
    encoder.send(signal.SIGCONT)
    return max(seen), max(await asyncio.gather(*(shows(page, blue=False, within=20) for page in pages)))


async def hang(
    redis_url: str, slate: Path, times: int, records: Path, workers: int = 1
) -> list[tuple[float, float]]:
    """What a viewer at each worker saw in one session, that many times. Times on the wire never go back."""
    settings = {"RECORD_ENABLED": "1", "RECORD_DIR": str(records), "WORKER_MAX_VIEWERS": "1"}
    async with running_system(redis_url, workers=workers, **settings) as system, chromium() as browser:
        url = system.controls[0].url
        with contextlib.ExitStack() as clients:
            encoder = clients.enter_context(running_client(command("demo", "--to", system.whip(ROOM))))
            await system.room_live(ROOM, within=20)
            clients.enter_context(running_client(command("slate", str(slate), "--room", ROOM, "--url", url)))
            await eventually("it stands by", lambda: stands_by(system), within=20)
            pages = [await open_watch_page(browser, url, ROOM) for _ in range(workers)]
            for page in pages:
                await page.page.evaluate(WATCH)
                await shows(page, blue=False, within=20)
            connections = [await page.page.evaluate("connections.length") for page in pages]
            took = [await hang_and_go_on(pages, encoder) for _ in range(times)]
            for page, before in zip(pages, connections, strict=True):
                seen: list[int] = await page.page.evaluate("window.seen.map((s) => s.rtpTimestamp)")
                assert all(b - a & 0xFFFFFFFF < 1 << 31 for a, b in pairwise(seen))
                assert await page.page.evaluate("connections.length") == before
                async with page:
                    pass  # nothing is on its console
    return took


async def stands_by(system: System) -> bool:
    async with httpx.AsyncClient() as http:
        room = (await http.get(f"{system.controls[0].url}/api/rooms/{ROOM}")).json()
    return bool(room.get("standbys") == 1)


async def test_a_viewer_sees_the_slate_while_the_encoder_hangs(
    redis_url: str, slate: Path, tmp_path: Path
) -> None:
    [(seen, back)] = await hang(redis_url, slate, 1, tmp_path)
    assert seen < SLATE_SECONDS
    assert back < BACK_SECONDS


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2])
async def test_an_encoder_that_hangs_twenty_times(
    redis_url: str, slate: Path, tmp_path: Path, workers: int
) -> None:
    took = await hang(redis_url, slate, 20, tmp_path, workers)
    print("seconds until the slate, and the encoder:", *(f"{a:.2f} {b:.2f}" for a, b in took), sep="\n")
    assert max(seen for seen, _ in took) < SLATE_SECONDS
    files = await asyncio.to_thread(lambda: [each for each in tmp_path.iterdir() if each.suffix == ".mp4"])
    assert files
    for file in files:
        with av.open(str(file)) as recorded:
            times = [frame.time or 0.0 for frame in recorded.decode(video=0)]
        print(file.name, len(times), "pictures", f"{times[-1]:.1f} s")
        assert times == sorted(times)


@pytest.mark.soak
async def test_a_browser_that_hangs_while_it_sends_layers(
    redis_url: str, slate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(redis_url))
        url = system.controls[0].url
        with monkeypatch.context() as marked:
            marked.setenv(MARK, "1")
            camera = await stack.enter_async_context(chromium())
        await stack.enter_async_context(layer_publisher(camera, url, ROOM, lead=str))
        await system.room_live(ROOM, within=20)
        stack.enter_context(running_client(command("slate", str(slate), "--room", ROOM, "--url", url)))
        await eventually("it stands by", lambda: stands_by(system), within=20)
        page = await open_watch_page(await stack.enter_async_context(chromium()), url, ROOM)
        await page.page.evaluate(WATCH)
        await shows(page, blue=False, within=20)
        for _ in range(5):
            stopped = marked_processes()
            for process in stopped:
                os.kill(process, signal.SIGSTOP)
            try:
                seen = await shows(page, blue=True, within=20)
            finally:
                for process in stopped:
                    os.kill(process, signal.SIGCONT)
            back = await shows(page, blue=False, within=20)
            print(f"seconds until the slate, and the camera: {seen:.2f} {back:.2f}")
            assert seen < SLATE_SECONDS
            await asyncio.sleep(1)  # the camera sends for a while, as if nothing had been


def marked_processes() -> set[int]:
    """The processes that have `MARK` in their environment, and all that these have started."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if f"{MARK}=1".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found
