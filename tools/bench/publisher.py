"""The publisher: a synthetic VP8 stream, sent as the bursts that frames are."""

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from media.rtp.rtcp import Fir, Pli, RtcpError, parse_compound, sdes, sender_report
from tools.bench.endpoint import PAYLOAD_TYPE, SOUND_TYPE, Endpoint

CLOCK_RATE = 90_000
HEADER = struct.Struct("!BBHII")
STAMP = struct.Struct("!Q")  # Unix time in nanoseconds, the last bytes of each payload
NTP_EPOCH = 2_208_988_800
SOUND_RATE, SOUND_SECONDS, SOUND_OCTETS = 48_000, 0.020, 160  # of Opus at 64 kbit/s
UDP_SEGMENT = 103  # linux/udp.h


class Pictures(Protocol):
    """What a publisher sends, `rate` pictures a second."""

    @property
    def rate(self) -> int: ...

    @property
    def stamped(self) -> bool:
        """Whether the time is written behind each payload. They are of one length then."""

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        """RTP payloads of a picture; `number` is 0 at the start and whenever a keyframe is wanted."""


@dataclass(frozen=True, slots=True)
class Stream:
    """`burst` packets of `size` bytes (RTP, before SRTP adds its tag), `rate` times a second.

    They begin as VP8 does, and are nothing that could be decoded.
    """

    burst: int = 10
    size: int = 1100
    rate: int = 30
    stamped: ClassVar[bool] = True

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        length = self.size - HEADER.size - STAMP.size
        rest = b"\0".ljust(length, b"\0")
        return [vp8_frame(keyframe=keyframe).ljust(length, b"\0"), *[rest] * (self.burst - 1)]


DEFAULT_STREAM = Stream()


class Publisher(Endpoint):
    """Sends a burst in one system call: its packets come together, as over a link faster than the stream."""

    direction = "sendonly"
    stream: Pictures = DEFAULT_STREAM
    phase = 0.0  # seconds by which it is behind others, so that not all send at the same moment
    _sequence = 0
    _frames = 0
    _since_keyframe = 0
    _octets = 0
    _keyframe_wanted = True
    _sounds = 0

    async def send(self, bursts: int) -> int:
        """Send so many bursts at their pace; returns the number of packets."""
        start = time.monotonic() + self.phase
        sent = 0
        for number in range(bursts):
            await asyncio.sleep(start + number / self.stream.rate - time.monotonic())
            sent += self._send_burst()
            if self._context.sound:
                sent += self._send_sound()
        return sent

    def _send_sound(self) -> int:
        """What is due of the sound beside the pictures so far."""
        assert self._outbound is not None
        before, due = self._sounds, round(self._frames / self.stream.rate / SOUND_SECONDS)
        for self._sounds in range(before + 1, due + 1):
            timestamp = round(self._sounds * SOUND_RATE * SOUND_SECONDS) & 0xFFFFFFFF
            packet = HEADER.pack(0x80, SOUND_TYPE, self._sounds & 0xFFFF, timestamp, self.ssrc ^ 1)
            payload = bytes(SOUND_OCTETS - STAMP.size) + STAMP.pack(time.time_ns())
            self._send(self._outbound.protect(packet + payload))
        return due - before

    def _send_burst(self) -> int:
        assert self._socket is not None
        assert self._outbound is not None
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        if self._keyframe_wanted:
            self._since_keyframe = 0
        payloads = self.stream.payloads(self._since_keyframe, keyframe=self._keyframe_wanted)
        self._keyframe_wanted = False
        datagrams = []
        for left, payload in enumerate(payloads, 1 - len(payloads)):
            packet = HEADER.pack(
                0x80, (not left) << 7 | PAYLOAD_TYPE, self._sequence & 0xFFFF, timestamp, self.ssrc
            )
            packet += payload
            if self.stream.stamped:
                packet += STAMP.pack(time.time_ns())
            datagrams.append(self._outbound.protect(packet))
            self._octets += len(packet) - HEADER.size
            self._sequence += 1
        self._frames += 1
        self._since_keyframe += 1
        if self.stream.stamped:
            segment = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", len(datagrams[0])))]
            self._socket.sendmsg(datagrams, segment)
        else:
            for datagram in datagrams:
                self._send(datagram)
        return len(datagrams)

    def _report(self) -> bytes:
        now = time.time()
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        return sender_report(
            self.ssrc, int((now + NTP_EPOCH) * (1 << 32)), timestamp, self._sequence, self._octets
        ) + sdes(self.ssrc, b"bench")

    def _take_rtcp(self, compound: bytes) -> None:
        try:
            packets = parse_compound(compound)
        except RtcpError:
            return
        if any(isinstance(packet, Pli | Fir) for packet in packets):
            self._keyframe_wanted = True

    def _attributes(self) -> list[str]:
        return ["a=msid:bench video", f"a=ssrc:{self.ssrc} cname:bench"]


def vp8_frame(*, keyframe: bool | None, picture_id: int | None = None) -> bytes:
    """Payload descriptor and frame header (RFC 7741 4.2, RFC 6386 9.1) of a 1280 x 720 picture.

    `keyframe` is None for packets but the first, which have the descriptor alone.
    """
    starts, shown = 0x10 * (keyframe is not None), 0x10
    if picture_id is None:
        descriptor = bytes((starts,))
    else:
        descriptor = bytes((0x80 | starts, 0x80)) + (0x8000 | picture_id & 0x7FFF).to_bytes(2)
    if keyframe is None:
        return descriptor
    if not keyframe:
        return descriptor + bytes((shown | 1, 0, 0))
    return descriptor + bytes((shown, 0, 0)) + b"\x9d\x01\x2a" + struct.pack("<HH", 1280, 720)
