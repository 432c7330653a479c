"""The CPU cost of recording: a stream of 2.5 Mbit/s in both formats, handed over as the worker does it.

`python -m tools.bench.recording`. The stream is real (FFmpeg encodes and packetizes it), played in real time.
The CPU time of the process is measured with and without the recording: the difference is the cost.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from media.recording.recorder import Recorder
from media.recording.recording import Recording
from media.rtp.run import Run
from media.worker.ticker import TICK_SECONDS
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.integration.recording.stage import room_tracks
from tests.support.rtp_source import Numbering, audio, encode_video, merged, packetize

VIDEO_BITS = 2_436_000  # and 64 kbit/s of sound
BUDGET = 0.05  # of a core


def stream(codec: str, seconds: float) -> list[tuple[float, list[Run]]]:
    """(when, burst); a burst is what is due within 5 ms."""
    pictures = packetize(
        codec, encode_video(codec, seconds, size=(1280, 720), keyframe_every=4.0, noise_bits=VIDEO_BITS)
    )
    sound = audio(seconds)
    numberings = [Numbering(0), Numbering(1)]
    bursts: dict[int, list[Run]] = {}
    for track, sent in merged(sound, pictures):
        bursts.setdefault(int(sent.at * 200), []).append(numberings[track].run(sent.data))
    return [(number / 200, burst) for number, burst in sorted(bursts.items())]


async def play(bursts: list[tuple[float, list[Run]]], recording: Recording | None) -> float:
    """Play in real time; returns how much of a core the process used."""
    began, used = time.monotonic(), time.process_time()
    next_tick = 0.0
    for at, burst in bursts:
        await asyncio.sleep(max(0.0, began + at - time.monotonic()))
        if recording is not None:
            for run in burst:
                recording.take(run)
            if at >= next_tick:
                next_tick += TICK_SECONDS
                recording.tick(time.monotonic())
    return (time.process_time() - used) / (time.monotonic() - began)


async def measure(codec: str, seconds: float) -> None:
    bursts = stream(codec, seconds)
    size = sum(run.octets + 12 for _, burst in bursts for run in burst)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(load_settings(record_enabled=True, record_dir=folder))
        without = await play(bursts, None)
        recording = recorder.open(
            RoomName("bench"),
            room_tracks("opus", codec),
            reported=lambda track: None,
            want_keyframe=lambda track: None,
            warn=print,
        )
        cost = await play(bursts, recording) - without
        recording.close()
        await recording.complete
        written = sum(path.stat().st_size for path in Path(folder).iterdir())
    verdict = "within" if cost < BUDGET else "OVER"
    packets = sum(len(burst) for _, burst in bursts)
    print(
        f"{codec:5} {size * 8 / seconds / 1e6:.2f} Mbit/s, {packets / seconds:.0f} packets/s,"
        f" {written / 1e6:.1f} MB written: {cost:.2%} of a core, {verdict} the {BUDGET:.0%} allowed"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.recording", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--codecs", nargs="+", default=["VP8", "VP9", "H264"])
    arguments = parser.parse_args()
    for codec in arguments.codecs:
        asyncio.run(measure(codec, arguments.seconds))


if __name__ == "__main__":
    main()
