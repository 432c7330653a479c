"""One burst of a room's packets towards its viewers: laid out once per wire profile, protected per viewer.

A wire profile is what viewers negotiated alike: payload types and header-extension ids of each track. Its
viewers get byte-identical headers, so a burst is laid out once, as the datagrams will lie in memory, and for
each viewer only the ciphertext is written anew, in place. A run of equal sizes (the last may be shorter)
leaves as one UDP GSO send; `transmit` must have copied it when it returns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pylibsrtp import Session

from media.rtp import RtpPacket, build_header, map_extensions
from media.rtx import RtxError, RtxStream
from media.srtp import GCM_TAG, MAX_PACKET, GcmSender, Profile, SrtpError, SrtpKeys, outbound_session

Address = tuple[str, int] | tuple[str, int, int, int]
# (datagrams lying one behind the other, in any number of buffers; size of each but the last; destination)
Transmit = Callable[[Sequence[bytes | memoryview], int, Address], None]

MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of Linux
MAX_RUN_BYTES = 65_000  # a GSO send is one UDP datagram to the kernel
BUFFER_BYTES = MAX_SEGMENTS * MAX_PACKET
# A viewer that joins this shortly before the sequence number wraps begins behind the wrap: were its first
# packets lost, it would take a rollover counter of 1 for 0 and never decrypt anything.
WRAP_GUARD = 64


@dataclass(frozen=True, slots=True)
class Wire:
    """One track on a viewer's wire; `extensions` maps ids of the publisher to ids of the viewer.

    Lost packets are sent again when `nack` is agreed on: under the payload type `rtx` in a stream of their
    own (RFC 4588), or, where that is None, once more as they were.
    """

    payload_type: int
    extensions: Mapping[int, int]
    nack: bool = False
    rtx: int | None = None

    def key(self) -> tuple[object, ...]:
        return (self.payload_type, tuple(sorted(self.extensions.items())), self.nack, self.rtx)


class Outgoing(NamedTuple):
    """A packet on its way out: `extended` is its 48-bit index in the room's numbering of `track`."""

    track: int
    ssrc: int
    extended: int
    timestamp: int
    packet: RtpPacket


class _Entry(NamedTuple):
    track: int
    extended: int
    iv: int  # SSRC and index, before the viewer's offset and salt
    header: bytes
    payload: bytes
    ciphertext: memoryview
    datagram: memoryview


