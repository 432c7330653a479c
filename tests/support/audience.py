"""Viewers of one wire profile, without a switch before them: what is sent to them, and in which sends."""

from collections import defaultdict
from collections.abc import Sequence

from media.rtp.packet import parse
from media.rtp.srtp import InboundSession, Profile, SrtpKeys, inbound_session
from media.switch.laid_burst import BUFFER_BYTES, MAX_RUN_BYTES, MAX_SEGMENTS
from media.switch.packet_header import SentAt
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.tracks.outgoing import Outgoing
from media.transport.address import Address
from tests.support.far_end import new_keys, rtp
from tests.support.far_viewer import PLAIN
from tests.support.native_loop import looped_fan_out
from tests.support.published import VIDEO
from tests.support.world import SSRCS


class Sends:
    """Records what is transmitted, copied at once as the kernel would."""

    def __init__(self) -> None:
        self.calls: list[tuple[Address, int, int]] = []  # address, segment size, segments
        self.datagrams: defaultdict[Address, list[bytes]] = defaultdict(list)

    def __call__(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        segments = [run[at : at + size] for at in range(0, len(run), size)]
        assert 1 <= len(segments) <= MAX_SEGMENTS
        assert len(run) <= MAX_RUN_BYTES
        self.calls.append((address, size, len(segments)))
        self.datagrams[address] += segments


class Audience:
    """Viewers of one wire profile, each with libsrtp at its far end."""

    def __init__(self, wires: Sequence[Wire | None] = PLAIN) -> None:
        self.profile = WireProfile(wires)
        self.sends = Sends()
        self._fan_out = looped_fan_out(self.sends)
        self._ends: dict[Address, InboundSession] = {}
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def join(
        self, profile: Profile = Profile.AEAD_AES_128_GCM, next_indexes: Sequence[int] = (1, 1)
    ) -> Viewer:
        keys = new_keys(profile)
        address = (f"192.0.2.{len(self._ends)}", 5000)
        # the far end of these keys; its buffer takes the longest packets
        self._ends[address] = inbound_session(SrtpKeys(profile, keys.remote, keys.local))
        viewer = Viewer(
            keys,
            address,
            self.sends,
            self.profile.wires,
            self.profile.counts,
            next_indexes,
            fan_out=self._fan_out,
        )
        self.profile.add(viewer)
        return viewer

    def send(self, burst: Sequence[Outgoing]) -> None:
        self.profile.send(burst, self._buffer, SentAt(0.0))

    def received(self, viewer: Viewer) -> list[bytes]:
        """What arrived since the last call, decrypted."""
        return [
            self._ends[viewer.address].unprotect(datagram)
            for datagram in self.sends.datagrams.pop(viewer.address, [])
        ]


def outgoing(extended: int, packet: bytes, track: int = VIDEO, timestamp: int = 900) -> Outgoing:
    return Outgoing(track, SSRCS[track], extended, timestamp, parse(packet))


def video(count: int, size: int = 1000, first: int = 1) -> list[Outgoing]:
    return [outgoing(n, rtp(n, (n.to_bytes(8) * size)[:size])) for n in range(first, first + count)]
