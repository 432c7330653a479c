"""A burst as its datagrams lie in memory: laid out once, encrypted for one viewer after the other."""

import struct
from collections.abc import Iterable, Sequence

from media.rtp.libsrtp import MAX_PACKET, SrtpError
from media.rtp.srtp import GCM_TAG
from media.rtp.srtp_sender import MOST_NONCES, BurstIndexes, SpentError
from media.switch.fanned_burst import FannedBurst
from media.switch.packet_header import SentAt, numbered, packet_header
from media.switch.viewer import Numbering, Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing

MAX_SEGMENTS = min(64, MOST_NONCES)  # UDP_MAX_SEGMENTS of Linux
MAX_RUN_BYTES = 65_000  # a GSO send is one UDP datagram to the kernel
BUFFER_BYTES = MAX_SEGMENTS * MAX_PACKET

_NUMBERS = struct.Struct("!HI")  # sequence number and timestamp; in the header from byte 2 on
_NUMBERS_AT = 2


class LaidBurst:
    """At most `MAX_SEGMENTS` packets in the form of `wires`. `buffer` holds one burst at a time.

    Packets of a track whose wire is None are left out.
    """

    __slots__ = (
        "_buffer",
        "_ciphertexts",
        "_fanned",
        "_headers",
        "_indexes",
        "_laid_headers",
        "_numbers",
        "_patched_for",
        "_payloads",
        "_runs",
        "_series",
        "packets",
    )

    def __init__(
        self,
        burst: Iterable[Outgoing],
        wires: Sequence[Wire | None],
        buffer: memoryview,
        sent_at: SentAt,
    ) -> None:
        self.packets: list[Outgoing] = []
        self._buffer = buffer
        self._headers: list[bytes] = []
        self._payloads: list[bytes] = []
        self._ciphertexts: list[memoryview] = []
        self._indexes: dict[tuple[int, ...], BurstIndexes] = {}  # by a viewer's offsets
        self._series: list[tuple[Outgoing, int, int]] = []  # first, SSRC, and count of successive indexes
        # made for the first patched viewer: the headers in the buffer, ...
        self._laid_headers: list[memoryview] = []
        # ... and by track, the place of each packet's numbers, its index and its timestamp
        self._numbers: list[tuple[int, list[tuple[int, int, int]]]] = []
        self._patched_for: Numbering | None = None  # whose numbers the buffer has; None: the room's
        packets, headers, payloads, ciphertexts = (
            self.packets,
            self._headers,
            self._payloads,
            self._ciphertexts,
        )
        first: Outgoing | None = None
        first_ssrc = count = 0
        datagrams: list[memoryview] = []
        at = 0
        for outgoing in burst:
            wire = wires[outgoing.track]
            if wire is None:
                continue
            header = packet_header(outgoing, wire, sent_at)
            payload = outgoing.packet.payload
            body = at + len(header)
            end = body + len(payload) + GCM_TAG
            buffer[at:body] = header
            packets.append(outgoing)
            headers.append(header)
            payloads.append(payload)
            ciphertexts.append(buffer[body:end])
            datagrams.append(buffer[at:end])
            if first is None or outgoing.extended != first.extended + count or outgoing.track != first.track:
                if first is not None:
                    self._series.append((first, first_ssrc, count))
                first, first_ssrc, count = outgoing, wire.ssrc or outgoing.ssrc, 0
            count += 1
            at = end
        if first is not None:
            self._series.append((first, first_ssrc, count))
        self._runs = _runs(datagrams, buffer)
        self._fanned: FannedBurst | None = None

    def send(self, viewers: Iterable[Viewer]) -> None:
        """Send the whole burst to these viewers, at the latest with `flush`."""
        if self._fanned is None:
            runs = [(len(run), size) for run, size in self._runs]
            self._fanned = FannedBurst(self.packets, self._headers, self._payloads, runs)
        for viewer in self._fanned.add(viewers, self._indexes_for):
            self._send(viewer)

    def _send(self, viewer: Viewer) -> None:
        """The hot loop, where there is no `fan_out`: it runs for each packet and viewer."""
        if not viewer.sender.in_place:
            self.send_some(viewer, range(len(self.packets)))
            return
        try:
            indexes = self._indexes_for(viewer.offsets)
            if viewer.patched:
                numbering = viewer.offsets, viewer.shifts
                if numbering != self._patched_for:  # those that changed together have the same
                    self._patch(numbering)
                headers: Sequence[bytes | memoryview] = self._laid_headers
            else:
                headers = self._headers
                if self._patched_for is not None:
                    self._restore()
            viewer.sender.encrypt_burst(indexes, self._payloads, headers, self._ciphertexts)
        except SpentError:  # the sender counts it
            return
        transmit, address = viewer.transmit, viewer.address
        for run, size in self._runs:
            transmit(run, size, address)

    def flush(self) -> None:
        """Send what waits for more viewers, that are sent to in one call."""
        if self._fanned is not None:
            self._fanned.send()

    def _patch(self, numbering: Numbering) -> None:
        """Write a viewer's numbers into the headers that lie in the buffer."""
        if not self._numbers:
            self._prepare_patches()
        self._patched_for = numbering
        offsets, shifts = numbering
        buffer, pack = self._buffer, _NUMBERS.pack_into
        for track, numbers in self._numbers:
            offset, shift = offsets[track], shifts[track]
            for place, extended, timestamp in numbers:
                pack(buffer, place, extended - offset & 0xFFFF, timestamp + shift & 0xFFFFFFFF)

    def _prepare_patches(self) -> None:
        """Look up once what does not depend on the viewer."""
        by_track: dict[int, list[tuple[int, int, int]]] = {}
        at = 0
        for packet, header, ciphertext in zip(self.packets, self._headers, self._ciphertexts, strict=True):
            numbers = at + _NUMBERS_AT, packet.extended, packet.timestamp
            by_track.setdefault(packet.track, []).append(numbers)
            self._laid_headers.append(self._buffer[at : at + len(header)])
            at += len(header) + len(ciphertext)
        self._numbers = list(by_track.items())

    def _restore(self) -> None:
        for laid, header in zip(self._laid_headers, self._headers, strict=True):
            laid[:] = header
        self._patched_for = None

    def send_some(self, viewer: Viewer, places: Iterable[int]) -> None:
        """Send the packets at `places` in the burst to a viewer, one by one."""
        protect = viewer.sender.protect
        for place in places:
            packet = self.packets[place]
            wire = viewer.wires[packet.track]
            assert wire is not None
            offset = viewer.offsets[packet.track]
            header = numbered(self._headers[place], packet, offset, viewer.shifts[packet.track])
            ssrc = wire.ssrc or packet.ssrc
            try:
                datagram = protect(ssrc, packet.extended - offset, header, self._payloads[place])
            except SrtpError:  # the index is spent, or libsrtp lost the rollover count
                continue
            viewer.transmit(datagram, len(datagram), viewer.address)

    def _indexes_for(self, offsets: tuple[int, ...]) -> BurstIndexes:
        """Made once for all viewers with these offsets."""
        if (indexes := self._indexes.get(offsets)) is not None:
            return indexes
        runs = []
        for packet, ssrc, count in self._series:
            first = packet.extended - offsets[packet.track]
            runs.append((ssrc, first, first + count))
        indexes = self._indexes[offsets] = BurstIndexes(runs)
        return indexes


def send_to(viewer: Viewer, packets: Sequence[Outgoing], buffer: memoryview, sent_at: SentAt) -> None:
    """Send `viewer` alone packets that the other viewers got earlier."""
    for start in range(0, len(packets), MAX_SEGMENTS):
        laid = LaidBurst(packets[start : start + MAX_SEGMENTS], viewer.wires, buffer, sent_at)
        if laid.packets:
            laid.send((viewer,))
            laid.flush()
        for packet in laid.packets:
            viewer.count(packet, 1)


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
