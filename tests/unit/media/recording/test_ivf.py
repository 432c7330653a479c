"""IVF as FFmpeg reads it, to the letter."""

from media.recording import ivf


def test_the_length_is_in_ticks_of_32_bits_which_wrap() -> None:
    assert [ivf.length(ticks).hex() for ticks in (1, 0xFFFFFFFF, 0x1_0000_0003)] == [
        "01000000",
        "ffffffff",
        "03000000",
    ]


def test_a_header_has_its_length_at_the_place_that_is_named() -> None:
    head = ivf.header("VP9", 640, 360, 90_000)
    assert head[:12] == b"DKIF\0\0 \0VP90"
    assert len(head) == 32
    assert head[12:20].hex() == "80026801905f0100"
    assert head[ivf.LENGTH_OFFSET :] == bytes(8)


def test_a_frame_has_its_size_and_its_time() -> None:
    assert ivf.frame(0x1_0000_0001, b"abc").hex() == "03000000" + "0100000001000000" + "616263"
