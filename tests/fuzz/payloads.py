"""What is inside packets: the payloads of each codec, for the switch and for recordings."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from media.payload import dependency_descriptor
from media.payload.av1 import has_hidden_frames
from media.payload.depacketizers import DEPACKETIZERS
from media.payload.h264 import has_b_frames
from media.payload.keyframes import picture_size, starts_keyframe
from media.payload.picture import DepacketizeError
from media.payload.picture_id import frame_number, picture_id, with_value
from media.recording.frame_reader import FrameReader
from media.recording.ogg_opus import OggOpus, packet_samples
from media.rtp.packet import RtpError, RtpPacket, parse
from media.rtp.red import RedError
from media.rtp.red import parse as parse_red
from media.tracks.temporal_layers import TemporalLayers
from tests.fuzz.target import Take, Target, parser, stateless
from tests.support.far_end import rtp
from tests.support.runs import run_of

SEEDS = {
    "VP8": [
        b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(30),
        b"\x90\xe0\x91\x23\x05\x40\x01" + bytes(20),
    ],
    "VP9": [b"\x8f\x81\x23\x10\x05\x1c\x01\x40\x00\xf0\x49\x83\x42" + bytes(20), b"\xa8\x12\x30" + bytes(20)],
    "AV1": [
        b"\x18\x0a\x0b\x00\x00\x00\x24\xc4\xff\xdf\x00\x68\x02\x32\x10" + bytes(20),
        b"\x50\x05\x32" + bytes(30),
    ],
    "H264": [
        b"\x78\x00\x0c\x67\x42\xc0\x1f\xd9\x00\xf0\x04"
        b"\x4f\xcb\x35\x40\x00\x04\x68\xcb\x83\xcb\x00\x05\x65\x88\x84\x00\x0f",
        b"\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x6a\x02\x02\x02"
        b"\x80\x00\x00\x03\x00\x80\x00\x00\x1e\x47\x8c\x18\xcb",
        b"\x7c\x85\x88\x84" + bytes(20),
        b"\x7c\x45" + bytes(20),
    ],
    "H265": [
        b"\x60\x01\x00\x06\x40\x01\x0c\x01\xff\xff\x00\x10"
        b"\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03",
        b"\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00"
        b"\x5d\xa0\x02\x80\x80\x2d\x16\x59\x59\xa4\x93",
        b"\x62\x01\x93" + bytes(20),
        b"\x62\x01\x53" + bytes(20),
    ],
}
# The first packet of a keyframe with three temporal layers and with two, and frames that follow.
DESCRIPTORS = [
    bytes.fromhex(value)
    for value in (
        "800001800214eaa860414d1410208427013f00ef",
        "800001800104eaac851450460404fc03bc",
        "830002",
        "8000071260",
    )
]
DESCRIPTOR_ID = 13
RED = [bytes.fromhex("ef0f00036f") + b"onetwo", bytes.fromhex("ef1e0002ef0f00036f") + b"abone", b"\x6fone"]
OPUS = [b"\xfc" + bytes(20), b"\xe3\x08" + bytes(20), b"\x03\xbf" + bytes(20), b"\x00"]


def _keyframes(codec: str, data: bytes) -> None:
    assert starts_keyframe(codec, data) in (True, False)
    assert has_hidden_frames(data) in (True, False)
    assert has_b_frames(data) in (True, False)
    size, found = picture_size(codec, data), picture_id(codec, data)
    assert size is None or all(0 <= side <= 0x10000 for side in size)
    assert found is None or with_value(data, found, found.value) == data


def _packet(payload: bytes, descriptor: bytes | None = None) -> RtpPacket:
    extensions = () if descriptor is None else ((DESCRIPTOR_ID, descriptor),)
    return RtpPacket(False, False, 96, 1, 2, 3, extensions, payload)


def _ask(layers: TemporalLayers, packet: RtpPacket) -> None:
    """All that is asked about a packet."""
    layer = layers.layer(packet)
    assert layer is None or 0 <= layer < 64
    assert layers.is_switch(packet) in (True, False)
    layers.learn(packet)
    assert 0 <= layers.top < 64


@contextmanager
def _temporal_layers() -> Iterator[Take]:
    tracks = [TemporalLayers(codec) for codec in (*SEEDS, "opus")]

    def take(data: bytes) -> None:
        for layers in tracks:
            _ask(layers, _packet(data))

    yield take


@contextmanager
def _descriptors() -> Iterator[Take]:
    """Behind each other, so that a frame meets the structure of another one."""
    tracks = {codec: TemporalLayers(codec, DESCRIPTOR_ID) for codec in SEEDS}

    def take(data: bytes) -> None:
        for codec, layers in tracks.items():
            _ask(layers, _packet(SEEDS[codec][0], data))
        found = frame_number(data)
        assert found is None or with_value(data, found, found.value) == data
        if dependency_descriptor.has_structure(data):
            with suppress(DepacketizeError):
                known = dependency_descriptor.structure(data)
                assert len(known.templates) <= 64
                assert known.targets <= 32

    yield take


def _frames(codec: str) -> Callable[[], AbstractContextManager[Take]]:
    """A recording's reader, with packets in nearly the right order."""

    @contextmanager
    def begin() -> Iterator[Take]:
        reader = FrameReader(codec, 90_000)
        number = 0

        def take(data: bytes) -> None:
            nonlocal number
            number += 1 + (len(data) % 61 == 0)
            timestamp = number // 3 * 3000
            packet = rtp(number, data, timestamp=timestamp, marker=number % 3 == 2)
            try:
                parsed = parse(packet)
            except RtpError:
                return
            for frame in reader.push(run_of(parsed, first=number), number / 90):
                assert len(frame.data) < 1_000_000

        yield take

    return begin


@contextmanager
def _opus() -> Iterator[Take]:
    stream = OggOpus(1)
    timestamp = 0

    def take(data: bytes) -> None:
        nonlocal timestamp
        timestamp += packet_samples(data) + 10 * len(data)
        assert 0 <= packet_samples(data) <= 5760
        assert len(stream.packet(timestamp, data)) < 1_000_000

    yield take


def _red(data: bytes) -> None:
    red = parse_red(data, 111)
    assert sum(len(each.payload) for each in red.earlier) + len(red.primary) < len(data)


def targets() -> list[Target]:
    return [
        *(
            stateless(f"{codec}: keyframes", seeds, partial(_keyframes, codec))
            for codec, seeds in SEEDS.items()
        ),
        Target("temporal layers", [seed for seeds in SEEDS.values() for seed in seeds], _temporal_layers),
        Target("dependency descriptors", DESCRIPTORS, _descriptors),
        *(Target(f"{codec}: frames of a recording", SEEDS[codec], _frames(codec)) for codec in DEPACKETIZERS),
        Target("Opus: pages of a recording", OPUS, _opus),
        parser("redundant sound", RED, _red, RedError),
    ]
