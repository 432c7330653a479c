"""A picture that shows when it was taken, and what a watch page shows of it, and tells of its age."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator

from imageio_ffmpeg import get_ffmpeg_exe

from deploy.tether import tethered
from tests.support.browser import WatchPage
from tests.support.meanwhile import meanwhile

WIDTH, HEIGHT = 640, 360
BITS = 16  # of the milliseconds of Unix time, the lowest first, from left to right
_BAR = WIDTH // BITS

# In place of a camera.
CAMERA = f"""navigator.mediaDevices.getUserMedia = async () => {{
    const canvas = Object.assign(document.createElement('canvas'), {{ width: {WIDTH}, height: {HEIGHT} }});
    const context = canvas.getContext('2d', {{ alpha: false }});
    const draw = () => {{
        const at = Math.round(performance.timeOrigin + performance.now());
        for (let bit = 0; bit < {BITS}; bit++) {{
            context.fillStyle = Math.floor(at / 2 ** bit) % 2 ? '#fff' : '#000';
            context.fillRect({_BAR} * bit, 0, {_BAR}, {HEIGHT});
        }}
    }};
    setInterval(draw, 1000 / 30);
    draw();
    const sound = new AudioContext();
    const output = sound.createMediaStreamDestination();
    const tone = new OscillatorNode(sound);
    tone.connect(output);
    tone.start();
    return new MediaStream([...canvas.captureStream(30).getTracks(), ...output.stream.getTracks()]);
}};"""

# For some seconds, of each picture: its age when it is on the screen, and the one that the page tells.
_LOOK = f"""(seconds) => new Promise((done) => {{
    const video = document.getElementById('video');
    const canvas = Object.assign(document.createElement('canvas'), {{ width: {WIDTH}, height: 1 }});
    const context = canvas.getContext('2d', {{ willReadFrequently: true }});
    const seen = [], until = performance.now() + 1000 * seconds;
    const shown = (now, {{ expectedDisplayTime }}) => {{
        context.drawImage(video, 0, 0, {WIDTH}, 1);
        const {{ data }} = context.getImageData(0, 0, {WIDTH}, 1);
        let drawn = 0;
        for (let bit = 0; bit < {BITS}; bit++) drawn += (data[4 * {_BAR} * (bit + 0.5)] > 127) * 2 ** bit;
        const age = performance.timeOrigin + expectedDisplayTime - drawn;
        const told = /(\\d+) ms: to server/.exec(document.getElementById('figures').textContent);
        if (told) seen.push([(age % 2 ** {BITS}) / 1000, Number(told[1]) / 1000]);
        if (now < until) video.requestVideoFrameCallback(shown);
        else done(seen);
    }};
    video.requestVideoFrameCallback(shown);
}})"""


async def look(watch: WatchPage, seconds: float) -> list[tuple[float, float]]:
    """Of each picture with a told age: the true one, and the told one, in seconds. The figures are open."""
    return [(true, told) for true, told in await watch.page.evaluate(_LOOK, seconds)]


@contextlib.asynccontextmanager
async def filmed_clock(whip: str) -> AsyncIterator[None]:
    """FFmpeg publishes that picture, as this process draws it, and a tone."""
    # fmt: off
    command = [
        get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning",
        "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-use_wallclock_as_timestamps", "1",
        "-fflags", "nobuffer", "-i", "-",
        "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
        "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency",
        "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ac", "2", "-f", "whip", whip,
    ]
    # fmt: on
    process = await asyncio.create_subprocess_exec(*tethered(command), stdin=subprocess.PIPE)
    assert process.stdin is not None
    pipe = process.stdin

    async def film() -> None:
        while True:
            at = round(time.time() * 1000)
            row = b"".join((b"\xff" if at >> bit & 1 else b"\0") * _BAR for bit in range(BITS))
            pipe.write(row * HEIGHT)
            await pipe.drain()
            await asyncio.sleep(1 / 25)

    try:
        async with meanwhile(film()):
            yield
    finally:
        pipe.close()  # it ends once it has read what it waits for
        process.terminate()
        await process.wait()
