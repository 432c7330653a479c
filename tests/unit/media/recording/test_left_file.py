"""What a worker leaves that is killed: with media, or with a header alone."""

import shutil
from pathlib import Path

import pytest

from media.payload.picture import Setup
from media.recording.frame import Frame
from media.recording.left_file import has_media
from media.recording.mux_part import MuxPart, suffix_for
from media.recording.part_file import PartFile
from tests.support.published import video
from tests.support.rtp_source import encode_video


@pytest.mark.parametrize("names", [["VP8"], ["H264"], ["H265"], ["AV1"], ["VP8", "H264"]])
def test_a_file_of_all_tracks_has_media_once_a_second_has_passed(tmp_path: Path, names: list[str]) -> None:
    codecs = {number: video(name).codec for number, name in enumerate(names)}
    suffix = suffix_for(codecs)
    file = PartFile(tmp_path, lambda unix: f"demo_{unix}.{suffix}", 1)
    part = MuxPart(file, codecs, {number: Setup(320, 240) for number in codecs})
    left = tmp_path / f"demo_2.{suffix}"
    found = []
    for second in (0.0, 0.5, 2.0, 4.0):
        for number, name in enumerate(names):
            part.write(number, second, Frame(0, bytes(encode_video(name, 0.1)[0]), Setup(320, 240)))
        shutil.copy(file.path, left)
        found.append((left.stat().st_size > 0, has_media(left)))
    assert found[0] == found[1] == (True, False)
    assert found[-1] == (True, True)
    part.close()
    assert has_media(file.path)


@pytest.mark.parametrize(("content", "found"), [(b"", False), (b"DKIF", True)])
def test_a_file_of_a_single_track_has_media_if_it_is_not_empty(
    tmp_path: Path, content: bytes, found: bool
) -> None:
    (tmp_path / "demo_video0_1.ivf").write_bytes(content)
    assert has_media(tmp_path / "demo_video0_1.ivf") is found


def test_a_header_is_not_looked_through_for_ever(tmp_path: Path) -> None:
    (tmp_path / "demo_1.mp4").write_bytes(bytes(64 << 10))
    assert has_media(tmp_path / "demo_1.mp4")
