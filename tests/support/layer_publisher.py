"""Chromium as a camera with sound, in one layer or three: bit rates that hold, and no silence to conceal."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page

SIZE = (640, 360)
FRAME_RATE = 15
ONE_STREAM = ("video/VP9", "video/AV1")  # all layers of these would be in one, if none had a mode
GRAIN = 115.0  # opacity of the noise (of 255) for each bit a pixel: so an encoder needs what it may send


@dataclass(frozen=True)
class Layer:
    """One layer: its name, its part of the width and height, and its bit rate at most."""

    rid: str
    divisor: int
    bitrate: int

    @property
    def height(self) -> int:
        return SIZE[1] // self.divisor

    def encoding(self, codec: str) -> dict[str, Any]:
        """As `sendEncodings` wants it."""
        return {
            **({"rid": self.rid} if self.rid else {}),
            **({"scalabilityMode": "L1T1"} if codec in ONE_STREAM else {}),
            "scaleResolutionDownBy": self.divisor,
            "maxBitrate": self.bitrate,
            "maxFramerate": FRAME_RATE,
        }


LOW, MIDDLE, TOP = Layer("q", 4, 110_000), Layer("h", 2, 400_000), Layer("f", 1, 1_200_000)
THREE = (LOW, MIDDLE, TOP)
ONE = (Layer("", 1, 600_000),)

# A scene that moves sideways, under noise that no encoder can foresee; a chord whose loudness changes as
# speech's does, and never ends.
_CAPTURE = """async ([width, height, rate, encodings, codec, grain, red]) => {
    const area = (w, h) => Object.assign(document.createElement('canvas'), { width: w, height: h });
    const scene = area(2 * width, height), canvas = area(width, height);
    const noise = area(width + 64, height + 64);
    const scenery = scene.getContext('2d');
    for (let n = 0; n < 160; n++) {
        scenery.fillStyle = `hsl(${(n * 47) % 360} 60% ${20 + (n * 13) % 60}%)`;
        scenery.fillRect((n * 397) % (2 * width), (n * 211) % height, 20 + (n * 31) % 90, 20 + (n * 17) % 70);
    }
    scenery.drawImage(scene, 0, 0, width, height, width, 0, width, height);
    const grains = noise.getContext('2d');
    const dots = grains.createImageData(noise.width, noise.height);
    for (let y = 0; y < noise.height; y += 4) for (let x = 0; x < noise.width; x += 4) {
        const shade = Math.random() * 255;
        for (let n = 0; n < 16; n++) {
            dots.data.set([shade, shade, shade, grain], 4 * ((y + (n >> 2)) * noise.width + x + (n & 3)));
        }
    }
    grains.putImageData(dots, 0, 0);
    const picture = canvas.getContext('2d');
    let number = 0;
    setInterval(() => {
        number++;
        picture.drawImage(scene, -(3 * number % width), 0);
        picture.drawImage(noise, -Math.floor(Math.random() * 16) * 4, -Math.floor(Math.random() * 16) * 4);
    }, 1000 / rate);
    const [video] = canvas.captureStream(rate).getVideoTracks();

    const sound = new AudioContext();
    const output = sound.createMediaStreamDestination();
    const swell = new GainNode(sound, { gain: 0.2 });
    const wave = new OscillatorNode(sound, { frequency: 3 });
    wave.connect(new GainNode(sound, { gain: 0.1 })).connect(swell.gain);
    wave.start();
    for (const frequency of [180, 360, 540, 1250, 2400]) {
        const tone = new OscillatorNode(sound, { frequency, type: 'triangle' });
        tone.connect(swell);
        tone.start();
    }
    swell.connect(output);
    const [audio] = output.stream.getAudioTracks();

    const peer = window.peer = new RTCPeerConnection();
    const spoken = peer.addTransceiver(audio, { direction: 'sendonly' });
    const isRed = (one) => one.mimeType === 'audio/red';
    const sounds = RTCRtpSender.getCapabilities('audio').codecs;
    if (red) spoken.setCodecPreferences([...sounds].sort((one, other) => isRed(other) - isRed(one)));
    const transceiver = peer.addTransceiver(video, { direction: 'sendonly', sendEncodings: encodings });
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    const wanted = (one) => one.mimeType === codec || one.mimeType === 'video/rtx';
    transceiver.setCodecPreferences(codecs.filter(wanted));
    const { sender } = transceiver;  // a slow start makes frames fewer, not smaller: size tells the layer
    await sender.setParameters({ ...sender.getParameters(), degradationPreference: 'maintain-resolution' });
    await peer.setLocalDescription();
    return peer.localDescription.sdp;
}"""
# A room whose publisher has gone without a word is free after a while.
_OFFER = """async ([whip, sdp]) => {
    const headers = { 'Content-Type': 'application/sdp' };
    let answer;
    while ((answer = await fetch(whip, { method: 'POST', headers, body: sdp })).status === 409) {
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
    if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
    return answer.text();
}"""
_ACCEPT = "(sdp) => peer.setRemoteDescription({ type: 'answer', sdp })"
_SENT = """async () => {
    const all = [...(await peer.getStats()).values()];
    return all.filter((s) => s.type === 'outbound-rtp').map((s) => ({
        kind: s.kind, at: s.timestamp / 1000, octets: s.bytesSent ?? 0, rid: s.rid ?? '',
        height: s.frameHeight ?? 0, frames: s.framesSent ?? 0, keyframes: s.keyFramesEncoded ?? 0,
        target: s.targetBitrate ?? 0, active: s.active ?? true,
    }));
}"""


@dataclass(frozen=True)
class Sent:
    """What one layer, or the sound, has sent so far, at `at` (seconds)."""

    kind: str
    at: float
    octets: int
    rid: str
    height: int
    frames: int
    keyframes: int
    target: float  # bit/s that congestion control allows
    active: bool


@dataclass(frozen=True)
class ScriptPublisher:
    """`answer` is the worker's."""

    page: Page
    answer: str

    async def sent(self) -> list[Sent]:
        """Of each layer, and of the sound."""
        return [Sent(**layer) for layer in await self.page.evaluate(_SENT)]


@contextlib.asynccontextmanager
async def layer_publisher(
    browser: Browser,
    url: str,
    room: str,
    layers: Sequence[Layer] = THREE,
    *,
    lead: Callable[[str], str],
    codec: str = "video/VP8",
    red: bool = False,
) -> AsyncIterator[ScriptPublisher]:
    """Publish into `room` at `url` until left, over the line to which `lead` turns the answer.

    `red`: send redundant sound.
    """
    page = await browser.new_page()
    try:
        await page.goto(f"{url}/healthz")
        encodings = [layer.encoding(codec) for layer in layers]
        top = layers[-1]
        grain = round(GRAIN * top.bitrate / (SIZE[0] * SIZE[1] * FRAME_RATE))
        offer = await page.evaluate(_CAPTURE, [*SIZE, FRAME_RATE, encodings, codec, grain, red])
        answer = await page.evaluate(_OFFER, [f"{url}/api/whip/publish/{room}", offer])
        await page.evaluate(_ACCEPT, lead(answer))
        yield ScriptPublisher(page, answer)
    finally:
        await page.close()
