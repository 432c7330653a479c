"""A real stream, for servers that decode what they relay: VP8 pictures, sent again and again."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import av
import numpy

from tests.support.rtp_source import FRAMES_PER_SECOND, packetize

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
    rate: int = FRAMES_PER_SECOND
    stamps_all: ClassVar[bool] = False

    @classmethod
    def encoded(cls, size: tuple[int, int]) -> "Film":
        by_time = itertools.groupby(packetize("VP8", _encode(size)), key=lambda sent: sent.at)
        return cls([[sent.data[RTP_HEADER:] for sent in picture] for _, picture in by_time])

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        return self.pictures[number % len(self.pictures)]


def _encode(size: tuple[int, int]) -> list[Any]:
    """PyAV packets. Each picture is new throughout, in coarse squares, which keeps keyframes small."""
    width, height = size
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FRAMES_PER_SECOND), Fraction(1, CLOCK_RATE)
    encoder.bit_rate = VIDEO_BITS
    encoder.gop_size = PICTURES
    encoder.options = {"deadline": "realtime", "cpu-used": "8"}
    chance = numpy.random.default_rng(1)
    packets = []
    for number in range(PICTURES):
        squares = chance.integers(0, 256, (-(-height // SQUARE), -(-width // SQUARE)), dtype=numpy.uint8)
        gray = squares.repeat(SQUARE, 0).repeat(SQUARE, 1)[:height, :width]
        frame = av.VideoFrame.from_ndarray(numpy.ascontiguousarray(gray), format="gray").reformat(
            format="yuv420p"
        )
        frame.pts, frame.time_base = number * CLOCK_RATE // FRAMES_PER_SECOND, Fraction(1, CLOCK_RATE)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)
