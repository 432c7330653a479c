"""A picture in layers is recorded as its best one; while that is away, as the best that comes."""

from pathlib import Path

import pytest

from media.recording.layered_reader import SILENT_SECONDS
from tests.integration.recording.stage import Stage, by_suffix, new_writer
from tests.support.recorded import Recorded, read
from tests.support.rtp_source import Sent, audio, video

SECONDS, STOPS, RETURNS = 10.0, 3.0, 7.0
MARKS = tuple(number + 0.5 for number in range(round(SECONDS)))
BEST, POOR = (320, 240), (160, 120)
IN_ONE_FILE = ("VP8", "VP9")
CODECS = (*IN_ONE_FILE, "AV1", "H264")


def following(first: list[Sent], then: list[Sent]) -> list[Sent]:
    """Both as one stream of a browser's: it numbers on without a gap, and its clock does not stand still."""
    sequence = int.from_bytes(first[-1].data[2:4])
    base = int.from_bytes(first[0].data[4:8])
    moved = []
    for number, sent in enumerate(then, 1):
        timestamp = base + round((sent.at - first[0].at) * 90_000) & 0xFFFFFFFF
        data = (
            sent.data[:2] + (sequence + number & 0xFFFF).to_bytes(2) + timestamp.to_bytes(4) + sent.data[8:]
        )
        moved.append(Sent(sent.at, data))
    return [*first, *moved]


def recorded(folder: Path, codec: str, best: list[Sent]) -> list[Recorded]:
    """What is in the files with sound and picture, part by part, and in those of the picture alone."""
    stage = Stage(new_writer(folder, "opus", codec, codec, layers={2: 1}), 3)
    poor = video(codec, SECONDS, flashes=MARKS, size=POOR, keyframe_every=0.5)
    stage.play(audio(SECONDS, beeps=MARKS), best, poor, delays=(0.0, 0.03, 0.01))
    stage.writer.close(stage.now)
    files = by_suffix(folder)
    whole = files.get("webm") or files["mp4"]
    [alone] = files.get("ivf") or files["h264"]
    return [read(alone), *map(read, whole)]


def sizes_of(parts: list[Recorded]) -> list[tuple[int, int]]:
    return [size for part in parts for size in part.sizes]


@pytest.mark.parametrize("codec", CODECS)
def test_a_best_layer_that_stops_and_returns_leaves_whole_files(codec: str, tmp_path: Path) -> None:
    before = video(codec, STOPS, flashes=MARKS)
    after = video(codec, SECONDS - RETURNS, flashes=MARKS, begin=RETURNS)
    alone, *parts = recorded(tmp_path, codec, following(before, after))
    assert alone.sizes == sizes_of(parts) == [BEST, POOR, BEST]
    assert len(parts) == (1 if codec in IN_ONE_FILE else 3)
    # until the silence is noticed and a keyframe of the other layer comes, nothing can be shown
    missing = SILENT_SECONDS + 0.6
    assert alone.frames == sum(part.frames for part in parts) >= (SECONDS - missing) * 30
    assert sum(part.seconds for part in parts) == pytest.approx(SECONDS, abs=0.3)
    assert max(part.longest_gap for part in parts) < missing
    flashes = sum(len(part.flashes) for part in parts)
    assert flashes >= len(MARKS) - missing
    assert all(part.worst_offset() < 0.05 for part in parts)
