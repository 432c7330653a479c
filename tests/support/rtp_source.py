"""Encoded pictures and sound as RTP packets, made by FFmpeg's own encoders and packetizers.

They share no code with ours, so two independent parties agree on what is read back.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy

from media.rtp.packet import parse
from media.rtp.run import Run
from tests.support.runs import run_of
from tests.support.scheduling import ordinary_priority

FRAMES_PER_SECOND = 30
PACKET_BYTES = 1200
ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}),
    "VP9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "AV1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1"}),
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency"}),
    "H265": ("libx265", {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"}),
}
CLOCK_RATES = {"opus": 48_000}
SILENT_BYTES = 3  # of Opus


@dataclass(frozen=True)
class Sent:
    """One RTP packet; `at` is when its frame was taken."""

    at: float
    data: bytes


@ordinary_priority()
def encode_video(
    codec: str,
    seconds: float,
    *,
    flashes: Sequence[float] = (),
    size: tuple[int, int] = (320, 240),
    keyframe_every: float = 1.0,
    begin: float = 0.0,
    noise_bits: int = 0,
    rate: Fraction = Fraction(FRAMES_PER_SECOND),
    b_frames: int = 0,
    **options: str,
) -> list[Any]:
    """PyAV packets of a moving bar; frames at `flashes` (seconds, for 0.1 s) are white.

    `noise_bits` a second are reached by noise that no encoder can foresee. `rate` is in frames a second;
    `options` are the encoder's, instead of those for a stream without delay.
    """
    name, without_delay = ENCODERS[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.thread_count = 1  # those of libvpx wait for each other by computing
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = rate
    encoder.time_base = Fraction(1, 90_000)
    encoder.gop_size = round(keyframe_every * rate)
    encoder.max_b_frames = b_frames
    if codec != "AV1":  # its low-delay mode knows constant quality only
        encoder.bit_rate = noise_bits or 500_000
    encoder.options = options or without_delay
    packets = []
    chance = numpy.random.default_rng(1)
    for number in range(round(seconds * rate)):
        at = begin + float(number / rate)
        picture = numpy.full((size[1], size[0], 3), 32, dtype=numpy.uint8)
        left = 8 * number % size[0]
        picture[:, left : left + 8] = 128
        if noise_bits:
            picture[::2] = chance.integers(0, 256, picture[::2].shape, dtype=numpy.uint8)
        if any(flash <= at < flash + 0.1 for flash in flashes):
            picture[:] = 255
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(at * 90_000), Fraction(1, 90_000)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def encode_audio(
    seconds: float,
    *,
    beeps: Sequence[float] = (),
    begin: float = 0.0,
    packet: float = 0.02,
    bit_rate: int = 96_000,
) -> list[Any]:
    """Opus of `packet` seconds each, by PyAV: silence, with a tone of 1 kHz for 0.1 s at each of `beeps`."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = 48_000
    encoder.layout = "stereo"
    encoder.format = "s16"
    encoder.time_base = Fraction(1, 48_000)
    encoder.bit_rate = bit_rate
    encoder.options = {"frame_duration": f"{1000 * packet:g}"}
    samples = round(packet * 48_000)
    packets = []
    for number in range(round(seconds / packet)):
        at = begin + number * packet
        times = at + numpy.arange(samples) / 48_000
        loud = numpy.zeros(samples, dtype=bool)
        for beep in beeps:
            loud |= (beep <= times) & (times < beep + 0.1)
        wave = numpy.where(loud, 12_000 * numpy.sin(2 * numpy.pi * 1_000 * times), 0).astype(numpy.int16)
        frame = av.AudioFrame.from_ndarray(
            numpy.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, round(at * 48_000), Fraction(1, 48_000)
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


class Datagrams(io.RawIOBase):
    """Takes what FFmpeg's RTP muxer would send: one datagram a write."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken.append(bytes(data))
        return len(self.taken[-1])


def packetize(codec: str, packets: Sequence[Any], *, decoding_times: bool = False) -> list[Sent]:
    """The RTP packets of an encoder's output, in order of decoding, without the RTCP between them.

    Their timestamps are the times of showing, or with `decoding_times` those of decoding.
    """
    sink = Datagrams()
    options = {"strict": "experimental", "payload_type": "96"}
    muxer = av.open(sink, "w", format="rtp", buffer_size=PACKET_BYTES, container_options=options)
    encoder = "libopus" if codec == "opus" else ENCODERS[codec][0]
    if codec == "opus":
        stream: Any = muxer.add_stream(encoder, rate=48_000)
    else:
        stream = muxer.add_mux_stream(encoder, width=320, height=240)
    base = Fraction(1, CLOCK_RATES.get(codec, 90_000))
    stream.time_base = base
    sent = []
    delay = 0 if packets[0].dts is None or decoding_times else packets[0].pts - packets[0].dts
    for packet in packets:
        if decoding_times:
            packet.pts = packet.dts
        sent_at = packet.pts if packet.dts is None else packet.dts + delay
        at = float(sent_at * packet.time_base)
        packet.stream = stream
        sink.taken.clear()
        muxer.mux_one(packet)
        sent += [Sent(at, data) for data in sink.taken if not 192 <= data[1] <= 223]
    return sent


class Numbering:
    """Gives RTP packets the numbers that a room would."""

    def __init__(self, track: int, index: int = 100) -> None:
        self._track = track
        self._offset = index
        self._first: int | None = None

    def run(self, data: bytes, shift: int = 0) -> Run:
        """Of this packet; `shift` is added to the timestamp."""
        packet = parse(data)
        if self._first is None:
            self._first = packet.sequence
        index = self._offset + (packet.sequence - self._first & 0xFFFF)
        return run_of(packet, track=self._track, ssrc=1 + self._track, first=index, shift=shift)


def video(codec: str, seconds: float, *, decoding_times: bool = False, **how: Any) -> list[Sent]:
    return packetize(codec, encode_video(codec, seconds, **how), decoding_times=decoding_times)


def audio(seconds: float, **how: Any) -> list[Sent]:
    return packetize("opus", encode_audio(seconds, **how))


def discontinuous(sound: Sequence[Sent], every: int) -> list[Sent]:
    """What a sender with DTX sends of it: of a silence the first packet, and one in `every` after it."""
    kept: list[Sent] = []
    silent = 0
    for sent in sound:
        silent = silent + 1 if len(parse(sent.data).payload) <= SILENT_BYTES else 0
        if not silent or silent % every == 1:
            number = int.from_bytes(sound[0].data[2:4]) + len(kept) & 0xFFFF
            kept.append(Sent(sent.at, sent.data[:2] + number.to_bytes(2) + sent.data[4:]))
    return kept


def merged(*tracks: Sequence[Sent]) -> Iterator[tuple[int, Sent]]:
    """(track, packet) in the order of time."""
    numbered = [
        (sent.at, track, number) for track, all_ in enumerate(tracks) for number, sent in enumerate(all_)
    ]
    for _, track, number in sorted(numbered):
        yield track, tracks[track][number]
