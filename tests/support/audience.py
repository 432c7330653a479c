"""Viewers of one wire profile, without a switch before them: what is sent to them, and in which sends."""

from collections import defaultdict
from collections.abc import Sequence

from media.pure.fan_out import fan_out_by
from media.rtp.extensions import send_time
from media.rtp.run import MOST_PACKETS, Run
from media.rtp.srtp import InboundSession, Profile, SrtpKeys, inbound_session
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.transport.address import MAX_RUN_BYTES, Address
from tests.support.far_end import new_keys, rtp
from tests.support.far_viewer import PLAIN
from tests.support.native_loop import looped_fan_out
from tests.support.published import VIDEO
from tests.support.runs import run_of
from tests.support.world import SSRCS


class Sends:
    """Records what is transmitted, copied at once as the kernel would."""

    def __init__(self) -> None:
        self.calls: list[tuple[Address, int, int]] = []  # address, segment size, segments
        self.datagrams: defaultdict[Address, list[bytes]] = defaultdict(list)

    def __call__(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        segments = [run[at : at + size] for at in range(0, len(run), size)]
        assert 1 <= len(segments) <= MOST_PACKETS
        assert len(run) <= MAX_RUN_BYTES
        self.calls.append((address, size, len(segments)))
        self.datagrams[address] += segments


class Audience:
    """Viewers that get each track in one form, each with libsrtp at its far end."""

    def __init__(self, wires: Sequence[Wire | None] = PLAIN) -> None:
        self._wires = wires
        self.profiles = {n: WireProfile(n, wire) for n, wire in enumerate(wires) if wire is not None}
        self.sends = Sends()
        self._by_each = fan_out_by(self.sends)
        self._fan_out = looped_fan_out(self.sends) or self._by_each
        self._ends: dict[Address, InboundSession] = {}

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
            self._fan_out if profile is Profile.AEAD_AES_128_GCM else self._by_each,
            self._wires,
            next_indexes,
        )
        for number, profile in self.profiles.items():
            viewer.get(number, profile.wire, profile.count)
            profile.add(viewer)
        return viewer

    def send(self, *runs: Run) -> None:
        for run in runs:
            if run.track in self.profiles:
                self.profiles[run.track].send(run, send_time(0.0))

    def received(self, viewer: Viewer) -> list[bytes]:
        """What arrived since the last call, decrypted."""
        return [
            self._ends[viewer.address].unprotect(datagram)
            for datagram in self.sends.datagrams.pop(viewer.address, [])
        ]


def video(count: int, size: int = 1000, first: int = 1) -> Run:
    """So many packets of the room's video."""
    packets = [rtp(n, (n.to_bytes(8) * size)[:size], timestamp=900) for n in range(first, first + count)]
    return run_of(*packets, track=VIDEO, ssrc=SSRCS[VIDEO], first=first)
