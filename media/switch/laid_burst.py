"""A burst as its datagrams lie in memory: laid out once, encrypted for one viewer after the other."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from media.rtp.extensions import map_extensions
from media.rtp.libsrtp import MAX_PACKET, SrtpError
from media.rtp.packet import build_header
from media.rtp.srtp import GCM_TAG, MOST_NONCES, gcm_iv, join_ivs, successive_ivs
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from media.transport.address import Address

# (datagrams, one right behind the other; size of each but the last; destination)
Transmit = Callable[[bytes | memoryview, int, Address], None]
MAX_SEGMENTS = min(64, MOST_NONCES)  # UDP_MAX_SEGMENTS of Linux
MAX_RUN_BYTES = 65_000  # a GSO send is one UDP datagram to the kernel
BUFFER_BYTES = MAX_SEGMENTS * MAX_PACKET

_exhaust = deque[int](maxlen=0).extend


class LaidBurst:
    """At most `MAX_SEGMENTS` packets in the form of `wires`. `buffer` holds one burst at a time.

    Packets of a track whose wire is None are left out.
    """

    __slots__ = (
        "_ciphertexts",
        "_datagrams",
        "_headers",
        "_ivs",
        "_payloads",
        "_runs",
        "_unbroken",
        "packets",
    )

    def __init__(self, burst: Iterable[Outgoing], wires: Sequence[Wire | None], buffer: memoryview) -> None:
        self.packets: list[Outgoing] = []
        self._headers: list[bytes] = []
        self._payloads: list[bytes] = []
        self._ciphertexts: list[memoryview] = []
        self._datagrams: list[memoryview] = []
        self._ivs: dict[tuple[int, ...], int] = {}  # joined IVs of all packets, by a viewer's offsets
        self._unbroken = True  # the packets are of one track, and each has the index after the one before it
        expected: tuple[int, int] | None = None
        at = 0
        for outgoing in burst:
            wire = wires[outgoing.track]
            if wire is None:
                continue
            header = packet_header(outgoing, wire)
            payload = outgoing.packet.payload
            body = at + len(header)
            end = body + len(payload) + GCM_TAG
            buffer[at:body] = header
            self.packets.append(outgoing)
            self._headers.append(header)
            self._payloads.append(payload)
            self._ciphertexts.append(buffer[body:end])
            self._datagrams.append(buffer[at:end])
            place = outgoing.ssrc, outgoing.extended
            if expected is not None and place != expected:
                self._unbroken = False
            expected = outgoing.ssrc, outgoing.extended + 1
            at = end
        self._runs = _runs(self._datagrams, buffer)

    def send(self, viewer: Viewer, transmit: Transmit) -> None:
        """Send the whole burst to a viewer. The hot loop: it runs for each packet and viewer."""
        gcm = viewer.gcm
        if gcm is None:
            self._send_by_libsrtp(viewer, range(len(self.packets)), transmit)
            return
        offsets = viewer.offsets
        if offsets not in self._ivs:
            self._ivs[offsets] = self._joined_ivs(offsets)
        count = len(self.packets)
        nonces = gcm.nonces(self._ivs[offsets], count)
        # the loop over the packets runs in C: docs/performance.md
        _exhaust(map(gcm.encrypt_into, nonces, self._payloads, self._headers, self._ciphertexts))
        for run, size in self._runs:
            transmit(run, size, viewer.address)

    def send_some(self, viewer: Viewer, places: Iterable[int], transmit: Transmit) -> None:
        """Send the packets at `places` in the burst to a viewer, one by one."""
        if viewer.gcm is None:
            self._send_by_libsrtp(viewer, places, transmit)
            return
        for place in places:
            (nonce,) = viewer.gcm.nonces(_iv(self.packets[place], viewer.offsets), 1)
            datagram = self._datagrams[place]
            viewer.gcm.encrypt_into(
                nonce, self._payloads[place], self._headers[place], self._ciphertexts[place]
            )
            transmit(datagram, len(datagram), viewer.address)

    def _send_by_libsrtp(self, viewer: Viewer, places: Iterable[int], transmit: Transmit) -> None:
        protect = viewer.srtp.protect
        for place in places:
            try:
                datagram = protect(self._headers[place] + self._payloads[place])
            except SrtpError:  # libsrtp lost the rollover count: sequence numbers jumped by half their range
                continue
            transmit(datagram, len(datagram), viewer.address)

    def _joined_ivs(self, offsets: Sequence[int]) -> int:
        """The IVs of all packets as one number, so that a viewer salts them in one operation."""
        if self._unbroken:
            return successive_ivs(_iv(self.packets[0], offsets), len(self.packets))
        return join_ivs(_iv(packet, offsets) for packet in self.packets)


def send_to(viewer: Viewer, packets: Sequence[Outgoing], buffer: memoryview, transmit: Transmit) -> None:
    """Send `viewer` alone packets that the other viewers got earlier."""
    for start in range(0, len(packets), MAX_SEGMENTS):
        laid = LaidBurst(packets[start : start + MAX_SEGMENTS], viewer.wires, buffer)
        if laid.packets:
            laid.send(viewer, transmit)
        for packet in laid.packets:
            viewer.count(packet, 1)


def packet_header(outgoing: Outgoing, wire: Wire) -> bytes:
    """The RTP header. It is the same in each call: a retransmission must equal the original."""
    packet = outgoing.packet
    block = map_extensions(packet.extensions, wire.extensions) if packet.extensions else b""
    sequence = outgoing.extended & 0xFFFF
    return build_header(packet, wire.payload_type, sequence, outgoing.timestamp, outgoing.ssrc, block)


def _iv(outgoing: Outgoing, offsets: Sequence[int]) -> int:
    return gcm_iv(outgoing.ssrc, outgoing.extended - offsets[outgoing.track])


def _runs(datagrams: Sequence[memoryview], buffer: memoryview) -> list[tuple[memoryview, int]]:
    """Runs of neighbours of equal size (the last may be shorter): the memory of each, and the size."""
    runs = []
    start = at = segment = 0
    for datagram in datagrams:
        size = len(datagram)
        if at > start and (size > segment or at + size - start > MAX_RUN_BYTES):
            runs.append((buffer[start:at], segment))
            start = at
        if at == start:
            segment = size
        at += size
        if size < segment:
            runs.append((buffer[start:at], segment))
            start = at
    if at > start:
        runs.append((buffer[start:at], segment))
    return runs
