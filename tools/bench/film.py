"""A real stream, for servers that decode what they relay: VP8 pictures, sent again and again."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import av
import numpy

from tests.support.rtp_source import ENCODERS, FRAMES_PER_SECOND, packetize

PICTURES = 60
SQUARE = 8  # pixels; so there are about 400 packets a second at 1280 x 720
CLOCK_RATE = 90_000
RTP_HEADER = 12
VIDEO_BITS = 2_400_000  # a second, which the encoder aims at


@dataclass(frozen=True, slots=True)
class Film:
    """Payloads of the pictures, the first of which is a keyframe. The time is stamped behind each picture:

    decoders end before it, where a partition of VP8 ends with the data (RFC 6386 9.5).
    """

    pictures: Sequence[Sequence[bytes]]
    codec: str = "VP8"
    rate: int = FRAMES_PER_SECOND
    stamps_all: ClassVar[bool] = False

    @classmethod
    def encoded(cls, size: tuple[int, int], codec: str = "VP8", square: int = SQUARE) -> "Film":
        """`square`: pixels of an edge of what its pictures are made of: large ones make small keyframes."""
        by_time = itertools.groupby(packetize(codec, _encode(size, codec, square)), key=lambda sent: sent.at)
        return cls([[sent.data[RTP_HEADER:] for sent in picture] for _, picture in by_time], codec)

    def stamps(self, number: int) -> bool:
        """Whether a picture bears the time: of other codecs keyframes do not, which decoders must read."""
        return self.codec == "VP8" or number % len(self.pictures) > 0

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        return self.pictures[number % len(self.pictures)]


def _encode(size: tuple[int, int], codec: str, square: int) -> list[Any]:
    """PyAV packets. Each picture is new throughout, in coarse squares, which keeps keyframes small."""
    width, height = size
    name, options = ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FRAMES_PER_SECOND), Fraction(1, CLOCK_RATE)
    if codec == "AV1":  # its low-delay mode knows constant quality only
        options = options | {"crf": "58"}
    else:
        encoder.bit_rate = VIDEO_BITS
    encoder.gop_size = PICTURES
    encoder.options = options
    chance = numpy.random.default_rng(1)
    packets = []
    for number in range(PICTURES):
        squares = chance.integers(0, 256, (-(-height // square), -(-width // square)), dtype=numpy.uint8)
        gray = squares.repeat(square, 0).repeat(square, 1)[:height, :width]
        frame = av.VideoFrame.from_ndarray(numpy.ascontiguousarray(gray), format="gray").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = number * CLOCK_RATE // FRAMES_PER_SECOND, Fraction(1, CLOCK_RATE)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)
