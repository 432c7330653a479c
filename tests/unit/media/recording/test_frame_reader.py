"""Frames out of RTP, each codec against FFmpeg from encoder to decoder; loss, disorder, hostility."""

import io
import random
from itertools import pairwise
from typing import Any

import av
import pytest
from msgspec.structs import replace

from media.payload.depacketizers import DEPACKETIZERS
from media.payload.nal_units import MAX_SETS_BYTES
from media.recording.frame import Frame, Wall
from media.recording.frame_reader import MAX_FRAME_PACKETS, FrameReader
from media.recording.reorder import MAX_WAITING, WAIT_SECONDS
from media.rtp.packet import RtpPacket
from media.rtp.run import Run
from media.tracks.source_report import SourceReport
from tests.support.rtp_source import CLOCK_RATES, ENCODERS, Numbering, Sent, audio, encode_video, video
from tests.support.runs import renumbered, run_of

CODECS = tuple(DEPACKETIZERS)
DECODERS = {"VP8": "vp8", "VP9": "vp9", "AV1": "libdav1d", "H264": "h264", "H265": "hevc"}
SIZE = (322, 182)  # not whole blocks: what is cropped away must not count
SECONDS = 2.0
FRAMES = 60


@pytest.fixture(scope="module")
def streams() -> dict[str, list[Sent]]:
    return {codec: video(codec, SECONDS, size=SIZE, keyframe_every=0.5) for codec in CODECS}


def read(codec: str, packets: list[Run]) -> list[Frame]:
    """All frames of packets that come one by one, 1 ms apart."""
    reader = FrameReader(codec, CLOCK_RATES.get(codec, 90_000))
    frames = [f for number, packet in enumerate(packets) for f in reader.push(packet, number / 1000)]
    return frames + reader.close(len(packets) / 1000)


def numbered(sent: list[Sent]) -> list[Run]:
    numbering = Numbering(0)
    return [numbering.run(one.data) for one in sent]


def decode(codec: str, frames: list[Frame]) -> list[av.VideoFrame]:
    decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
    decoder.options = {"err_detect": "explode"}
    pictures = []
    for frame in frames:
        pictures += decoder.decode(av.Packet(frame.data))
    return pictures + decoder.decode(None)


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_is_read_and_decodes(codec: str, streams: dict[str, list[Sent]]) -> None:
    frames = read(codec, numbered(streams[codec]))
    assert len(frames) == FRAMES
    keyframes = [number for number, frame in enumerate(frames) if frame.keyframe]
    assert keyframes == [0, 15, 30, 45]
    assert {frame.setup[:2] for frame in frames if frame.setup} == {SIZE}
    assert {b.timestamp - a.timestamp for a, b in pairwise(frames)} == {3000}
    pictures = decode(codec, frames)
    assert len(pictures) == FRAMES
    assert {(picture.width, picture.height) for picture in pictures} == {SIZE}


@pytest.mark.parametrize("codec", CODECS)
def test_disorder_within_the_wait_changes_nothing(codec: str, streams: dict[str, list[Sent]]) -> None:
    packets = numbered(streams[codec])
    chance = random.Random(1)
    shuffled = [
        packet for _, packet in sorted(enumerate(packets), key=lambda item: item[0] + 8 * chance.random())
    ]
    first = packets[0]
    shuffled.remove(first)  # the very first to arrive is where a recording begins
    doubled = [packet for packet in shuffled for _ in range(1 + (chance.random() < 0.2))]
    assert read(codec, [first, *doubled]) == read(codec, packets)


@pytest.mark.parametrize("codec", CODECS)
def test_after_loss_all_up_to_the_next_keyframe_is_left_out(
    codec: str, streams: dict[str, list[Sent]]
) -> None:
    packets = numbered(streams[codec])
    whole = read(codec, packets)
    lost = next(
        number for number, packet in enumerate(packets) if packet.timestamps()[0] >= whole[20].timestamp
    )
    reader = FrameReader(codec, 90_000)
    frames: list[Frame] = []
    wanted = []
    now = 0.0
    for number, packet in enumerate(packets):
        now += 0.01
        if number != lost:
            frames += reader.push(packet, now)
            wanted.append(reader.wants_keyframe)
        if number == lost + 1:
            now += WAIT_SECONDS
    assert frames == whole[:20] + whole[30:]
    assert any(wanted[lost:])
    assert not reader.wants_keyframe
    assert len(decode(codec, frames)) == len(frames)


@pytest.mark.parametrize("codec", CODECS)
def test_what_begins_in_the_middle_begins_with_a_keyframe(codec: str, streams: dict[str, list[Sent]]) -> None:
    packets = numbered(streams[codec])
    whole = read(codec, packets)
    middle = next(
        number for number, packet in enumerate(packets) if packet.timestamps()[0] >= whole[5].timestamp
    )
    assert read(codec, packets[middle:]) == whole[15:]


