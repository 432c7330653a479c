"""Ogg Opus: FFmpeg as an independent reader, the page format to the letter, and gaps."""

import io
import struct
from typing import Any

import av
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.recording.ogg_opus import MAX_GAP_SAMPLES, OggOpus, checksum, packet_samples, silence
from tests.support.rtp_source import encode_audio


def pages(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """(flags, position, sequence, body) of each page, checked for its checksum."""
    found = []
    while data:
        magic, version, flags, position, _, sequence, crc, count = struct.unpack_from("<4sBBqIIIB", data)
        assert (magic, version) == (b"OggS", 0)
        size = 27 + count + sum(data[27 : 27 + count])
        assert checksum(data[:22] + b"\0\0\0\0" + data[26:size]) == crc
        found.append((flags, position, sequence, data[27 + count : size]))
        data = data[size:]
    return found


def stream(packets: list[tuple[int, bytes]]) -> bytes:
    ogg = OggOpus(7)
    return b"".join([ogg.head(), *(ogg.packet(at, data) for at, data in packets), ogg.flush(last=True)])


def opus(seconds: float) -> list[tuple[int, bytes]]:
    return [(1_000_000 + 960 * number, bytes(p)) for number, p in enumerate(encode_audio(seconds))]


def duration(data: bytes) -> float:
    """In seconds, of what FFmpeg decodes."""
    with av.open(io.BytesIO(data), options={"err_detect": "explode"}) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        return sum(frame.samples for frame in container.decode(audio=0)) / 48_000


def test_ffmpeg_reads_all_of_it() -> None:
    packets = opus(3.0)
    assert duration(stream(packets)) == pytest.approx(len(packets) * 0.02)


def test_pages_are_numbered_and_the_first_and_last_say_so() -> None:
    found = pages(stream(opus(3.0)))
    assert [sequence for _, _, sequence, _ in found] == list(range(len(found)))
    assert [flags for flags, *_ in found] == [2] + [0] * (len(found) - 2) + [4]
    # RFC 7845 5.1, 5.2: version 1, two channels, nothing skipped, 48 kHz, no gain; no comments
    assert found[0][3] == b"OpusHead\1\2\0\0" + (48_000).to_bytes(4, "little") + bytes(3)
    assert found[1][3].startswith(b"OpusTags")
    assert found[1][3].endswith(bytes(4))
    assert [position for _, position, *_ in found[:2]] == [0, 0]


def test_at_most_half_a_second_is_held_back() -> None:
    ogg = OggOpus(1)
    written = 0
    for number, (at, data) in enumerate(opus(3.0)):
        if page := ogg.packet(at, data):
            written = pages(page)[-1][1]
        assert 960 * (number + 1) - written < 24_000 or 960 * (number + 1) - written == 0


@pytest.mark.parametrize("config", range(32))
def test_a_gap_is_filled_in_frames_of_any_size(config: int) -> None:
    """SILK, hybrid and CELT, from 2.5 to 60 ms: FFmpeg decodes the silence to its length."""
    packet = bytes((config << 3,))
    each = packet_samples(packet)
    missing = 7 * 48_000 // each * each
    data = stream([(0, packet), (each + missing, packet)])
    assert pages(data)[-1][1] == missing + 2 * each
    assert duration(data) == pytest.approx((missing + 2 * each) / 48_000, abs=0.02)


def test_a_long_gap_is_silent_whatever_was_before() -> None:
    """The decoder of browsers conceals a loss with noise, for ever: as loud as what was quietest before."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    decoder: Any = av.CodecContext.create("libopus", "r")
    for codec in (encoder, decoder):
        codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "s16"
    wave = (8_000 * numpy.sin(numpy.arange(48_000) / 20)).astype(numpy.int16)
    sound = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
    sound.sample_rate = 48_000
    tone = [bytes(packet) for packet in [*encoder.encode(sound), *encoder.encode(None)]]
    filled = [packet for packet, _ in silence(tone[-1], 10 * 48_000)]
    heard = [
        max(abs(frame.to_ndarray()).max() for frame in decoder.decode(av.Packet(packet)))
        for packet in [*tone, *filled]
    ]
    assert max(heard[: len(tone)]) > 4_000
    assert max(heard[-60:]) == 0


@pytest.mark.parametrize("config", [3, 13, 31])
def test_the_rest_of_a_gap_is_filled_in_shorter_frames(config: int) -> None:
    """SILK of 60 ms, hybrid and CELT of 20 ms: after a takeover a gap is of any length."""
    packet = bytes((config << 3,))
    each = packet_samples(packet)
    data = stream([(0, packet), (each + 7 * each + 480, packet)])
    assert pages(data)[-1][1] == 9 * each + 480
    assert duration(data) == pytest.approx((9 * each + 480) / 48_000, abs=0.01)


def test_the_longest_gap_costs_as_much_as_a_second_of_sound() -> None:
    """Once, 21 bytes with frames of 2.5 ms became half a megabyte."""
    ogg = OggOpus(1)
    short = b"\xe0" + bytes(20)
    ogg.packet(0, short)
    assert len(ogg.packet(MAX_GAP_SAMPLES, short)) < 20_000


def test_a_longer_gap_is_left_out() -> None:
    sound, each = b"\xfc" + bytes(20), 960
    for gap, filled in ((MAX_GAP_SAMPLES, MAX_GAP_SAMPLES), (MAX_GAP_SAMPLES + 1, 0)):
        data = stream([(5, sound), (5 + each + gap, sound), (5 + 2 * each + gap, sound)])
        assert pages(data)[-1][1] == 3 * each + filled


def test_a_page_ends_with_half_a_second_or_with_its_segments() -> None:
    ogg = OggOpus(1)
    sound = b"\xfc" + bytes(20)  # 20 ms
    ended = [bool(ogg.packet(960 * number, sound)) for number in range(50)]
    assert [number for number, ends in enumerate(ended) if ends] == [24, 49]
    ogg = OggOpus(1)
    short = b"\xe0" + bytes(254)  # 2.5 ms, in two segments
    found = [page for number in range(199) if (page := ogg.packet(120 * number, short))]
    assert [page[26] for page in found] == [254]
    assert pages(found[0])[0][1] == 127 * 120


def test_packets_may_be_large() -> None:
    packets = [(960 * number, b"\xfc" + bytes(1274)) for number in range(200)]  # 510 kbit/s
    bodies = [body for _, _, _, body in pages(stream(packets))[2:]]
    assert sum(map(len, bodies)) == 200 * 1275


def test_lengths_of_packets() -> None:
    for packet, samples in (
        (b"\xfc", 960),  # CELT, 20 ms
        (b"\x78\0", 960),  # hybrid, 20 ms
        (b"\x18\0", 2880),  # SILK, 60 ms
        (b"\xfd\0", 1920),  # two frames
        (b"\xff\x03", 2880),  # three, by their count
        (b"\xe3\xb0", 5760),  # 48 of 2.5 ms; the bits before the count say other things
        (b"\xff", 0),
        (b"\xff\x3f", 0),  # beyond 120 ms
        (b"", 0),
    ):
        assert packet_samples(packet) == samples, packet


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.binary(max_size=600)), max_size=8))
def test_any_packets_make_whole_pages(packets: list[tuple[int, bytes]]) -> None:
    near = [(at % 480_000, data) for at, data in packets]
    pages(stream(near))
