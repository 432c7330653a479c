"""What Chromium and FFmpeg publish is recorded, and FFmpeg reads it all: whole, in sync, after a crash."""

import asyncio
import random
import time
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.support import aiortc_client
from tests.support.browser import chromium, open_publish_page
from tests.support.emptied import empty
from tests.support.foreign_client import running_client
from tests.support.recorded import Recorded, read, reads_without_a_word
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command

LIVE_SECONDS = 20.0
DONE_SECONDS = 10.0
SYNC_SECONDS = 0.060
IN_WEBM = ("ivf", "webm")  # the track alone, and with sound
FORMS = {"H264": ("h264", "mp4")}
NO_GRACE = {"PUBLISHER_GRACE": "0"}  # publishers leave without DELETE, and the room does not wait for them

pytestmark = pytest.mark.e2e

# A white picture and a tone of 1 kHz for 100 ms every second, at the same time. They begin a second after the
# connection: while its codecs start on a busy machine, a Chromium lets some of its sound's source fall out
# (66 ms, seen once), and what it sent before that hole is so much out of step.
PUBLISH_FLASHES_AND_BEEPS = """async ({ url, codec }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const context = canvas.getContext('2d');
    const sound = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
    await sound.resume();
    const tone = new OscillatorNode(sound, { frequency: 1000 });
    const gain = new GainNode(sound, { gain: 0 });
    const destination = new MediaStreamAudioDestinationNode(sound);
    tone.connect(gain).connect(destination);
    tone.start();
    let wasLit = false;
    let begins = Infinity;
    setInterval(() => {
        const lit = performance.now() >= begins && performance.now() % 1000 < 100;
        context.fillStyle = lit ? '#fff' : '#222';
        context.fillRect(0, 0, 640, 360);
        context.fillStyle = '#777';
        context.fillRect(performance.now() / 10 % 640, 0, 20, 360);
        if (lit !== wasLit) gain.gain.setValueAtTime(lit ? 0.8 : 0, sound.currentTime);
        wasLit = lit;
    }, 15);
    const pc = new RTCPeerConnection();
    const tracks = [...canvas.captureStream(30).getTracks(), ...destination.stream.getTracks()];
    for (const track of tracks) {
        const transceiver = pc.addTransceiver(track, { direction: 'sendonly' });
        if (track.kind === 'video') {
            const codecs = RTCRtpSender.getCapabilities('video').codecs;
            transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === codec));
        }
    }
    await pc.setLocalDescription();
    const response = await fetch(url, {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp,
    });
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    await new Promise((resolve, reject) => {
        pc.onconnectionstatechange = () => {
            if (pc.connectionState === 'connected') resolve();
            if (pc.connectionState === 'failed') reject(new Error('failed'));
        };
    });
    begins = performance.now() + 1000;
    window.publisher = pc;
}"""


async def _publish(page: Page, url: str, codec: str, seconds: float) -> float:
    """Publish for `seconds`, then leave by closing the connection; returns how long, by the page's clock."""
    publish = f"async (to) => {{ await ({PUBLISH_FLASHES_AND_BEEPS})(to); return performance.now(); }}"
    began: float = await page.evaluate(publish, {"url": url, "codec": codec})
    await asyncio.sleep(seconds)  # the length of the stream is what the test is about
    ended: float = await page.evaluate("() => { publisher.close(); return performance.now(); }")
    return (ended - began) / 1000


async def _finished(system: System, folder: Path, room: str, suffixes: set[str]) -> dict[str, Path]:
    """Wait for the end of a room's recording; its files by suffix."""
    await system.room_gone(room, DONE_SECONDS)

    async def still() -> bool:
        before = {path: path.stat().st_size for path in folder.glob(f"{room}_*")}
        await asyncio.sleep(0.5)
        return before == {path: path.stat().st_size for path in folder.glob(f"{room}_*")}

    await eventually("the files are complete", still, DONE_SECONDS)
    files = {path.suffix[1:]: path for path in folder.glob(f"{room}_*")}
    assert set(files) == suffixes, sorted(path.name for path in folder.glob(f"{room}_*"))
    return files


