"""What a file holds, where its decoder would say something else."""

import io
import struct

import av
import pytest

from media.details.media_file import contents_of
from media.payload.vp9 import Vp9Depacketizer
from tests.support.rtp_source import encode_video


@pytest.mark.parametrize("with_pictures", [True, False])
def test_of_vp9s_spatial_layers_the_largest_is_told_and_shown(with_pictures: bool) -> None:
    """FFmpeg's decoder shows each of them, the smallest first; the header may have the size of any."""
    small, large = (bytes(encode_video("VP9", 1 / 30, size=size)[0]) for size in ((160, 90), (320, 180)))
    picture = Vp9Depacketizer().picture([b"\x2c\x00\x00" + small, b"\x2c\x02\x00" + large])  # layers 0 and 1
    assert picture is not None
    header = struct.pack("<4sHH4sHHIIQ", b"DKIF", 0, 32, b"VP90", 160, 90, 30, 1, 1)
    file = io.BytesIO(header + struct.pack("<IQ", len(picture.data), 0) + picture.data)
    contents = contents_of(file, "ivf", with_pictures=with_pictures)
    assert (contents.width, contents.height) == (320, 180)
    if not with_pictures:
        assert not contents.pictures
        return
    with av.open(io.BytesIO(contents.pictures[320]), format="jpeg_pipe") as jpeg:
        frame = next(jpeg.decode(video=0))
    assert (frame.width, frame.height) == (320, 180)
