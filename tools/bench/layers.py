"""A publisher whose picture comes in simulcast layers, each a burst of its own."""

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from media.rtp.extensions import RID_EXTENSION
from media.rtp.rtcp import Fir, Pli, RtcpError, parse_compound, sdes, sender_report
from tools.bench.endpoint import PAYLOAD_TYPE, Context
from tools.bench.publisher import (
    CLOCK_RATE,
    HEADER,
    NTP_EPOCH,
    STAMP,
    UDP_SEGMENT,
    Publisher,
    Stream,
    vp8_frame,
)

RIDS = ("f", "h", "q")  # best first
RID_ID = 1


@dataclass(frozen=True, slots=True)
class Layers:
    """`bursts` are the packets of a picture, of each layer, best first; each is of `size` bytes."""

    bursts: Sequence[int] = (10, 9, 11)
    size: int = 1100
    rate: int = 30
    stamped: ClassVar[bool] = True

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        """Of the best layer."""
        return Stream(self.bursts[0], self.size, self.rate).payloads(number, keyframe=keyframe)


class _Layer:
    """One layer on its way out."""

    def __init__(self, rid: str, ssrc: int, burst: int, size: int) -> None:
        self.ssrc = ssrc
        self.packets = self.octets = 0
        self.keyframe_wanted = True
        self._burst = burst
        self._extension = struct.pack("!HHB1s2x", 0xBEDE, 1, RID_ID << 4, rid.encode())
        self._length = size - HEADER.size - len(self._extension) - STAMP.size

    def picture(self, number: int, timestamp: int) -> list[bytes]:
        """The RTP packets of picture `number`."""
        head = vp8_frame(keyframe=self.keyframe_wanted, picture_id=number)
        rest = vp8_frame(keyframe=None, picture_id=number)
        self.keyframe_wanted = False
        packets = []
        for left in range(self._burst - 1, -1, -1):
            payload = head if left == self._burst - 1 else rest
            sequence, marker = self.packets & 0xFFFF, (not left) << 7
            header = HEADER.pack(0x90, marker | PAYLOAD_TYPE, sequence, timestamp, self.ssrc)
            packets.append(
                header + self._extension + payload.ljust(self._length, b"\0") + STAMP.pack(time.time_ns())
            )
            self.packets += 1
            self.octets += self._length + STAMP.size
        return packets


class LayeredPublisher(Publisher):
    """Sends each layer's burst in one system call. A keyframe request for a layer is answered by that one."""

    def __init__(self, url: str, context: Context) -> None:
        super().__init__(url, context)
        self._layers: list[_Layer] = []

    def _send_burst(self) -> int:
        assert self._socket is not None
        assert self._outbound is not None
        assert isinstance(self.stream, Layers)
        if not self._layers:
            self._layers = [
                _Layer(rid, self.ssrc + rank & 0xFFFFFFFF, burst, self.stream.size)
                for rank, (rid, burst) in enumerate(zip(RIDS, self.stream.bursts, strict=False))
            ]
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        sent = 0
        for layer in self._layers:
            datagrams = [self._outbound.protect(packet) for packet in layer.picture(self._frames, timestamp)]
            segment = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", len(datagrams[0])))]
            self._socket.sendmsg(datagrams, segment)
            sent += len(datagrams)
        self._frames += 1
        return sent

    def _report(self) -> bytes:
        now = time.time()
        timestamp = self._frames * CLOCK_RATE // self.stream.rate & 0xFFFFFFFF
        return b"".join(
            sender_report(
                layer.ssrc, int((now + NTP_EPOCH) * (1 << 32)), timestamp, layer.packets, layer.octets
            )
            + sdes(layer.ssrc, b"bench")
            for layer in self._layers
        )

    def _take_rtcp(self, compound: bytes) -> None:
        try:
            packets = parse_compound(compound)
        except RtcpError:
            return
        wanted = {packet.media_ssrc for packet in packets if isinstance(packet, Pli)}
        wanted |= {ssrc for packet in packets if isinstance(packet, Fir) for ssrc, _ in packet.entries}
        for layer in self._layers:
            layer.keyframe_wanted |= layer.ssrc in wanted

    def _attributes(self) -> list[str]:
        assert isinstance(self.stream, Layers)
        rids = RIDS[: len(self.stream.bursts)]
        return [
            f"a=extmap:{RID_ID} {RID_EXTENSION}",
            "a=msid:bench video",
            *(f"a=rid:{rid} send" for rid in rids),
            f"a=simulcast:send {';'.join(rids)}",
        ]
