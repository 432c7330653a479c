"""An encoder hangs: viewers see the slate in the session that they have, and then the encoder again."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import httpx
import pytest

from tests.support.aiortc_client import publisher
from tests.support.browser import WatchPage, chromium, open_watch_page
from tests.support.foreign_client import running_client
from tests.support.layer_publisher import ONE, THREE, Layer, layer_publisher
from tests.support.system import System, running_system
from tests.support.waiting import eventually

SLATE_SECONDS = 2.5  # from the encoder's last packet to the slate on the screen
BACK_SECONDS = 6.0  # FFmpeg answers no request for a keyframe: it sends one each 2 s
TIMES = 20
ROOM = "demo"
MARK = "ROOMCAST_TEST_HANGS"

pytestmark = pytest.mark.e2e

# Notes of each picture whether it is blue all over, its time on the wire, and in Unix seconds when its last
# packet came and when it was shown.
WATCH = """() => {
    const video = document.getElementById('video');
    const context = new OffscreenCanvas(8, 8).getContext('2d', { willReadFrequently: true });
    window.seen = [];
    const unix = (at) => (performance.timeOrigin + at) / 1000;
    const look = (now, { rtpTimestamp, receiveTime }) => {
        context.drawImage(video, 0, 0, 8, 8);
        const { data } = context.getImageData(0, 0, 8, 8);
        let blue = true;
        for (let i = 0; i < data.length; i += 4) blue &&= data[i] < 60 && data[i + 2] > 120;
        window.seen.push({ blue, rtpTimestamp, came: unix(receiveTime), shown: unix(now) });
        video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
}"""

Send = Callable[[signal.Signals], None]


class Hang(NamedTuple):
    """What the viewer saw that saw it last: seconds from the stop until the slate's first picture came ..."""

    came: float
    shown: float  # ... and was shown; ...
    back: float  # ... and from the end of the stop until the encoder was shown again

    def __str__(self) -> str:
        return f"slate came {self.came:.2f} shown {self.shown:.2f}, encoder back {self.back:.2f}"


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


async def turns(page: WatchPage, since: float, *, blue: bool) -> dict[str, Any]:
    """The first picture from `since` on, Unix time, that is the slate, or is not."""
    what = "([since, blue]) => seen.find((one) => one.blue === blue && one.shown > since)"
    found = await eventually(
        "the slate is seen" if blue else "the encoder is seen",
        lambda: page.page.evaluate(what, [since, blue]),
        within=20,
    )
    return dict(found)


async def hang_and_go_on(pages: Sequence[WatchPage], send: Send) -> Hang:
    stopped_at = time.time()
    send(signal.SIGSTOP)
    try:
        slates = await asyncio.gather(*(turns(page, stopped_at + 1, blue=True) for page in pages))
    finally:
        went_on_at = time.time()
        send(signal.SIGCONT)
    encoders = await asyncio.gather(*(turns(page, went_on_at, blue=False) for page in pages))
    return Hang(
        max(each["came"] for each in slates) - stopped_at,
        max(each["shown"] for each in slates) - stopped_at,
        max(each["shown"] for each in encoders) - went_on_at,
    )


@contextlib.asynccontextmanager
async def ffmpeg(system: System) -> AsyncIterator[Send]:
    with running_client(command("demo", "--to", system.whip(ROOM))) as encoder:
        await system.room_live(ROOM, within=20)
        yield encoder.send


@contextlib.asynccontextmanager
async def camera(system: System, layers: Sequence[Layer]) -> AsyncIterator[Send]:
    """Chromium. All of its processes hang."""
    with pytest.MonkeyPatch.context() as marked:
        marked.setenv(MARK, "1")
        browser = chromium()
        opened = await browser.__aenter__()

    def send(number: signal.Signals) -> None:
        for process in marked_processes():
            os.kill(process, number)

    try:
        async with layer_publisher(opened, system.controls[0].url, ROOM, layers, lead=str):
            await system.room_live(ROOM, within=20)
            yield send
    finally:
        await browser.__aexit__(None, None, None)


ENCODERS: dict[str, Callable[[System], contextlib.AbstractAsyncContextManager[Send]]] = {
    "FFmpeg": ffmpeg,
    "Chromium": lambda system: camera(system, ONE),
    "Chromium with layers": lambda system: camera(system, THREE),
}


async def hang(
    redis_url: str, slate: Path, times: int, records: Path, encoder: str = "FFmpeg", workers: int = 1
) -> list[Hang]:
    """What a viewer at each worker saw in one session, that many times. Times on the wire never go back."""
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(
            running_system(
                redis_url,
                workers=workers,
                RECORD_ENABLED="1",
                RECORD_DIR=str(records),
                WORKER_MAX_VIEWERS="1",
            )
        )
        browser = await stack.enter_async_context(chromium())
        url = system.controls[0].url
        send = await stack.enter_async_context(ENCODERS[encoder](system))
        stack.enter_context(running_client(command("slate", str(slate), "--room", ROOM, "--url", url)))
        await eventually("it stands by", lambda: stands_by(system), within=20)
        pages = [await open_watch_page(browser, url, ROOM) for _ in range(workers)]
        for page in pages:
            await page.page.evaluate(WATCH)
            await turns(page, 0, blue=False)
        connections = [await page.page.evaluate("connections.length") for page in pages]
        hangs = []
        for _ in range(times):
            hangs.append(await hang_and_go_on(pages, send))
            print(hangs[-1], flush=True)
            if len(hangs) < times:
                await asyncio.sleep(1)  # it sends for a while, as if nothing had been
        for page, before in zip(pages, connections, strict=True):
            seen: list[int] = await page.page.evaluate("window.seen.map((s) => s.rtpTimestamp)")
            assert all(b - a & 0xFFFFFFFF < 1 << 31 for a, b in pairwise(seen))
            assert await page.page.evaluate("connections.length") == before
            async with page:
                pass  # nothing is on its console
    return hangs


async def stands_by(system: System) -> bool:
    async with httpx.AsyncClient() as http:
        room = (await http.get(f"{system.controls[0].url}/api/rooms/{ROOM}")).json()
    return bool(room.get("standbys") == 1)


async def test_a_viewer_sees_the_slate_while_the_encoder_hangs(
    redis_url: str, slate: Path, tmp_path: Path
) -> None:
    [seen] = await hang(redis_url, slate, 1, tmp_path)
    assert seen.shown < SLATE_SECONDS


def open_recordings(folder: Path) -> int:
    """Decode them all; returns how many there are. The time of their pictures never goes back."""
    files = [each for each in sorted(folder.iterdir()) if each.is_file()]
    for file in files:
        with av.open(str(file)) as recorded:
            times = [getattr(frame, "time", None) or 0.0 for frame in recorded.decode(recorded.streams[0])]
        print(f"{file.name}: {len(times)} frames until {times[-1]:.1f} s")
        assert times == sorted(times)
    return len(files)


@pytest.mark.soak
async def test_a_room_whose_settings_name_a_slate_has_it(redis_url: str, slate: Path, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        system = await stack.enter_async_context(running_system(redis_url, ADMIN_TOKEN="secret"))
        url = system.controls[0].url
        headers = {"Authorization": "Bearer secret"}
        http = await stack.enter_async_context(httpx.AsyncClient(headers=headers))
        settings = f"{url}/api/admin/rooms/{ROOM}"
        assert (await http.put(settings, json={"slate": slate.name})).status_code == 200
        slates = command("slates", str(slate.parent), "--url", url, "--token", "secret")
        stack.enter_context(running_client(slates))
        await stack.enter_async_context(publisher(system.http, system.whip(ROOM)))
        await eventually("it stands by", lambda: stands_by(system), within=20)
        assert (await http.delete(settings)).status_code == 200

        async def is_alone() -> bool:
            return not await stands_by(system)

        await eventually("it has left", is_alone, within=20)


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2], ids=["at the origin", "through an edge"])
@pytest.mark.parametrize("encoder", ENCODERS)
async def test_an_encoder_that_hangs_twenty_times(
    redis_url: str, slate: Path, tmp_path: Path, encoder: str, workers: int
) -> None:
    hangs = await hang(redis_url, slate, TIMES, tmp_path / "records", encoder, workers)
    worst = Hang(*(max(figures) for figures in zip(*hangs, strict=True)))
    print("at most:", worst)
    opened = await asyncio.to_thread(open_recordings, tmp_path / "records")
    assert opened
    assert worst.shown < SLATE_SECONDS
    assert worst.back < BACK_SECONDS  # alone: it first has to encode what it filmed while it hung


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