class Viewer:
    """One receiver. `starts[track]` is the first index it gets; its rollover counter is 0 there.

    `rtx[track]` is the stream in which it gets lost packets again, if it has one.
    """

    __slots__ = (
        "address",
        "base_octets",
        "base_packets",
        "gcm",
        "offsets",
        "profile",
        "rtx",
        "srtp",
        "starts",
    )

    def __init__(
        self,
        keys: SrtpKeys,
        address: Address,
        profile: "WireProfile",
        next_indexes: Sequence[int],
        rtx_ssrcs: Sequence[int | None] = (),
    ) -> None:
        self.address = address
        self.profile = profile
        self.gcm = GcmSender(keys) if keys.profile is Profile.AEAD_AES_128_GCM else None
        self.srtp: Session = outbound_session(keys)
        self.starts = [_first_index(index) for index in next_indexes]
        self.offsets = tuple(start >> 16 << 16 for start in self.starts)
        self.base_packets, self.base_octets = list(profile.packets), list(profile.octets)
        self.rtx = [
            RtxStream(ssrc, wire.rtx, first=1) if wire and wire.rtx is not None and ssrc is not None else None
            for wire, ssrc in zip(profile.wires, rtx_ssrcs or [None] * len(profile.wires), strict=True)
        ]

    def protect(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """One datagram; `index` (48 bits) counts as this viewer counts. Raises `SrtpError`."""
        if self.gcm is None:
            return self.srtp.protect(header + payload)
        datagram = bytearray(header) + bytearray(len(payload) + GCM_TAG)
        nonce = ((ssrc << 48 | index) ^ self.gcm.salt).to_bytes(12)
        self.gcm.encrypt_into(nonce, payload, header, memoryview(datagram)[len(header) :])
        return bytes(datagram)


def _first_index(index: int) -> int:
    left = 0x10000 - (index & 0xFFFF)
    return index + left if left <= WRAP_GUARD else index


class WireProfile:
    """The viewers of a room that share a wire form, and what was sent to them so far, by track."""

    def __init__(self, wires: Sequence[Wire | None]) -> None:
        self.wires = tuple(wires)
        self.viewers: list[Viewer] = []
        self.starts = [0] * len(wires)  # the latest of the viewers'
        self.packets = [0] * len(wires)
        self.octets = [0] * len(wires)

    def add(self, viewer: Viewer) -> None:
        self.viewers.append(viewer)
        self.starts = list(map(max, self.starts, viewer.starts))

    def remove(self, viewer: Viewer) -> None:
        self.viewers.remove(viewer)

    def sent(self, viewer: Viewer, track: int) -> tuple[int, int]:
        """Packets and payload octets of `track` sent to `viewer`, for its sender report (RFC 3550 6.4.1)."""
        return (
            self.packets[track] - viewer.base_packets[track],
            self.octets[track] - viewer.base_octets[track],
        )

    def send(self, burst: Sequence[Outgoing], buffer: memoryview, transmit: Transmit) -> None:
        """Protect `burst` for each viewer and transmit it. At most `MAX_SEGMENTS` packets a call."""
        entries = self._lay_out(burst, buffer)
        if not entries:
            return
        for entry in entries:
            self.packets[entry.track] += 1
            self.octets[entry.track] += len(entry.payload)
        if any(entry.extended < self.starts[entry.track] for entry in entries):
            for viewer in self.viewers:
                _send_from_start(viewer, entries, transmit)
            return
        runs = _runs(entries, buffer)
        for viewer in self.viewers:
            if viewer.gcm is None:
                _send_by_libsrtp(viewer, entries, transmit)
                continue
            # the hot loop: once per packet and viewer
            encrypt_into, salt, offsets = viewer.gcm.encrypt_into, viewer.gcm.salt, viewer.offsets
            for track, _, iv, header, payload, ciphertext, _ in entries:
                encrypt_into(((iv - offsets[track]) ^ salt).to_bytes(12), payload, header, ciphertext)
            for buffers, size in runs:
                transmit(buffers, size, viewer.address)

    def resend(self, viewer: Viewer, packet: Outgoing, transmit: Transmit) -> bool:
        """Send `viewer` a packet that it was sent before; False when that cannot be done any more.

        Without a stream for it, what goes out is what went out first, byte for byte: only so may an index
        serve again.
        """
        wire = self.wires[packet.track]
        assert wire is not None
        stream = viewer.rtx[packet.track]
        try:
            if stream is None:
                index = packet.extended - viewer.offsets[packet.track]
                datagram = viewer.protect(packet.ssrc, index, _header(packet, wire), packet.packet.payload)
            else:
                block = map_extensions(packet.packet.extensions, wire.extensions)
                index, header, payload = stream.wrap(
                    packet.packet, packet.extended & 0xFFFF, packet.timestamp, block
                )
                datagram = viewer.protect(stream.ssrc, index, header, payload)
        except (SrtpError, RtxError):  # too old for libsrtp's window; wrong padding
            return False
        transmit([datagram], len(datagram), viewer.address)
        return True

    def _lay_out(self, burst: Sequence[Outgoing], buffer: memoryview) -> list[_Entry]:
        entries = []
        at = 0
        for outgoing in burst:
            wire = self.wires[outgoing.track]
            if wire is None:
                continue
            payload = outgoing.packet.payload
            header = _header(outgoing, wire)
            body = at + len(header)
            end = body + len(payload) + GCM_TAG
            buffer[at:body] = header
            entries.append(
                _Entry(
                    outgoing.track,
                    outgoing.extended,
                    outgoing.ssrc << 48 | outgoing.extended,
                    header,
                    payload,
                    buffer[body:end],
                    buffer[at:end],
                )
            )
            at = end
        return entries


def _header(outgoing: Outgoing, wire: Wire) -> bytes:
    """The same bytes whenever it is asked: a packet that is sent again must be the same."""
    _, ssrc, extended, timestamp, packet = outgoing
    block = map_extensions(packet.extensions, wire.extensions) if packet.extensions else b""
    return build_header(packet, wire.payload_type, extended & 0xFFFF, timestamp, ssrc, block)


def _runs(entries: Sequence[_Entry], buffer: memoryview) -> list[tuple[list[memoryview], int]]:
    """Neighbours of equal size, where the last may be shorter: `(buffers, segment size)`."""
    runs = []
    start = at = segment = 0
    for entry in entries:
        size = len(entry.datagram)
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


def _send_from_start(viewer: Viewer, entries: Sequence[_Entry], transmit: Transmit) -> None:
    """Packet by packet, without those before the viewer's start: late ones, when somebody just joined."""
    due = [entry for entry in entries if entry.extended >= viewer.starts[entry.track]]
    if viewer.gcm is None:
        _send_by_libsrtp(viewer, due, transmit)
        return
    for track, _, iv, header, payload, ciphertext, datagram in due:
        nonce = ((iv - viewer.offsets[track]) ^ viewer.gcm.salt).to_bytes(12)
        viewer.gcm.encrypt_into(nonce, payload, header, ciphertext)
        transmit([datagram], len(datagram), viewer.address)


def _send_by_libsrtp(viewer: Viewer, entries: Sequence[_Entry], transmit: Transmit) -> None:
    protect = viewer.srtp.protect
    for entry in entries:
        datagram = protect(entry.header + entry.payload)
        transmit([datagram], len(datagram), viewer.address)
