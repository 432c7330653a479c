"""A run of packets as most pictures come: successive ones of one stream, which are read at once."""

from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple, Self

from media.rtp.extensions import Extensions, read_extensions
from media.rtp.joined import Joined
from media.rtp.packet import FIXED_SIZE, RtpPacket, read_fixed

_PLAIN, _EXTENDED = 0x80, 0x90  # version 2, and nothing but an extension


class PacketRun(NamedTuple):
    """Their headers, and their bodies, which are still encrypted. All have the same SSRC and payload type."""

    ssrc: int
    payload_type: int
    seconds: Sequence[int]  # bytes of marker and payload type
    sequences: Sequence[int]
    timestamps: Sequence[int]
    headers: Sequence[bytes]
    bodies: Sequence[bytes]
    extensions: Sequence[Extensions]  # empty: no packet has any

    @classmethod
    def of(cls, datagrams: Sequence[bytes] | Joined, sequence: int) -> Self | None:
        """None if they are no such run from `sequence` on, or if anything is unusual about one."""
        if min(map(len, datagrams)) < FIXED_SIZE:
            return None
        firsts, seconds, sequences, timestamps, ssrcs = zip(*map(read_fixed, datagrams), strict=True)
        count, ssrc, payload_type = len(datagrams), ssrcs[0], seconds[0] & 0x7F
        if (
            firsts.count(firsts[0]) != count
            or ssrcs.count(ssrc) != count
            or seconds.count(payload_type) + seconds.count(payload_type | 0x80) != count
            or sequences != tuple([number & 0xFFFF for number in range(sequence, sequence + count)])
        ):
            return None
        extensions: list[Extensions] = []
        if firsts[0] == _PLAIN:
            headers = [datagram[:FIXED_SIZE] for datagram in datagrams]
            bodies = [datagram[FIXED_SIZE:] for datagram in datagrams]
        elif firsts[0] == _EXTENDED:
            headers, bodies = [], []
            for datagram in datagrams:
                start = FIXED_SIZE + 4
                end = start + 4 * int.from_bytes(datagram[start - 2 : start])
                if end > len(datagram):
                    return None
                profile = int.from_bytes(datagram[FIXED_SIZE : FIXED_SIZE + 2])
                extensions.append(read_extensions(profile, datagram[start:end]))
                headers.append(datagram[:end])
                bodies.append(datagram[end:])
        else:
            return None
        return cls(ssrc, payload_type, seconds, sequences, timestamps, headers, bodies, extensions)

    def packets(self, payloads: Sequence[bytes]) -> list[RtpPacket]:
        """What `packet.parse` makes of each, with what its body was."""
        markers = [second >= 0x80 for second in self.seconds]
        same = repeat(self.payload_type), self.sequences, self.timestamps, repeat(self.ssrc)
        return list(map(RtpPacket, repeat(False), markers, *same, self.extensions or repeat(()), payloads))
