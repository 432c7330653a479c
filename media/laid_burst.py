"""A burst as its datagrams will lie in memory: laid out once, encrypted for one viewer after the other."""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from media.fanout import MAX_RUN_BYTES, MAX_SEGMENTS, Outgoing, Transmit, Viewer
from media.libsrtp import SrtpError
from media.srtp import GCM_TAG

NONCE = 12  # bytes (RFC 7714 8.1)
_SPLIT = [struct.Struct(f"{NONCE}s" * count).unpack for count in range(MAX_SEGMENTS + 1)]
_ONES = [sum(1 << 8 * NONCE * place for place in range(count)) for count in range(MAX_SEGMENTS + 1)]


class LaidPacket(NamedTuple):
    outgoing: Outgoing
    header: bytes
    ciphertext: memoryview
    datagram: memoryview


class LaidBurst:
    """At most `MAX_SEGMENTS` packets with their headers, in `buffer`; there is one burst in it at a time."""

    __slots__ = ("_ciphertexts", "_headers", "_ivs", "_payloads", "_runs", "packets")

    def __init__(self, burst: Iterable[tuple[Outgoing, bytes]], buffer: memoryview) -> None:
        self.packets: list[LaidPacket] = []
        at = 0
        for outgoing, header in burst:
            body = at + len(header)
            end = body + len(outgoing.packet.payload) + GCM_TAG
            buffer[at:body] = header
            self.packets.append(LaidPacket(outgoing, header, buffer[body:end], buffer[at:end]))
            at = end
        self._runs = _runs(self.packets, buffer)
        self._headers = [packet.header for packet in self.packets]
        self._payloads = [packet.outgoing.packet.payload for packet in self.packets]
        self._ciphertexts = [packet.ciphertext for packet in self.packets]
        self._ivs: dict[tuple[int, ...], int] = {}  # of all packets behind each other, by a viewer's offsets

    def send(self, viewer: Viewer, transmit: Transmit) -> None:
        """Send the whole burst to a viewer. The hot loop: once for each packet and viewer."""
        if viewer.gcm is None:
            _send_by_libsrtp(viewer, self.packets, transmit)
            return
        offsets = viewer.offsets
        if offsets not in self._ivs:
            self._ivs[offsets] = self._joined_ivs(offsets)
        count = len(self.packets)
        # what is done for each packet is done in C: docs/performance.md
        salted = self._ivs[offsets] ^ viewer.gcm.salt * _ONES[count]
        nonces = _SPLIT[count](salted.to_bytes(NONCE * count))
        for _ in map(viewer.gcm.encrypt_into, nonces, self._payloads, self._headers, self._ciphertexts):
            pass
        for buffers, size in self._runs:
            transmit(buffers, size, viewer.address)

    def send_some(self, viewer: Viewer, packets: Sequence[LaidPacket], transmit: Transmit) -> None:
        """Send some of the burst's packets to a viewer, one by one."""
        if viewer.gcm is None:
            _send_by_libsrtp(viewer, packets, transmit)
            return
        for outgoing, header, ciphertext, datagram in packets:
            iv = _iv(outgoing, viewer.offsets) ^ viewer.gcm.salt
            viewer.gcm.encrypt_into(iv.to_bytes(NONCE), outgoing.packet.payload, header, ciphertext)
            transmit([datagram], len(datagram), viewer.address)

    def _joined_ivs(self, offsets: Sequence[int]) -> int:
        """The nonces of all packets, not yet salted, as one number: a viewer salts them by one operation."""
        ivs = (_iv(packet.outgoing, offsets).to_bytes(NONCE) for packet in self.packets)
        return int.from_bytes(b"".join(ivs))


def _iv(outgoing: Outgoing, offsets: Sequence[int]) -> int:
    return outgoing.ssrc << 48 | outgoing.extended - offsets[outgoing.track]


def _runs(packets: Sequence[LaidPacket], buffer: memoryview) -> list[tuple[list[memoryview], int]]:
    """Neighbours of equal size, where the last may be shorter: `(buffers, segment size)`."""
    runs = []
    start = at = segment = 0
    for packet in packets:
        size = len(packet.datagram)
        if at > start and (size > segment or at + size - start > MAX_RUN_BYTES):
            runs.append(([buffer[start:at]], segment))
            start = at
        if at == start:
            segment = size
        at += size
        if size < segment:
            runs.append(([buffer[start:at]], segment))
            start = at
    if at > start:
        runs.append(([buffer[start:at]], segment))
    return runs


def _send_by_libsrtp(viewer: Viewer, packets: Sequence[LaidPacket], transmit: Transmit) -> None:
    protect = viewer.srtp.protect
    for packet in packets:
        try:
            datagram = protect(packet.header + packet.outgoing.packet.payload)
        except SrtpError:  # libsrtp has lost count: a publisher jumped by half the range of numbers
            continue
        transmit([datagram], len(datagram), viewer.address)
