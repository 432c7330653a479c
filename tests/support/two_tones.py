"""Sound with a tone of its own on each side, and how loud each tone is on each side of what came of it."""

import asyncio
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy
from aiortc.mediastreams import MediaStreamTrack
from playwright.async_api import Frame, Page

from tests.support.waiting import eventually

LEFT, RIGHT = 440, 880  # Hz
RATE = 48_000
PERIODS = RATE // 20  # samples into which both fit whole
HEARD_DB = -40.0  # of full scale: quieter is silence, or a stream that is yet to begin
APART_DB = 30.0  # by which the other side's tone is weaker

# Decibels of each tone on each side of what a video element plays; null while it plays nothing.
_LISTEN = """async ([left, right]) => {
    const stream = document.querySelector('video')?.srcObject;
    if (!stream?.getAudioTracks().length) return null;
    window.listening ??= new Map();
    if (!listening.has(stream)) {
        const context = window.context ??= new AudioContext();
        const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
        context.createMediaStreamSource(stream).connect(splitter);
        listening.set(stream, [0, 1].map((side) => {
            const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
            splitter.connect(analyser, side);
            return analyser;
        }));
    }
    return listening.get(stream).map((analyser) => {
        const bins = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(bins);
        const width = analyser.context.sampleRate / analyser.fftSize;
        return [left, right].map((tone) => {
            const at = Math.round(tone / width);
            return Math.max(-200, ...bins.slice(at - 2, at + 3));
        });
    });
}"""


def samples(seconds: float, begin: float = 0.0) -> Any:
    """Of both sides, side by side: 16 bits."""
    times = begin + numpy.arange(round(seconds * RATE)) / RATE
    sides = [9_000 * numpy.sin(2 * numpy.pi * tone * times) for tone in (LEFT, RIGHT)]
    return numpy.stack(sides, axis=1).astype(numpy.int16)


def write(path: Path, seconds: float) -> Path:
    """A WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples(seconds).tobytes())
    return path


class TwoTones(MediaStreamTrack):
    """The same as a track of aiortc, 20 ms at a time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._began_at = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        due = self._began_at + self._sent / RATE
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        sound = samples(0.02, self._sent / RATE)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
        frame.rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += len(sound)
        return frame


async def are_apart(page: Page | Frame, within: float) -> list[list[float]]:
    """Wait until each tone is heard on its own side of a page, and not on the other; the decibels."""
    latest: Any = None

    async def apart() -> Any:
        nonlocal latest
        latest = await page.evaluate(_LISTEN, [LEFT, RIGHT])
        return latest if latest and separated(latest) else None

    try:
        found: list[list[float]] = await eventually("a tone on each side", apart, within)
    except AssertionError as error:
        error.add_note(f"decibels by side and tone: {latest}")
        raise
    return found


def separated(sides: list[list[float]]) -> bool:
    """Whether each side has its own tone, and the other one far below; `sides` in decibels."""
    (left, stray_right), (stray_left, right) = sides
    return min(left, right) > HEARD_DB and min(left - stray_left, right - stray_right) >= APART_DB


def in_file(path: Path) -> list[list[float]]:
    """Decibels of each tone on each side of a recording, without its first and last half second."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        assert container.streams.audio[0].codec_context.layout.nb_channels == 2
        parts = [
            part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    sound = numpy.concatenate(parts, axis=1)[:, RATE // 2 : -RATE // 2]
    length = sound.shape[1] // PERIODS * PERIODS
    assert length >= RATE // 2, f"{path.name} is too short to tell"
    spectrum = abs(numpy.fft.rfft(sound[:, :length] * numpy.hanning(length)))
    # a full-scale tone is a quarter of the samples in its bin, under this window
    decibels = 20 * numpy.log10(spectrum / (length / 4) + 1e-10)
    return [[float(side[tone * length // RATE]) for tone in (LEFT, RIGHT)] for side in decibels]
