"""A burst as its datagrams lie in memory: laid out once, encrypted for one viewer after the other."""

import struct
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from media.rtp.libsrtp import MAX_PACKET, SrtpError
from media.rtp.nonces import MOST_NONCES
from media.rtp.srtp import GCM_TAG
from media.rtp.srtp_sender import BurstIndexes, SpentError
from media.switch.fanned_burst import FannedBurst
from media.switch.packet_header import SentAt, numbered, packet_headers
from media.switch.viewer import Numbering, Viewer
from media.switch.wire import Wire
from media.tracks.outgoing import Outgoing
from media.transport.address import MAX_RUN_BYTES, Lay

MAX_SEGMENTS = min(64, MOST_NONCES)  # UDP_MAX_SEGMENTS of Linux
BUFFER_BYTES = MAX_SEGMENTS * MAX_PACKET

_track = attrgetter("track")

_NUMBERS = struct.Struct("!HI")  # sequence number and timestamp; in the header from byte 2 on
_NUMBERS_AT = 2


class TrackPart(NamedTuple):
    """Packets of one track that follow each other in a burst."""

    track: int
    packets: int
    octets: int  # of payload
    earliest: int  # index


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
        "_laid_runs",
        "_numbers",
        "_patched_for",
        "_payloads",
        "_runs",
        "_series",
        "packets",
        "parts",
    )

    def __init__(
        self,
        burst: Sequence[Outgoing],
        wires: Sequence[Wire | None],
        buffer: memoryview,
        sent_at: SentAt,
        lay: Lay | None = None,
    ) -> None:
        self.packets: list[Outgoing] = []
        self.parts: list[TrackPart] = []
        self._buffer = buffer
        self._headers: list[bytes] = []
        self._payloads: list[bytes] = []
        self._indexes: dict[tuple[int, ...], BurstIndexes] = {}  # by a viewer's offsets
        self._series: list[tuple[Outgoing, int, int]] = []  # first, SSRC, and count of successive indexes
        # made for the first viewer that is sent to by Python, since the native step writes them itself: ...
        self._ciphertexts: list[memoryview] = []  # their places in the buffer; ...
        self._laid_runs: list[tuple[memoryview, int]] = []  # ... the runs there; ...
        self._laid_headers: list[memoryview] = []  # ... for the first patched one, the headers there, ...
        # ... and by track, the place of each packet's numbers, its index and its timestamp
        self._numbers: list[tuple[int, list[tuple[int, int, int]]]] = []
        self._patched_for: Numbering | None = None  # whose numbers the buffer has; None: the room's
        self._runs: list[tuple[int, int]] = []  # bytes of each, and the size of its datagrams but the last
        self._fanned: FannedBurst | None = None
        if lay is not None and self._is_laid(burst, wires[burst[0].track], sent_at, lay):
            return
        for track, packets in groupby(burst, _track):
            if (wire := wires[track]) is not None:
                self._add(list(packets), wire, sent_at)
        self._runs = _runs(self._headers, self._payloads)

    def _is_laid(self, burst: Sequence[Outgoing], wire: Wire | None, sent_at: SentAt, lay: Lay) -> bool:
        """Have the usual burst laid out natively; False: it is another one."""
        first = burst[0]
        if wire is None:
            return False
        block = b"" if wire.sent_at is None else sent_at.alone(wire.sent_at)
        packets = list(burst)
        laid = lay(packets, wire.payload_type, wire.ssrc or 0, block, MAX_RUN_BYTES)
        if laid is None:
            return False
        self.packets = packets
        self._headers, self._payloads, self._runs, octets = laid
        self._series.append((first, wire.ssrc or first.ssrc, len(packets)))
        self.parts.append(TrackPart(first.track, len(packets), octets, first.extended))
        return True

    def _add(self, packets: list[Outgoing], wire: Wire, sent_at: SentAt) -> None:
        payloads = [packet.packet.payload for packet in packets]
        indexes = [packet.extended for packet in packets]
        count, first, ssrc = len(packets), indexes[0], wire.ssrc or packets[0].ssrc
        if indexes == list(range(first, first + count)):
            self._series.append((packets[0], ssrc, count))
        else:
            begins = [n for n in range(count) if not n or indexes[n] != indexes[n - 1] + 1]
            for start, end in pairwise((*begins, count)):
                self._series.append((packets[start], ssrc, end - start))
        self.packets += packets
        self._headers += packet_headers(packets, wire, sent_at)
        self._payloads += payloads
        self.parts.append(TrackPart(packets[0].track, count, sum(map(len, payloads)), min(indexes)))

    def _lay(self) -> None:
        """Write the headers into the buffer, each before the place of its ciphertext."""
        buffer, at = self._buffer, 0
        for header, payload in zip(self._headers, self._payloads, strict=True):
            body = at + len(header)
            end = body + len(payload) + GCM_TAG
            buffer[at:body] = header
            self._ciphertexts.append(buffer[body:end])
            at = end
        at = 0
        for length, size in self._runs:
            self._laid_runs.append((buffer[at : at + length], size))
            at += length

    def send(self, viewers: Iterable[Viewer]) -> None:
        """Send the whole burst to these viewers, at the latest with `flush`."""
        if self._fanned is None:
            self._fanned = FannedBurst(self.packets, self._headers, self._payloads, self._runs)
        for viewer in self._fanned.add(viewers, self._indexes_for):
            self._send(viewer)

    def _send(self, viewer: Viewer) -> None:
        """The hot loop, where there is no `fan_out`: it runs for each packet and viewer."""
        if not viewer.sender.in_place:
            self.send_some(viewer, range(len(self.packets)))
            return
        if not self._ciphertexts:
            self._lay()
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
        for run, size in self._laid_runs:
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
    lay = None if viewer.fan_out is None else viewer.fan_out.lay
    for start in range(0, len(packets), MAX_SEGMENTS):
        laid = LaidBurst(packets[start : start + MAX_SEGMENTS], viewer.wires, buffer, sent_at, lay)
        if laid.packets:
            laid.send((viewer,))
            laid.flush()
        for packet in laid.packets:
            viewer.count(packet, 1)


def _runs(headers: Iterable[bytes], payloads: Iterable[bytes]) -> list[tuple[int, int]]:
    """Runs of neighbours of equal size (the last may be shorter): the length of each, and that size."""
    runs = []
    length = segment = 0
    for header, payload in zip(headers, payloads, strict=True):
        size = len(header) + len(payload) + GCM_TAG
        if length and (size > segment or length + size > MAX_RUN_BYTES):
            runs.append((length, segment))
            length = 0
        if not length:
            segment = size
        length += size
        if size < segment:
            runs.append((length, segment))
            length = 0
    if length:
        runs.append((length, segment))
    return runs