def test_a_resolution_change_is_seen_at_the_keyframe() -> None:
    for codec in CODECS:
        large = Numbering(0)
        small = Numbering(0, index=100 + len(video(codec, 1.0)))
        packets = [large.run(sent.data) for sent in video(codec, 1.0)]
        packets += [small.run(sent.data) for sent in video(codec, 1.0, size=(160, 120), begin=1.0)]
        setups = [frame.setup for frame in read(codec, packets) if frame.setup]
        assert [setup[:2] for setup in setups] == [(320, 240), (160, 120)]
        assert codec in ("VP8", "VP9") or setups[0].parameters != setups[1].parameters


def test_parameter_sets_sent_once_stand_before_every_keyframe() -> None:
    for codec, kinds in (("H264", (7, 8)), ("H265", (32, 33, 34))):
        packets = numbered(video(codec, 2.0, keyframe_every=0.5))
        first = packets[0].timestamps()
        shift = 1 if codec == "H265" else 0
        mask = 0x3F if codec == "H265" else 0x1F
        bare = [
            packet
            for packet in packets
            if packet.timestamps() == first or (packet.payloads()[0][0] >> shift & mask) not in kinds
        ]
        successive = [renumbered(packet, 100 + number) for number, packet in enumerate(bare)]
        frames = [frame for frame in read(codec, successive) if frame.keyframe]
        assert frames
        for frame in frames:
            units = frame.data.split(bytes((0, 0, 0, 1)))[1:]
            assert {unit[0] >> shift & mask for unit in units} >= {*kinds}


@pytest.mark.parametrize("lost", [True, False])
def test_a_keyframe_whose_first_slice_is_lost_is_none(lost: bool) -> None:
    """Its other slices look like one, where the parameter sets have come earlier."""
    packets = numbered(video("H264", 1.0, keyframe_every=2.0))
    index, timestamp = packets[-1].first + 1, packets[-1].timestamps()[0] + 3000
    slices = [
        run_of(RtpPacket(False, last, 96, 0, timestamp, 1, (), b"\x65" + bytes(30)), first=index + last)
        for last in (False, True)
    ]
    frames = read("H264", packets + slices[lost:])
    keyframes = [number for number, frame in enumerate(frames) if frame.keyframe]
    assert keyframes == ([0] if lost else [0, 30])


def test_audio_packets_are_frames_and_timestamps_go_on_beyond_32_bits() -> None:
    packets = numbered(audio(1.0))
    shift = 0x1_0000_0000 - packets[10].timestamps()[0]  # wraps at the eleventh
    shifted = [renumbered(packet, more=shift) for packet in packets]
    frames = read("opus", shifted)
    assert [frame.data for frame in frames] == [packet.payloads()[0] for packet in packets]
    assert {b.timestamp - a.timestamp for a, b in pairwise(frames)} == {960}
    assert frames[10].timestamp == 0x1_0000_0000


def test_frames_have_the_publishers_time_by_the_reports_of_their_own_source() -> None:
    """Sound that jumps by an hour goes on as another source: reports from before say nothing of it."""
    packets = numbered(audio(1.0))
    shift = 3_600 * 48_000
    jumped = [renumbered(one, more=shift if number >= 25 else 0) for number, one in enumerate(packets)]
    reader = FrameReader("opus", 48_000)
    frames = []
    for number, packet in enumerate(jumped):
        if number in (10, 40):
            reader.report(SourceReport(1, 4_000.0 + number / 50, packet.timestamps()[0], packet.shift))
        frames += reader.push(packet, number / 50)
    assert {b.timestamp - a.timestamp for a, b in pairwise(frames)} == {960}
    assert len({frame.source for frame in frames[:25]}) == len({frame.source for frame in frames[25:]}) == 1
    assert frames[24].source != frames[25].source
    for number, frame in enumerate(frames):
        known = 10 <= number < 25 or number >= 40
        assert frame.wall == (Wall(1, pytest.approx(4_000.0 + number / 50)) if known else None)  # type: ignore[arg-type]


def test_reports_of_another_source_say_nothing_of_a_frame() -> None:
    [packet, *_] = numbered(audio(0.1))
    reader = FrameReader("opus", 48_000)
    reader.report(SourceReport(1, 4_000.0, packet.timestamps()[0], 5))
    [frame] = reader.push(packet, 0.0)
    assert frame.wall is None


def test_padding_is_no_content() -> None:
    packets = numbered(video("VP8", 1.0))
    padded = []
    for number, packet in enumerate(packets):
        body = packet.packet(0)
        filled = replace(body, payload=body.payload + b"\0\0\3", padding=True)
        probe = replace(body, payload=b"\0" * 9 + b"\x0a", padding=True, marker=False)
        padded.append(run_of(filled, first=100 + 2 * number))
        padded.append(run_of(probe, first=101 + 2 * number))
    assert read("VP8", padded) == read("VP8", packets)


