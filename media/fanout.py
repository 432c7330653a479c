"""What goes out to viewers: a packet in the room's numbers, its form on a wire, and the viewer that gets it.

A wire profile is what viewers negotiated alike: payload types and header-extension ids of each track.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from media.join_burst import JoinBurst
from media.libsrtp import MAX_PACKET, SrtpSession
from media.rtp import RtpPacket
from media.rtx import RtxStream
from media.srtp import GCM_TAG, GcmSender, Profile, SrtpKeys, outbound_session

if TYPE_CHECKING:
    from media.wire_profile import WireProfile

Address = tuple[str, int] | tuple[str, int, int, int]
# (datagrams lying one behind the other; size of each but the last; destination)
Transmit = Callable[[bytes | memoryview, int, Address], None]

MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS of Linux
MAX_RUN_BYTES = 65_000  # a GSO send is one UDP datagram to the kernel
BUFFER_BYTES = MAX_SEGMENTS * MAX_PACKET
# Of so many packets at its beginning a viewer may lose all. Were they the last before the sequence number
# wraps, it would take a rollover counter of 1 for 0 and never decrypt anything: so it is never sent fewer
# before a wrap.
WRAP_GUARD = 64


@dataclass(frozen=True, slots=True)
class Wire:
    """One track on a viewer's wire; `extensions` maps ids of the publisher to ids of the viewer.

    Lost packets are sent again when `nack` is agreed on: under the payload type `rtx` in a stream of their
    own (RFC 4588), or, where that is None, once more as they were. `playout_delay` is the id of the header
    extension by which a viewer is told to wait for them.
    """

    payload_type: int
    extensions: Mapping[int, int]
    nack: bool = False
    rtx: int | None = None
    playout_delay: int | None = None

    def key(self) -> tuple[object, ...]:
        ids = tuple(sorted(self.extensions.items()))
        return (self.payload_type, ids, self.nack, self.rtx, self.playout_delay)


class PlayoutDelay(NamedTuple):
    """How long a viewer shall hold pictures back, in seconds: at least, and at most."""

    least: float
    most: float

    def value(self) -> bytes:
        """Two numbers of 12 bits, in units of 10 ms (webrtc.googlesource.com: playout-delay)."""
        least, most = (min(round(seconds * 100), 0xFFF) for seconds in self)
        return (least << 12 | most).to_bytes(3)


class Outgoing(Struct, frozen=True, gc=False):
    """A packet on its way out: `extended` is its 48-bit index in the room's numbering of `track`."""

    track: int
    ssrc: int
    extended: int
    timestamp: int
    packet: RtpPacket


class Viewer:
    """One receiver. `starts[track]` is the first index it gets; its rollover counter is 0 there.

    `rtx[track]` is the stream in which it gets lost packets again, if it has one. While it is `behind` the
    live edge of a track, it gets that track's packets in a way of its own.
    """

    __slots__ = (
        "address",
        "base_octets",
        "base_packets",
        "behind",
        "gcm",
        "offsets",
        "patience",
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
        self.srtp: SrtpSession = outbound_session(keys)
        self.behind: JoinBurst[Outgoing] | None = None
        self.patience: PlayoutDelay | None = None  # goes along with what it lost
        self.starts = [behind_guard(index) for index in next_indexes]
        self.offsets: tuple[int, ...] = ()
        self._count_rollovers()
        self.base_packets, self.base_octets = list(profile.packets), list(profile.octets)
        self.rtx = [
            RtxStream(ssrc, wire.rtx, first=1) if wire and wire.rtx is not None and ssrc is not None else None
            for wire, ssrc in zip(profile.wires, rtx_ssrcs or [None] * len(profile.wires), strict=True)
        ]

    def start_at(self, track: int, index: int) -> None:
        """Begin a track with that index, of which nothing was sent yet."""
        self.starts[track] = index
        self._count_rollovers()

    def _count_rollovers(self) -> None:
        self.offsets = tuple(start >> 16 << 16 for start in self.starts)

    def was_sent(self, track: int, index: int) -> bool:
        """Whether that packet's turn has come: it was sent, or is to be sent at once."""
        if index < self.starts[track]:
            return False
        return self.behind is None or track != self.behind.track or index < self.behind.next_index

    def count(self, packet: Outgoing, sent: int) -> None:
        """Correct the counts by 1 for what this viewer alone was sent, by -1 for what it alone was not."""
        self.base_packets[packet.track] -= sent
        self.base_octets[packet.track] -= sent * len(packet.packet.payload)

    def protect(self, ssrc: int, index: int, header: bytes, payload: bytes) -> bytes:
        """One datagram; `index` (48 bits) counts as this viewer counts. Raises `SrtpError`."""
        if self.gcm is None:
            return self.srtp.protect(header + payload)
        datagram = bytearray(header) + bytearray(len(payload) + GCM_TAG)
        nonce = ((ssrc << 48 | index) ^ self.gcm.salt).to_bytes(12)
        self.gcm.encrypt_into(nonce, payload, header, memoryview(datagram)[len(header) :])
        return bytes(datagram)


def before_wrap(index: int) -> int:
    """How many indices there are from `index` on before the sequence number wraps."""
    return 0x10000 - (index & 0xFFFF)


def behind_guard(index: int) -> int:
    """`index`, or the first one behind the wrap when that is too near."""
    left = before_wrap(index)
    return index + left if left <= WRAP_GUARD else index
