"""Viewers: one that only counts, and one that decrypts to measure the delay."""

import asyncio
import json
import socket
import struct
import sys
import time

from aiortc.sdp import MediaDescription

from media.rtp.extensions import ABS_SEND_TIME_EXTENSION
from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.rtcp import ReportBlock, receiver_report, remb
from tools.bench.endpoint import (
    PAYLOAD_TYPE,
    RED_TYPE,
    RTX_TYPE,
    SOUND_TYPE,
    Context,
    Endpoint,
    RefusedError,
)
from tools.bench.inbox import SLOT
from tools.bench.publisher import STAMP

SO_TIMESTAMPNS = 35  # asm-generic/socket.h: the time at which the kernel took the datagram in
UDP_GRO = 104  # linux/udp.h
TIMESPEC = struct.Struct("@qq")
LONGEST_DELAY = 60.0
MEDIA_SECONDS = 10.0  # from connected to the first packet
ESTIMATES_PER_SECOND = 5  # a browser's REMBs
ESTIMATES = [5_000_000 + step * 50_000 for step in (0, 1, 2, 1)]  # bits a second: nothing is congested


class Viewer(Endpoint):
    """Counts what comes. `joined_after` is in seconds from the POST to the first media packet."""

    direction = "recvonly"
    received = 0
    joined_after = 0.0
    loses = 0.0  # the share of the sound that it reports as lost
    _latest = b""  # RTP header of the latest packet
    _latest_sound = b""
    _sounds = 0  # packets
    _said = 0  # estimates

    def __init__(self, url: str, context: Context) -> None:
        super().__init__(url, context)
        if context.estimates:
            self.payload_types = (PAYLOAD_TYPE, RTX_TYPE)

    def _attributes(self) -> list[str]:
        if not self._context.estimates:
            return []
        return [
            "a=rtcp-rsize",
            f"a=rtcp-fb:{PAYLOAD_TYPE} goog-remb",
            f"a=rtpmap:{RTX_TYPE} rtx/90000",
            f"a=fmtp:{RTX_TYPE} apt={PAYLOAD_TYPE}",
            f"a=extmap:1 {ABS_SEND_TIME_EXTENSION}",
        ]

    def _open_socket(self, media: MediaDescription) -> None:
        super()._open_socket(media)
        agreed = {feedback.type for codec in media.rtp.codecs for feedback in codec.rtcpFeedback}
        if "goog-remb" in agreed:
            self.reports_per_second = ESTIMATES_PER_SECOND

    async def watching(self) -> None:
        """Wait until there is media; raises `TimeoutError`."""
        async with asyncio.timeout(MEDIA_SECONDS):
            while not self.received:
                await asyncio.sleep(0.01)

    async def choose(self, rid: str) -> None:
        """Ask for the layer of that name (the WHEP extension). Raises `RefusedError`."""
        url = f"{self._session_url}/layer"
        headers = {"Content-Type": "application/json", **self._context.headers}
        reply = await self._context.http.ask("POST", url, headers, json.dumps({"rid": rid}))
        if reply.status != 200:
            raise RefusedError(f"{url}: {reply.status} {reply.body[:200]!r}")

    def _readable(self) -> None:
        inbox = self._context.inbox
        count, data = inbox.receive(self._fd), inbox.data
        media = 0
        latest = -1
        for number in range(count):
            at = number * SLOT
            # RTP, not RTCP (RFC 5761 4)
            if 128 <= data[at] <= 191 and not 192 <= data[at + 1] <= 223:
                if data[at + 1] & 0x7F in (SOUND_TYPE, RED_TYPE):
                    self._count_sound(inbox.packets(number), bytes(data[at : at + 12]))
                else:
                    media += inbox.packets(number)
                    latest = at
            else:
                self._take(inbox.datagram(number))
        if media:
            self._count(media, bytes(data[latest : latest + 12]))

    def set_gro(self, whether: bool) -> None:
        """Let the kernel hand over a run of packets as one, or not."""
        assert self._socket is not None
        self._socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, whether)

    def _count(self, packets: int, latest: bytes) -> None:
        if not self.received:
            self.joined_after = time.monotonic() - self._began
        self.received += packets
        self._latest = latest

    def _count_sound(self, packets: int, latest: bytes) -> None:
        self.received += packets
        self._sounds += packets
        self._latest_sound = latest

    @property
    def gets_redundant(self) -> bool:
        """Whether its sound comes with earlier packets in each one (RFC 2198)."""
        return bool(self._latest_sound) and self._latest_sound[1] & 0x7F == RED_TYPE

    def _report(self) -> bytes:
        if not self._latest:
            return b""
        blocks = []
        for latest, lost in ((self._latest, 0), (self._latest_sound, round(self.loses * self._sounds))):
            if latest:
                sequence, _, source = struct.unpack_from("!HII", latest, 2)
                blocks.append(ReportBlock(source, 0, lost, sequence, 0, 0, 0))
        report = receiver_report(self.ssrc, blocks)
        if self.reports_per_second == 1:
            return report
        self._said += 1  # libwebrtc puts each estimate behind a report
        return report + remb(self.ssrc, ESTIMATES[self._said % len(ESTIMATES)], [blocks[0].ssrc])


class SampledViewer(Viewer):
    """Decrypts what it gets.

    `delays` are seconds from the publisher's stamp to this host's network stack.
    """

    def __init__(self, url: str, context: Context) -> None:
        super().__init__(url, context)
        self.delays: list[float] = []

    def _open_socket(self, media: MediaDescription) -> None:
        super()._open_socket(media)
        assert self._socket is not None
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def _readable(self) -> None:
        assert self._socket is not None
        while True:
            try:
                datagram, ancillary, _, _ = self._socket.recvmsg(SLOT, 128)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of a former send
                continue
            if not (128 <= datagram[0] <= 191 and not 192 <= datagram[1] <= 223):
                self._take(datagram)
                continue
            control = {kind: value for _, kind, value in ancillary}
            size = int.from_bytes(control[UDP_GRO], sys.byteorder) if UDP_GRO in control else len(datagram)
            packets = [datagram[at : at + size] for at in range(0, len(datagram), size)]
            is_sound = datagram[1] & 0x7F in (SOUND_TYPE, RED_TYPE)
            (self._count_sound if is_sound else self._count)(len(packets), datagram[:12])
            if self._inbound is not None:
                seconds, nanoseconds = TIMESPEC.unpack(control[SO_TIMESTAMPNS])
                self._measure(self._inbound, packets, seconds * 1_000_000_000 + nanoseconds)

    def _measure(self, inbound: SrtpSession, packets: list[bytes], arrived: int) -> None:
        for packet in packets:
            try:
                plain = inbound.unprotect(packet)
            except SrtpError:
                continue
            (stamp,) = STAMP.unpack_from(plain, len(plain) - STAMP.size)
            delay = (arrived - stamp) / 1e9
            if 0 <= delay < LONGEST_DELAY:  # else it is the end of a payload that has no stamp
                self.delays.append(delay)
