"""Transport-wide congestion control feedback: reports when each packet of a publisher arrived.

draft-holmer-rmcat-transport-wide-cc-extensions-01. The publisher numbers all its packets in one header
extension, and estimates its bandwidth from these reports.
"""

import struct
from collections.abc import Sequence
from itertools import takewhile

from media.rtp.extensions import Extensions
from media.tracks.ring import empty

# Packets that are remembered, a power of 2: a late one is reported together with its neighbours.
WINDOW = 1024
FEEDBACK_SECONDS = 0.050

_RTPFB, _FORMAT = 205, 15
_HEADER = struct.Struct("!BBHIIHHI")
_CHUNK = struct.Struct("!H")
_TICKS = 4000  # a second: deltas are in 250 us
_REFERENCE_TICKS = 256  # 64 ms
_MAX_DELTA_BYTES = 800  # of one packet; with the chunks of a whole window it fits any MTU
_LOST, _SMALL, _LARGE = 0, 1, 2
_MAX_RUN = 0x1FFF


class TransportFeedback:
    """The arrivals of one publisher's packets. `now` is in seconds of a steady clock."""

    __slots__ = ("_arrivals", "_built_at", "_count", "_next", "_sender_ssrc", "_untold", "extension")

    def __init__(self, sender_ssrc: int, extension: int) -> None:
        """`extension` is the id of the header extension with the numbers."""
        self._sender_ssrc = sender_ssrc
        self.extension = extension
        # of the indices below `_next`, at their low bits
        self._arrivals: list[float | None] = [None] * WINDOW
        self._next = -1  # the index after the newest, counted over the wrap; -1 before the first packet
        self._untold = 0  # the first index of the next report
        self._built_at = 0.0
        self._count = 0

    def arrived(self, extensions: Extensions, now: float) -> None:
        """Note a packet with `extensions`; a packet without a number is ignored."""
        wanted = self.extension
        for element, value in extensions:
            if element == wanted:
                if len(value) == 2:
                    self.received(value[0] << 8 | value[1], now)
                return

    def received(self, sequence: int, now: float) -> None:
        """Note the packet with the transport-wide number `sequence`."""
        index = self._next
        if sequence == index & 0xFFFF and index >= 0:
            self._arrivals[index & WINDOW - 1] = now
            self._next = index + 1
        else:
            self._received_out_of_order(sequence, now)

    def _received_out_of_order(self, sequence: int, now: float) -> None:
        if self._next < 0:
            # one wrap ahead, so that the index of an earlier packet is not negative
            self._next = self._untold = sequence + 0x10000
        ahead = sequence - self._next & 0xFFFF
        if ahead < 0x8000:
            index = self._next + ahead
            empty(self._arrivals, self._next, ahead)
            self._next = index + 1
        else:
            index = self._next + ahead - 0x10000
            if index < self._next - WINDOW or self._arrivals[index & WINDOW - 1] is not None:
                return
            self._untold = min(self._untold, index)
        self._arrivals[index & WINDOW - 1] = now

    @property
    def next_due(self) -> float:
        """When to `build` next, if any packet arrives until then."""
        return self._built_at + FEEDBACK_SECONDS

    def due(self, now: float) -> bool:
        """Whether it is time to `build`, and there is something to report."""
        return self._untold < self._next and now >= self.next_due

    def build(self, now: float, media_ssrc: int) -> list[bytes]:
        """RTCP packets that report all packets since the last call, including lost ones."""
        packets = []
        index = max(self._untold, self._next - WINDOW)
        while index < self._next:
            packet, index = self._report(index, media_ssrc)
            packets.append(packet)
        self._untold = self._next
        self._built_at = now
        return packets

    def _report(self, start: int, media_ssrc: int) -> tuple[bytes, int]:
        """One report from `start` on, and the index after its last packet.

        It contains at least one received packet: it ends early only after one, and the newest was received.
        """
        symbols: list[int] = []
        deltas = bytearray()
        reference: int | None = None
        index = start
        while index < self._next and len(deltas) < _MAX_DELTA_BYTES:
            arrival = self._arrivals[index & WINDOW - 1]
            if arrival is None:
                symbols.append(_LOST)
            else:
                ticks = int(arrival * _TICKS)
                if reference is None:
                    reference = ticks // _REFERENCE_TICKS
                    before = reference * _REFERENCE_TICKS
                delta = ticks - before
                before = ticks
                if 0 <= delta <= 0xFF:
                    symbols.append(_SMALL)
                    deltas.append(delta)
                elif -0x8000 <= delta <= 0x7FFF:
                    symbols.append(_LARGE)
                    deltas += delta.to_bytes(2, signed=True)
                else:
                    break
            index += 1
        body = _chunks(symbols) + deltas
        body += bytes(-len(body) % 4)
        assert reference is not None
        packed = (reference & 0xFFFFFF) << 8 | self._count
        self._count = self._count + 1 & 0xFF
        words = (_HEADER.size + len(body)) // 4 - 1
        addressed = (self._sender_ssrc, media_ssrc, start & 0xFFFF, len(symbols), packed)
        return _HEADER.pack(0x80 | _FORMAT, _RTPFB, words, *addressed) + body, index


def _chunks(symbols: Sequence[int]) -> bytes:
    """Packet status chunks (3.1.2 to 3.1.4), each in the form that covers the most packets."""
    chunks = bytearray()
    at = 0
    while at < len(symbols):
        head = symbols[at]
        ahead = symbols[at : at + 14]
        one_bit = _LARGE not in ahead
        same = sum(1 for _ in takewhile(head.__eq__, ahead))
        if same == len(ahead) or (same >= 7 and not one_bit):
            run = sum(1 for _ in takewhile(head.__eq__, symbols[at : at + _MAX_RUN]))
            chunks += _CHUNK.pack(head << 13 | run)
            at += run
        elif one_bit:
            chunks += _CHUNK.pack(0x8000 | _vector(ahead, 14, 1))
            at += 14
        else:
            chunks += _CHUNK.pack(0xC000 | _vector(ahead[:7], 7, 2))
            at += 7
    return bytes(chunks)


def _vector(symbols: Sequence[int], places: int, bits: int) -> int:
    packed = 0
    for symbol in symbols:
        packed = packed << bits | symbol
    return packed << (places - len(symbols)) * bits
