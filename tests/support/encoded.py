"""Small real video streams, encoded and packetized by FFmpeg."""

from dataclasses import dataclass

import av

from tests.support.rtp_source import ENCODERS, Datagrams
from tests.support.scheduling import ordinary_priority

RATE = 25
WIDTH, HEIGHT = 320, 240
PACKET_SIZE = "400"  # small, so that even these frames are fragmented


@dataclass(frozen=True, slots=True)
class Frame:
    """`data` as the encoder made it, `payloads` of its RTP packets."""

    is_keyframe: bool
    data: bytes
    payloads: list[bytes]


def picture(number: int) -> av.VideoFrame:
    """One that moves, with too much in it for one packet."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane in frame.planes:
        row = bytes((x * x // 7 + number * 5) & 0xFF for x in range(plane.line_size))
        plane.update(b"".join(row[y % 64 :] + row[: y % 64] for y in range(plane.height)))
    frame.pts = number
    return frame


@ordinary_priority()
def encode(codec_name: str, frames: int = 20, gop: int = 8, **options: str) -> list[Frame]:
    """A stream with a keyframe every `gop` frames."""
    encoder, tuning = ENCODERS[codec_name]
    datagrams = Datagrams()
    encoded: list[Frame] = []
    container = av.open(datagrams, "w", format="rtp", options={"packetsize": PACKET_SIZE, "strict": "-2"})
    stream = container.add_stream(encoder, rate=RATE, options={**tuning, **options})
    stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDTH, HEIGHT, "yuv420p", gop
    stream.codec_context.thread_count = 1  # those of libvpx wait for each other by computing
    for frame in [*map(picture, range(frames)), None]:
        for packet in stream.encode(frame):
            encoded.append(Frame(packet.is_keyframe, bytes(packet), []))
            container.mux(packet)
    container.close()
    at = -1
    timestamp = b""
    for datagram in datagrams.taken:
        if 192 <= datagram[1] <= 223:  # FFmpeg's RTCP
            continue
        if datagram[4:8] != timestamp:
            timestamp = datagram[4:8]
            at += 1
        encoded[at].payloads.append(datagram[12:])
    assert at == len(encoded) - 1
    return encoded
