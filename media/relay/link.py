"""One end of a relay between two workers: what keeps it alive, and where the other end is.

A relay carries one room from the worker that has its publisher (the origin) to one that has only viewers
(an edge): SRTP down, SRTCP both ways, between their sockets for clients, under keys that the two agreed on by
RPC. There is no ICE and no DTLS. The origin names the addresses it may have; the edge says hello to all of
them, and from then on each end answers to where it heard the other. What is not authentic counts for nothing.

Each end says something each second; so each knows when the other one is gone.
"""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.rtcp import Bye, RtcpError, parse_compound, receiver_report
from media.rtp.srtp import Profile, SrtpKeys, inbound_session
from media.transport.address import Address

KEEP_ALIVE_SECONDS = 1.0
HELLO_SECONDS = 0.2  # until the other end is heard
# An address that was heard from less long ago is kept: all of the origin's addresses may work at once.
MOVE_SECONDS = 2.0
ROOM_IS_OVER, OPEN_AGAIN = b"over", b"again"  # reasons of an origin's BYE
PROFILE = Profile.AEAD_AES_128_GCM
KEY_BYTES = PROFILE.key_length + PROFILE.salt_length

Send = Callable[[bytes, Address], None]


@dataclass(frozen=True, slots=True)
class RelaySecrets:
    """Master key and salt of each direction, `KEY_BYTES` each. They serve one relay, once."""

    down: bytes = field(repr=False)
    up: bytes = field(repr=False)

    def at_origin(self) -> SrtpKeys:
        return SrtpKeys(PROFILE, local=self.down, remote=self.up)

    def at_edge(self) -> SrtpKeys:
        return SrtpKeys(PROFILE, local=self.up, remote=self.down)


def new_secrets() -> RelaySecrets:
    return RelaySecrets(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))


class Link:
    """Sends and takes the RTCP of one end. `now` is in seconds of a steady clock.

    The first SSRC of all that this end says has to be one by which the other end knows the relay; `ssrc` is.
    `addresses` are tried all, until the other end is heard; at the origin there are none. `outbound` may come
    later: nothing is sent before.
    """

    def __init__(
        self,
        keys: SrtpKeys,
        ssrc: int,
        addresses: Sequence[Address],
        send: Send,
        now: float,
        outbound: SrtpSession | None = None,
    ) -> None:
        self.address: Address | None = None
        self.heard_at = now
        self.outbound = outbound
        self._inbound = inbound_session(keys)
        self._keep_alive = receiver_report(ssrc, ())
        self._addresses = addresses
        self._send = send
        self._now = now
        self._heard_there_at = -math.inf
        self._sent_at = -math.inf

    def receive(self, datagram: bytes, source: Address, now: float) -> bytes | None:
        """The other end's RTCP, decrypted; None for what is not authentic, or was here before."""
        try:
            compound = self._inbound.unprotect_rtcp(datagram)
        except SrtpError:
            return None
        self._now = self.heard_at = now
        if source != self.address and now - self._heard_there_at >= MOVE_SECONDS:
            self.address = source
        if source == self.address:
            self._heard_there_at = now
        return compound

    def send(self, compound: bytes) -> None:
        """Protect and send RTCP."""
        if self.outbound is None:
            return
        datagram = self.outbound.protect_rtcp(compound)
        for address in self._addresses if self.address is None else (self.address,):
            self._send(datagram, address)
        self._sent_at = self._now

    def tick(self, now: float) -> None:
        """Say that this end is there, when it said nothing else for a while. Called some times a second."""
        self._now = now
        if now - self._sent_at >= (HELLO_SECONDS if self.address is None else KEEP_ALIVE_SECONDS):
            self.send(self._keep_alive)


def goodbye(compound: bytes) -> bytes | None:
    """The reason of the BYE in `compound`; None without one."""
    try:
        packets = parse_compound(compound)
    except RtcpError:
        return None
    return next((packet.reason for packet in packets if isinstance(packet, Bye)), None)
