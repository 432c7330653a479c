"""One end of a relay between two workers: its keep-alives, and the address of the other end.

A relay carries one room from the worker that has its publisher (the origin) to one that has only viewers
(an edge): SRTP down, SRTCP both ways. It uses the workers' sockets for clients, with keys that were exchanged
by RPC. There is no ICE and no DTLS. The origin names its possible addresses; the edge sends a hello to all of
them. From then on each end sends to the address from which it heard the other. Packets that are not authentic
are ignored.

Each end sends RTCP at least once a second, so each notices when the other is gone.
"""

import math
import os
from collections.abc import Callable, Iterable, Sequence

from media.rtp.libsrtp import SrtpError
from media.rtp.rtcp import Bye, Packet, receiver_report
from media.rtp.srtp import Profile, SrtpKeys, inbound_session
from media.rtp.srtp_sender import SrtpSender
from media.transport.address import Address

KEEP_ALIVE_SECONDS = 1.0
HELLO_SECONDS = 0.2  # between hellos, until the other end is heard
# An address is kept for this long after it was heard: all of the origin's addresses may work at once.
MOVE_SECONDS = 2.0
SILENT_SECONDS = 2.0  # whoever sends nothing for so long is taken for gone
# Reasons in an origin's BYE. The last one comes from edges that feed others, and only to those that know it.
ROOM_IS_OVER, OPEN_AGAIN, OPEN_ELSEWHERE = b"over", b"again", b"elsewhere"
PROFILE = Profile.AEAD_AES_128_GCM
KEY_BYTES = PROFILE.key_length + PROFILE.salt_length

Send = Callable[[bytes, Address], None]


def new_key() -> bytes:
    """A master key and salt. Each end of each relay needs one of its own to send under."""
    return os.urandom(KEY_BYTES)


class Link:
    """Sends and receives the RTCP of one end. `now` is in seconds of a steady clock.

    The other end finds the relay by the first SSRC of a packet. `ssrc` is one that it knows, for keep-alives.
    RTCP goes to all `addresses` until the other end is heard; the origin has none. `outbound` may be set
    later, or taken away: nothing is sent without it.
    """

    def __init__(
        self,
        keys: SrtpKeys,
        ssrc: int,
        addresses: Sequence[Address],
        send: Send,
        now: float,
        outbound: SrtpSender | None = None,
    ) -> None:
        self.address: Address | None = None
        self.heard_at = now
        self.ssrc = ssrc
        self.outbound = outbound
        self._inbound = inbound_session(keys)
        self._report = receiver_report(ssrc, ())
        self._words = b""
        self._said_at = -math.inf
        self._addresses = addresses
        self._send = send
        self._heard_there_at = -math.inf

    def receive(self, datagram: bytes, source: Address, now: float) -> bytes | None:
        """Decrypt RTCP of the other end; None if it is forged or replayed."""
        try:
            compound = self._inbound.unprotect_rtcp(datagram)
        except SrtpError:
            return None
        self.heard_at = now
        if source != self.address and now - self._heard_there_at >= MOVE_SECONDS:
            self.address = source
        if source == self.address:
            self._heard_there_at = now
        return compound

    def send(self, compound: bytes) -> None:
        """Protect and send RTCP. Dropped while there is no way out."""
        if self.outbound is None:
            return
        datagram = self.outbound.protect_rtcp(compound)
        for address in self._addresses if self.address is None else (self.address,):
            self._send(datagram, address)

    def say(self, words: bytes) -> None:
        """Tell the other end `words`, RTCP of ours, with each keep-alive; soon, if they are new."""
        if words != self._words:
            self._words, self._said_at = words, -math.inf

    def tick(self, now: float) -> None:
        """Send a keep-alive if one is due. Called several times a second."""
        pause = HELLO_SECONDS if self.address is None else KEEP_ALIVE_SECONDS
        if self.outbound is not None and now - self._said_at >= pause:
            self.send(self._report + self._words)
            self._said_at = now


def goodbye(packets: Iterable[Packet]) -> bytes | None:
    """The reason of the BYE among `packets`; None if there is none."""
    return next((packet.reason for packet in packets if isinstance(packet, Bye)), None)
