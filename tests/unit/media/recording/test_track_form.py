"""The bytes of one track's file: what stands at its beginning, and what at its end."""

import struct

from media.payload.nal_units import START_CODE
from media.payload.picture import Setup
from media.recording.frame import Frame
from media.recording.track_form import track_form

OPUS = bytes((0x78, 1, 2))  # 20 ms


def test_an_ivf_counts_from_its_first_picture_and_its_times_only_grow() -> None:
    form = track_form("VP8", 90_000)
    first = form.frame(Frame(5_000, b"key", Setup(320, 240)))
    assert first[:32] == b"DKIF\0\0 \0VP80" + struct.pack("<HHIIII", 320, 240, 90_000, 1, 0, 0)
    assert first[32:] == struct.pack("<IQ", 3, 0) + b"key"
    for timestamp, written in ((8_000, 3_000), (8_000, 3_001), (7_000, 3_002), (14_000, 9_000)):
        assert form.frame(Frame(timestamp, b"ab")) == struct.pack("<IQ", 2, written) + b"ab"
    late = 5_000 + 0x1_0000_0001  # after 13 hours
    assert form.frame(Frame(late, b"abc")).hex() == "03000000" + "0100000001000000" + "616263"
    assert (form.flush(), form.end()) == (b"", b"")


def test_an_ivf_is_as_long_as_its_last_picture_stands() -> None:
    """As long as one picture does on average; of one alone nothing is known."""
    form = track_form("VP9", 90_000)
    form.frame(Frame(0, b"", Setup(320, 240)))
    assert form.patch() == (24, struct.pack("<I", 0))
    form.frame(Frame(3_000, b""))
    assert form.patch() == (24, struct.pack("<I", 6_000))
    form.frame(Frame(4_000, b""))
    assert form.patch() == (24, struct.pack("<I", 6_000))
    form.frame(Frame(0xFFFFFFFF, b""))
    assert form.patch() == (24, struct.pack("<I", 0xFFFFFFFF // 3 - 1))  # 32 bits, which wrap


def flags_of(pages: bytes) -> list[int]:
    return [pages[at + 5] for at in range(len(pages)) if pages.startswith(b"OggS", at)]


def test_an_ogg_has_its_head_once_and_says_which_page_is_the_last() -> None:
    form = track_form("opus", 48_000)
    assert flags_of(form.frame(Frame(0, OPUS))) == [2, 0]
    assert form.frame(Frame(960, OPUS)) == b""
    assert flags_of(form.flush()) == [0]
    assert form.flush() == b""
    assert flags_of(form.end()) == [4]
    assert form.patch() is None


def test_a_byte_stream_is_its_frames() -> None:
    form = track_form("H264", 90_000)
    frame = START_CODE + b"\x65"
    assert form.frame(Frame(0, frame, Setup(320, 240))) == frame
    assert (form.flush(), form.end(), form.patch()) == (b"", b"", None)
