"""The publisher: a synthetic VP8 stream, sent as the bursts that frames are."""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass

from media.rtcp import Fir, Pli, RtcpError, parse_compound, sdes, sender_report
from tests.bench.endpoint import PAYLOAD_TYPE, Endpoint

CLOCK_RATE = 90_000
HEADER = struct.Struct("!BBHII")
STAMP = struct.Struct("!Q")  # Unix time in nanoseconds, the last bytes of each payload
NTP_EPOCH = 2_208_988_800
UDP_SEGMENT = 103  # linux/udp.h


@dataclass(frozen=True, slots=True)
class Stream:
    """`burst` packets of `size` bytes (RTP, before SRTP adds its tag), `rate` times a second."""

    burst: int = 10
    size: int = 1100
    rate: int = 30


DEFAULT_STREAM = Stream()


class Publisher(Endpoint):
    """Sends a burst in one system call: its packets come together, as over a link faster than the stream."""

    direction = "sendonly"
    stream = DEFAULT_STREAM
    phase = 0.0  # seconds by which it is behind others, so that not all send at the same moment
    _sequence = 0
    _frames = 0
    _keyframe_wanted = True

    async def send(self, bursts: int) -> int:
        """Send so many bursts at their pace; returns the number of packets."""
        start = time.monotonic() + self.phase
        for number in range(bursts):
            await asyncio.sleep(start + number / self.stream.rate - time.monotonic())
            self._send_burst()
        return bursts * self.stream.burst

    def _send_burst(self) -> None:
        assert self._socket is not None
        assert self._outbound is not None
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        head = _vp8_head(keyframe=self._keyframe_wanted)
        self._keyframe_wanted = False
        datagrams = []
        for number in range(self.stream.burst):
            last = number == self.stream.burst - 1
            header = HEADER.pack(
                0x80, last << 7 | PAYLOAD_TYPE, self._sequence & 0xFFFF, timestamp, self.ssrc
            )
            body = (head if number == 0 else b"\0").ljust(self.stream.size - HEADER.size - STAMP.size, b"\0")
            datagrams.append(self._outbound.protect(header + body + STAMP.pack(time.time_ns())))
            self._sequence += 1
        self._frames += 1
        segment = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", len(datagrams[0])))]
        self._socket.sendmsg(datagrams, segment)

    def _report(self) -> bytes:
        now = time.time()
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        octets = self._sequence * (self.stream.size - HEADER.size)
        return sender_report(
            self.ssrc, int((now + NTP_EPOCH) * (1 << 32)), timestamp, self._sequence, octets
        ) + sdes(self.ssrc, b"bench")

    def _take_rtcp(self, compound: bytes) -> None:
        try:
            packets = parse_compound(compound)
        except RtcpError:
            return
        if any(isinstance(packet, Pli | Fir) for packet in packets):
            self._keyframe_wanted = True

    def _source(self) -> list[str]:
        return ["a=msid:bench video", f"a=ssrc:{self.ssrc} cname:bench"]


def _vp8_head(*, keyframe: bool) -> bytes:
    """Payload descriptor and frame header (RFC 7741 4.2, RFC 6386 9.1) of a 1280 x 720 picture."""
    descriptor, shown = b"\x10", 0x10
    if not keyframe:
        return descriptor + bytes((shown | 1, 0, 0))
    return descriptor + bytes((shown, 0, 0)) + b"\x9d\x01\x2a" + struct.pack("<HH", 1280, 720)