# The full measure runs with `make soak`, and VP9 with AV1: `make test` is to end within ten minutes.
# That their frames are read and written whole is promised by unit/media/recording/test_frame_reader.py.
@pytest.mark.alone
@pytest.mark.parametrize("seconds", [6.0, pytest.param(20.0, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    "codecs", [("VP8", "H264"), pytest.param(("VP9", "AV1"), marks=pytest.mark.soak)], ids="-".join
)
async def test_what_chromium_publishes_is_recorded_whole_and_in_sync(
    redis_url: str, tmp_path: Path, codecs: tuple[str, ...], seconds: float
) -> None:
    """Two codecs at once: encoding one takes a fraction of a core."""
    async with (
        running_system(redis_url, RECORD_ENABLED="1", RECORD_DIR=str(tmp_path), **NO_GRACE) as system,
        chromium() as browser,
    ):
        recorded = await asyncio.gather(
            *(_recorded(system, browser, tmp_path, codec, seconds) for codec in codecs)
        )
        response = await system.http.get(f"{system.controls[0].url}/api/records")
        listed = {entry["name"] for entry in response.json()}
        assert listed == {path.name for _, files in recorded for path in files.values()}
    for codec, (lasted, files) in zip(codecs, recorded, strict=True):
        if files:
            _assert_whole_and_in_sync(files, codec, lasted)


async def _recorded(
    system: System, browser: Browser, folder: Path, codec: str, seconds: float
) -> tuple[float, dict[str, Path]]:
    """Publish in that codec; returns for how long, and the files by suffix.

    There are none where this Chromium has no H.264 encoder.
    """
    async with await open_publish_page(browser, system.controls[0].url, codec) as opened:
        if f"video/{codec}" not in await opened.sendable_codecs():
            assert codec == "H264", "this Chromium cannot send what every Chromium can"
            return 0.0, {}
        lasted = await _publish(opened.page, system.whip(codec), f"video/{codec}", seconds)
        return lasted, await _finished(system, folder, codec, {"ogg", *FORMS.get(codec, IN_WEBM)})


def _assert_whole_and_in_sync(files: dict[str, Path], codec: str, seconds: float) -> None:
    raw, muxed = FORMS.get(codec, IN_WEBM)
    for path in files.values():
        reads_without_a_word(path)
    both, sound, picture = read(files[muxed]), read(files["ogg"]), read(files[raw])
    print(codec, both.worst_offset(), both, sound, sep="\n")
    assert both.seconds == pytest.approx(seconds, abs=0.5)
    assert both.declared_seconds == pytest.approx(seconds, abs=0.5)
    assert sound.seconds == pytest.approx(seconds, abs=0.5)
    if raw == "ivf":
        assert picture.seconds == pytest.approx(seconds, abs=0.5)
        assert picture.declared_seconds == pytest.approx(seconds, abs=0.5)
    assert picture.frames == pytest.approx(both.frames, abs=2)
    assert len(both.flashes) >= seconds - 2
    assert both.worst_offset() < SYNC_SECONDS + _fell_out(sound)


def _fell_out(sound: Recorded) -> float:
    """Seconds of its sound that a Chromium on a busy machine did not send: the beeps are a second apart.

    What the sound alone lacks already, no recorder can put in sync with the picture.
    """
    return max(abs(since - round(since)) for since in (beep - sound.beeps[0] for beep in sound.beeps))


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.soak)])
async def test_a_killed_worker_leaves_all_but_the_last_two_seconds(
    redis_url: str, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(4)
    for number in range(kills):
        folder = tmp_path / str(number)
        found = await _killed_after(redis_url, folder, 2.5 + 3 * chance.random())
        print(number, {name: round(missing, 2) for name, missing in found.items()})
        assert {name.rpartition(".")[2] for name in found} == {"ivf", "ogg", "webm", "h264", "mp4"}
        assert all(missing <= 2.0 for missing in found.values()), found


async def _killed_after(redis_url: str, folder: Path, seconds: float) -> dict[str, float]:
    """Record VP8 and H.264 for `seconds`, then kill the worker. Returns what each file lacks, in seconds."""
    empty(redis_url)  # control would send offers to the worker that was killed before, for as long as 5 s
    async with (
        running_system(redis_url, RECORD_ENABLED="1", RECORD_DIR=str(folder)) as system,
        httpx.AsyncClient() as http,
    ):
        with running_client(publish_command(system.whip("h264"), [])):
            publisher = aiortc_client.publisher(http, system.whip("vp8"))
            await publisher.connect()
            seen: dict[Path, float] = {}

            def all_there() -> bool:
                for path in folder.glob("[!.]*.*"):
                    seen.setdefault(path, time.monotonic())
                return len(seen) == 6

            await eventually("all files have begun", all_there, LIVE_SECONDS)
            await asyncio.sleep(seconds)
            killed = time.monotonic()
            system.workers[0].kill()
            await publisher.close()
    return {path.name: killed - since - _length(path, read(path)) for path, since in seen.items()}


def _length(path: Path, recorded: Recorded) -> float:
    return recorded.frames / 25 if path.suffix == ".h264" else recorded.seconds
