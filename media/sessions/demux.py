"""Tells the datagrams of one socket apart and hands each to its session (RFC 7983)."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

from media.sessions.session import Session
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.transport.address import Address
from media.transport.stun import StunError, parse_binding_request

# Addresses from which one peer may send; a client has as many as it has interfaces and families.
MAX_ADDRESSES = 8


class RelayEnd(Protocol):
    """An end of a relay between workers."""

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        """Take SRTP or SRTCP. Returns the feed whose switch must have the datagram, if any."""


class Demux:
    """Finds sessions by the ufrag of a check and by the address that a valid check came from.

    Relays send no checks. They are found by the SSRC, and the address is learned from what proves authentic.

    `rtcp` takes a publisher's decrypted RTCP with its feed.
    """

    def __init__(
        self,
        switch: PacketSwitch,
        send: Callable[[bytes, Address], None],
        rtcp: Callable[[Feed, bytes, float], None],
    ) -> None:
        self._switch = switch
        self._send = send
        self._rtcp = rtcp
        self._by_ufrag: dict[str, Session] = {}
        self._by_address: dict[Address, Session] = {}
        self._addresses: dict[Session, list[Address]] = {}
        self._relays: dict[bytes, RelayEnd] = {}  # by SSRC

    def add(self, session: Session) -> None:
        """Deliver to `session` from now on. Call it again when an ICE restart gave it another ufrag."""
        self._addresses.setdefault(session, [])
        self._forget_ufrags(session)
        for ufrag in session.ice.local_ufrags:
            self._by_ufrag[ufrag] = session

    def remove(self, session: Session) -> None:
        self._forget_ufrags(session)
        for address in self._addresses.pop(session, ()):
            del self._by_address[address]

    def add_relay(self, ssrcs: Iterable[int], relay: RelayEnd) -> None:
        """Deliver to `relay` what comes under `ssrcs` from no session's address."""
        for ssrc in ssrcs:
            self._relays[ssrc.to_bytes(4)] = relay

    def remove_relay(self, ssrcs: Iterable[int]) -> None:
        for ssrc in ssrcs:
            self._relays.pop(ssrc.to_bytes(4), None)

    def receive(self, batch: list[tuple[bytes, Address]]) -> bool:
        """Deliver a batch of datagrams; publishers' media goes through the switch at once.

        Returns whether there was any media.
        """
        now = monotonic()
        media: list[tuple[Feed, bytes]] = []
        source: Address | None = None
        session: Session | None = None
        for datagram, address in batch:
            first = datagram[0] if datagram else 255
            if first <= 3:
                self._check(datagram, address, now)
                source = None  # it may be another's by now
                continue
            if address is not source:  # those of a run share it
                source, session = address, self._by_address.get(address)
            if session is None:
                if (feed := self._from_relay(datagram, address, now)) is not None:
                    media.append((feed, datagram))
                continue
            try:
                if 128 <= first <= 191:
                    feed = session.receive_media(datagram, now)
                    if feed is not None:
                        media.append((feed, datagram))
                elif 20 <= first <= 63:
                    session.receive_dtls(datagram)
            except Exception as fault:
                session.breaks(fault)
        if media:
            for feed, compound in self._switch.receive(media, now):
                try:
                    self._rtcp(feed, compound, now)
                except Exception as fault:
                    feed.breaks(fault)
        return bool(media)

    def _from_relay(self, datagram: bytes, address: Address, now: float) -> Feed | None:
        if len(datagram) < 12 or datagram[0] >> 6 != 2:
            return None
        is_rtcp = 192 <= datagram[1] <= 223  # RFC 5761 4
        relay = self._relays.get(datagram[4:8] if is_rtcp else datagram[8:12])
        return None if relay is None else relay.receive_media(datagram, address, now)

    def _check(self, datagram: bytes, address: Address, now: float) -> None:
        try:
            request = parse_binding_request(datagram)
        except StunError:
            return
        session = self._by_ufrag.get(request.local_ufrag)
        if session is None:
            return
        holder = self._by_address.get(address)
        if holder is not None and holder is not session and holder.ice.holds(address, now):
            return  # its source is forged, to take another's media away or to have ours sent there
        try:
            result = session.receive_check(request, address, now)
        except Exception as fault:
            session.breaks(fault)
            return
        if result.valid:
            self._learn_address(session, address)
        self._send(result.reply, address)

    def _learn_address(self, session: Session, address: Address) -> None:
        former = self._by_address.get(address)
        if former is session:
            return
        if former is not None:
            self._addresses[former].remove(address)
        self._by_address[address] = session
        addresses = self._addresses[session]
        addresses.append(address)
        if len(addresses) > MAX_ADDRESSES:
            oldest = next(a for a in addresses if a != session.ice.selected)
            addresses.remove(oldest)
            del self._by_address[oldest]

    def _forget_ufrags(self, session: Session) -> None:
        for ufrag in [u for u in session.ufrags if self._by_ufrag.get(u) is session]:
            del self._by_ufrag[ufrag]
        session.ufrags = session.ice.local_ufrags
