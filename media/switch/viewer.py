"""What goes out to viewers: a packet in the room's numbers, its form on a wire, and the viewer that gets it.

A wire profile is what viewers negotiated alike: payload types and header-extension ids of each track.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from media.rtp.extensions import PlayoutDelay
from media.rtp.libsrtp import SrtpSession
from media.rtp.rtx import RtxStream
from media.rtp.sequence import behind_guard
from media.rtp.srtp import GCM_TAG, GcmSender, Profile, SrtpKeys, outbound_session
from media.switch.join_burst import JoinBurst
from media.tracks.outgoing import Outgoing
from media.transport.address import Address

if TYPE_CHECKING:
    from media.switch.wire_profile import WireProfile


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