def packet_at(index: int, timestamp: int, payload: bytes, *, marker: bool) -> Run:
    return run_of(RtpPacket(False, marker, 96, index & 0xFFFF, timestamp, 1, (), payload), first=index)


def test_nothing_grows_without_bound() -> None:
    reader = FrameReader("VP8", 90_000)
    for number in range(3 * MAX_FRAME_PACKETS):  # a frame that never ends
        assert not reader.push(packet_at(number, 1, b"\x10\0\0", marker=False), 0.0)
    assert len(reader._partial) <= MAX_FRAME_PACKETS
    reader = FrameReader("VP8", 90_000)
    for number in range(3 * MAX_WAITING):  # every other packet is missing
        reader.push(packet_at(2 * number, number, b"\x10\0\0", marker=True), 0.0)
    assert len(reader._reorder._waiting) <= MAX_WAITING + 1


@pytest.mark.parametrize(
    ("codec", "parts", "keyframe"),
    [
        # fragments of a picture parameter set: FU-A (RFC 6184 5.8), FU (RFC 7798 4.4.3)
        ("H264", (b"\x7c\x88", b"\x7c\x08", b"\x7c\x48"), b"\x65\x88"),
        ("H265", (b"\x62\x01\xa2", b"\x62\x01\x22", b"\x62\x01\x62"), b"\x26\x01\xaf"),
    ],
)
def test_parameter_sets_make_no_large_files_of_small_keyframes(
    codec: str, parts: tuple[bytes, bytes, bytes], keyframe: bytes, streams: dict[str, list[Sent]]
) -> None:
    """They were put before each keyframe whatever their size: megabytes for each packet of a few bytes."""
    packets = numbered(streams[codec])
    packets = [packet for packet in packets if packet.timestamps() == packets[0].timestamps()]
    index, timestamp = packets[-1].first + 1, packets[0].timestamps()[0]
    bodies = [head + b"\xff" * 1_100 for head in (parts[0], *[parts[1]] * 50, parts[2])]
    for body in bodies:
        packets.append(packet_at(index, timestamp + 3_000, body, marker=body is bodies[-1]))
        index += 1
    for number in range(100):
        packets.append(packet_at(index + number, timestamp + 6_000 + number, keyframe, marker=True))
    taken = sum(packet.octets for packet in packets)
    assert sum(len(frame.data) for frame in read(codec, packets)) < taken + 100 * 2 * MAX_SETS_BYTES


def test_spatial_layers_of_vp9_become_one_superframe() -> None:
    """Two layers of one picture, each a frame of its own, as a decoder wants them (annex B)."""
    [packet] = encode_video("VP9", 1 / 30)
    frame = bytes(packet)
    lower = packet_at(1, 1, b"\x2c\x00\x00" + frame, marker=False)  # L, B, E; layer 0
    upper = packet_at(2, 1, b"\x2c\x02\x00" + frame, marker=True)  # layer 1
    [picture] = read("VP9", [lower, upper])
    assert picture.keyframe
    split = av.BitStreamFilterContext("vp9_superframe_split", _vp9_stream())
    parts = split.filter(av.Packet(picture.data)) + split.filter(None)
    assert [bytes(part) for part in parts] == [frame, frame]


def test_layers_that_are_predicted_from_the_first_tell_their_size_in_the_descriptor() -> None:
    """As in L2T1_KEY: the keyframe of the whole picture is one of its lowest layer."""
    key, *_, between = (bytes(packet) for packet in encode_video("VP9", 3 / 30))
    structure = b"\x30" + b"".join(number.to_bytes(2) for number in (320, 240, 640, 480))
    lower = packet_at(1, 1, b"\x2e\x00\x00" + structure + key, marker=False)  # L, B, E, V; layer 0
    upper = packet_at(2, 1, b"\x2c\x02\x00" + between, marker=True)
    [picture] = read("VP9", [lower, upper])
    assert picture.setup == (640, 480, b"")


def _vp9_stream() -> Any:
    return av.open(io.BytesIO(), "w", format="ivf").add_stream(ENCODERS["VP9"][0], rate=30)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [2, 7, 64])
def test_a_run_is_read_as_its_packets_are(codec: str, size: int, streams: dict[str, list[Sent]]) -> None:
    packets = [packet.packet(0) for packet in numbered(streams[codec])]
    starts = range(0, len(packets), size)
    reader = FrameReader(codec, 90_000)
    runs = [run_of(*packets[at : at + size], first=100 + at) for at in starts]
    frames = [frame for run in runs for frame in reader.push(run, 1.0)] + reader.close(1.0)
    assert frames == read(codec, numbered(streams[codec]))
