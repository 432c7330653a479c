"""Frames in the files are as far apart as the publisher sent them, and FFmpeg has nothing to say about it."""

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from media.recording.limits import Limits
from tests.integration.recording.stage import Stage, by_suffix, new_writer
from tests.support.recorded import read
from tests.support.rtp_source import Sent, audio, video

SECONDS = 6.0
MARKS = (1.0, 2.0, 3.0, 4.0, 5.0)
TOLERANCE = 0.001
X264 = {"preset": "veryfast", "bf": "2", "b_strategy": "0"}
X265: dict[str, Any] = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3:b-adapt=0:keyint=30"}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "VP9": ("VP9", {}),
    "AV1 with hidden frames": ("AV1", {"preset": "12", "svtav1-params": "pred-struct=2"}),
    "H264 with B-frames": ("H264", {"b_frames": 2, **X264}),
    "H264 with B-frames, by decoding": ("H264", {"b_frames": 2, "decoding_times": True, **X264}),
    "H264 with one B-frame": ("H264", {"b_frames": 1, "preset": "veryfast", "x264-params": "b-pyramid=none"}),
    "H265": ("H265", {}),
    "H265 with B-frames": ("H265", X265 | {"b_frames": 3}),
    "H265 with B-frames, by decoding": ("H265", X265 | {"b_frames": 3, "decoding_times": True}),
}
RATES = {"30": Fraction(30), "50": Fraction(50), "60": Fraction(60), "film": Fraction(24_000, 1_001)}


@pytest.fixture(scope="module")
def sound() -> list[Sent]:
    return audio(SECONDS, beeps=MARKS)


def shown(path: Path) -> list[float]:
    """The times of a file's pictures, in order of showing."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [
            packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None
        ]
    return [float(time) for time in sorted(times)]


def assert_even(path: Path, rate: Fraction) -> None:
    steps = [b - a for a, b in pairwise(shown(path))]
    assert max(abs(step - float(1 / rate)) for step in steps) <= TOLERANCE + 1e-9


def assert_ffmpeg_says_nothing(path: Path) -> None:
    command = ["ffmpeg", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def record(folder: Path, codec: str, sound: list[Sent], pictures: list[Sent], late: float = 0.0) -> Path:
    """The file with both. `late`: what the picture takes longer on its way."""
    stage = Stage(new_writer(folder, "opus", codec, forms=["mux"]), 2)
    stage.play(sound, pictures, delays=(0.0, late))
    stage.writer.close(stage.now)
    [path] = (path for paths in by_suffix(folder).values() for path in paths)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_an_even_stream_is_even_in_its_file(kind: str, tmp_path: Path, sound: list[Sent]) -> None:
    codec, how = KINDS[kind]
    path = record(tmp_path, codec, sound, video(codec, SECONDS, flashes=MARKS, **how))
    assert_even(path, RATES["30"])
    assert_ffmpeg_says_nothing(path)
    both = read(path)
    assert both.frames == SECONDS * 30
    assert len(both.flashes) == len(both.beeps) == len(MARKS)
    assert both.worst_offset() < 0.04


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_ffmpeg_says_nothing_wherever_the_picture_begins(
    codec: str, rate: Fraction, tmp_path: Path, sound: list[Sent]
) -> None:
    """Also half a picture behind the sound, where it rounds to the one number or the other."""
    pictures = video(codec, 2.0, rate=rate, size=(64, 64))
    for number, part in enumerate((0.48, 0.49, 0.5, 0.51)):
        begin = sound[5].at + part / float(rate)
        late = [Sent(sent.at + begin, sent.data) for sent in pictures]
        path = record(tmp_path / str(number), codec, sound, late)
        assert_even(path, rate)
        assert_ffmpeg_says_nothing(path)


def test_parts_are_even_each_for_itself(tmp_path: Path, sound: list[Sent]) -> None:
    stage = Stage(new_writer(tmp_path, "opus", "VP8", forms=["mux"], limits=Limits(seconds=2.0)), 2)
    stage.play(sound, video("VP8", SECONDS))
    stage.writer.close(stage.now)
    parts = by_suffix(tmp_path)["webm"]
    assert len(parts) == 3
    for path in parts:
        assert_even(path, RATES["30"])
        assert_ffmpeg_says_nothing(path)
