"""The far end of a viewer's session."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from media.counts import ViewerStats
from media.feedback.playback import Playback
from media.line.handshake_train import Measured
from media.rtp.packet import RtpPacket, parse
from media.rtp.rtcp import ReportBlock, nack, receiver_report
from media.rtp.srtp import Profile
from media.switch.viewer import Viewer
from media.switch.wire import Wire
from tests.support.far_end import far_receiver, new_keys

if TYPE_CHECKING:
    from tests.support.world import World

PLAIN = (Wire(96, {}), Wire(111, {}))
REPORTER = 9  # the SSRC that a viewer reports under


class FarViewer:
    """A viewer that has just connected, with libsrtp at its end.

    `playback` and `viewer` are what a worker knows of it. `waited` are the seconds until its first picture.
    """

    def __init__(
        self,
        room: "World",
        wires: Sequence[Wire | None] = PLAIN,
        profile: Profile = Profile.AEAD_AES_128_GCM,
        rendition: int | None = None,
        line: Measured | None = None,
        since: float | None = None,
    ) -> None:
        self.room = room
        self.keys = new_keys(profile)
        self.joined_at = room.now
        self.inbox: list[tuple[float, bytes]] = []  # when each datagram came, since the last look
        self.waited: list[float] = []
        self.stats = ViewerStats(first_picture=self.waited.append)
        self._end = far_receiver(self.keys)
        address = room.arrives(self)
        self.playback = Playback(
            room.switch,
            room.feed,
            room.feedback,
            self.keys,
            wires,
            address,
            self.stats,
            since=room.now if since is None else since,
            now=room.now,
            rendition=rendition,
            line=line,
        )
        self.viewer: Viewer = next(viewer for viewer in room.feed.viewers if viewer.address == address)

    def receive(self, datagram: bytes) -> None:
        """Take what was sent to it."""
        self.inbox.append((self.room.now, datagram))

    def leave(self) -> None:
        self.room.viewers.remove(self)
        self.playback.end()

    # --- what it got

    def arrivals(self) -> list[tuple[float, bytes]]:
        """The datagrams since the last look, each with the time of its arrival."""
        taken, self.inbox = self.inbox, []
        return taken

    def datagrams(self) -> list[bytes]:
        """The datagrams since the last look."""
        return [datagram for _, datagram in self.arrivals()]

    def plain(self) -> list[bytes]:
        """The same, decrypted."""
        return [self._end.unprotect(datagram) for datagram in self.datagrams()]

    def packets(self, datagrams: Sequence[bytes] | None = None) -> list[RtpPacket]:
        """The packets since the last look; or those of `datagrams`, looked at before."""
        taken = self.datagrams() if datagrams is None else datagrams
        return [parse(self._end.unprotect(datagram)) for datagram in taken]

    # --- what it says

    def says(self, compound: bytes) -> None:
        """Send RTCP, which nobody encrypts on the way."""
        self.playback.receive(compound, self.room.now)

    def reports(self, ssrc: int, last: int, delay: float = 0.0) -> None:
        """Report on a stream: our report that LSR names came `delay` seconds ago."""
        block = ReportBlock(ssrc, 0, 0, 0, 0, last, min(round(delay * 0x10000), 0xFFFFFFFF))
        self.says(receiver_report(REPORTER, [block]))

    def loses(self, ssrc: int, *sequences: int) -> list[bytes]:
        """Ask for these packets again; returns the datagrams that come at once."""
        lost = [sequence & 0xFFFF for sequence in sequences]
        self.says(receiver_report(REPORTER, []) + nack(REPORTER, ssrc, lost))
        return self.datagrams()


def is_patched(viewer: Viewer) -> bool:
    """Whether its numbers differ from the room's."""
    return any(offset & 0xFFFF for offset in viewer.offsets) or any(viewer.shifts)
