"""Sorts the datagrams of one socket by protocol (RFC 7983), and delivers each to its session."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from media.rtp.joined import Joined
from media.rtp.packet import is_rtcp
from media.sessions.session import Session
from media.switch.feed import Feed
from media.transport.address import Address, TcpAddress
from media.transport.stun import BINDING_SUCCESS, StunError, parse_binding_request

# Addresses from which one peer may send. A client has one for each interface and address family.
MAX_ADDRESSES = 8

# SRTP and SRTCP for a feed.
Media = tuple[Feed, list[bytes] | Joined]


class RelayEnd(Protocol):
    """An end of a relay between workers."""

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        """Take SRTP or SRTCP. Returns the feed for which the switch must process it, if any."""

    def breaks(self, fault: Exception) -> None:
        """Note a bug of ours that a datagram triggered. The next tick ends this relay only."""


class Demux:
    """Finds sessions by the ufrag of a check, and by each address from which a valid check came.

    A client whose address has changed is also found by the SSRC of what it sends, unless another one had that
    first: a publisher sends all the time, a viewer reports each second, and both may send the next check much
    later. If the SRTP or SRTCP is authentic, its source is asked for a proof, as that of a check is.

    `asked` takes a STUN response and its source first: whether it answers a question of the worker's own. A
    session whose checks seem to come from the server that was asked does not get it.

    Relays send no checks: they are found by SSRC, and learn the other end's address from authentic packets.
    `taken` is called with each address that a session gets, `left` with each that is nobody's any more.
    """

    def __init__(
        self,
        send: Callable[[bytes, Address], None],
        asked: Callable[[bytes, Address], bool],
        taken: Callable[[Address], None] = lambda _: None,
        left: Callable[[Address], None] = lambda _: None,
    ) -> None:
        self._send = send
        self._asked = asked
        self._taken = taken
        self._left = left
        self._by_ufrag: dict[str, Session] = {}
        self._ufrags: dict[Session, Sequence[str]] = {}  # by which each is found
        self._by_address: dict[Address, Session] = {}
        self._addresses: dict[Session, list[Address]] = {}
        self._by_ssrc: dict[bytes, Session] = {}  # of its SRTP or SRTCP
        self._ssrcs: dict[Session, list[bytes]] = {}
        self._relays: dict[bytes, RelayEnd] = {}  # by SSRC

    def __len__(self) -> int:
        """How many entries it holds, for sessions and relays."""
        sessions = len(self._by_ufrag) + len(self._ufrags) + len(self._by_address) + len(self._addresses)
        return sessions + len(self._by_ssrc) + len(self._ssrcs) + self.relay_count

    @property
    def relay_count(self) -> int:
        """How many SSRCs of relays it knows."""
        return len(self._relays)

    def add(self, session: Session) -> None:
        """Deliver to `session` from now on. Call it again when an ICE restart has changed its ufrag."""
        self._addresses.setdefault(session, [])
        self._forget_ufrags(session)
        self._ufrags[session] = session.ice.local_ufrags
        for ufrag in session.ice.local_ufrags:
            self._by_ufrag[ufrag] = session

    def sends_as(self, session: Session, ssrc: bytes) -> None:
        """Find `session` by `ssrc`, too, from now on; the first one that has it."""
        if ssrc not in self._by_ssrc:
            self._by_ssrc[ssrc] = session
            self._ssrcs.setdefault(session, []).append(ssrc)

    def remove(self, session: Session) -> None:
        self._forget_ufrags(session)
        for ssrc in self._ssrcs.pop(session, ()):
            del self._by_ssrc[ssrc]
        for address in self._addresses.pop(session, ()):
            del self._by_address[address]
            self._left(address)

    def add_relay(self, ssrcs: Iterable[int], relay: RelayEnd) -> None:
        """Deliver packets of `ssrcs` to `relay`, whatever address they come from."""
        for ssrc in ssrcs:
            self._relays[ssrc.to_bytes(4)] = relay

    def remove_relay(self, ssrcs: Iterable[int], relay: RelayEnd) -> None:
        """Deliver no more to `relay`. SSRCs that another relay has taken over stay with that one."""
        for ssrc in ssrcs:
            if self._relays.get(ssrc.to_bytes(4)) is relay:
                del self._relays[ssrc.to_bytes(4)]

    def sort(self, batch: Iterable[tuple[bytes | Joined, Address]], now: float) -> list[Media]:
        """Deliver a batch of datagrams. Returns publishers' SRTP and SRTCP, in runs, each with its feed."""
        media: list[Media] = []
        part: list[tuple[bytes, Address]] = []
        for data, address in batch:
            if isinstance(data, bytes):
                part.append((data, address))
            elif (feed := self._fed_by(address, data)) is None:
                part += [(datagram, address) for datagram in data]
            else:
                if part:  # it came before
                    media += self._sort(part, now)
                    part = []
                media.append((feed, data))
        return media + self._sort(part, now) if part else media

    def _sort(self, batch: Iterable[tuple[bytes, Address]], now: float) -> list[Media]:
        media: list[Media] = []
        source: Address | None = None
        session: Session | None = None
        run: list[bytes] | None = None  # from `source`, if that feeds a room and no relay may be behind it
        for datagram, address in batch:
            first = datagram[0] if datagram else 255
            if run is not None and address is source and 128 <= first <= 191:
                run.append(datagram)  # datagrams of one run share the address object
                continue
            run = None
            if first <= 3:
                self._take_stun(datagram, address, now)
                source = None  # the address may belong to another session now
                continue
            # Relays before sessions: a client whose checks seem to come from another worker takes nothing.
            # Whether a packet of their SSRC is authentic, they find out.
            if self._relays and (relay := self._relays.get(_ssrc_of(datagram))) is not None:
                try:
                    if (feed := relay.receive_media(datagram, address, now)) is not None:
                        _add(media, feed, datagram)
                except Exception as fault:
                    relay.breaks(fault)
                continue
            if address is not source:
                source, session = address, self._by_address.get(address)
            if session is None:
                self._take_stray(datagram, address, now)
                source = None  # the address may belong to a session now
                continue
            try:
                if 128 <= first <= 191:
                    feed = session.receive_media(datagram, address, now)
                    if feed is not None:
                        added = _add(media, feed, datagram)
                        run = None if self._relays else added
                elif 20 <= first <= 63:
                    session.receive_dtls(datagram)
            except Exception as fault:
                session.breaks(fault)
        return media

    def _fed_by(self, address: Address, joined: Joined) -> Feed | None:
        """The feed of a publisher whose media came joined, and nothing else with it; None: look at each."""
        session = None if self._relays else self._by_address.get(address)
        if session is None or session.feeds is None or not joined.begin_within(128, 191):
            return None
        return session.feeds

    def _take_stun(self, datagram: bytes, address: Address, now: float) -> None:
        if datagram.startswith(BINDING_SUCCESS):
            self._take_response(datagram, address, now)
        else:
            self._check(datagram, address, now)

    def _take_stray(self, datagram: bytes, address: Address, now: float) -> None:
        """Take SRTP or SRTCP from an address that is nobody's. A forged one costs three decryptions."""
        session = self._by_ssrc.get(_ssrc_of(datagram))
        if session is None:
            return
        try:
            if session.receive_stray(datagram, address, now):
                self._learn_address(session, address)
        except Exception as fault:
            session.breaks(fault)

    def _check(self, datagram: bytes, address: Address, now: float) -> None:
        try:
            request = parse_binding_request(datagram)
        except StunError:
            return
        session = self._by_ufrag.get(request.local_ufrag)
        if session is None:
            return
        holder = self._by_address.get(address)
        if holder is not None and holder is not session and _keeps(holder, address, now):
            return  # a forged source, to steal that peer's media or to have ours sent to it
        try:
            result = session.receive_check(request, address, now)
        except Exception as fault:
            session.breaks(fault)
            return
        if result.valid:
            self._learn_address(session, address)
        self._send(result.reply, address)

    def _take_response(self, datagram: bytes, address: Address, now: float) -> None:
        if self._asked(datagram, address):
            return
        session = self._by_address.get(address)
        if session is None:
            return
        try:
            session.receive_response(datagram, address, now)
        except Exception as fault:
            session.breaks(fault)

    def _learn_address(self, session: Session, address: Address) -> None:
        former = self._by_address.get(address)
        if former is session:
            return
        if former is not None:
            self._addresses[former].remove(address)
        self._by_address[address] = session
        self._taken(address)
        addresses = self._addresses[session]
        addresses.append(address)
        if len(addresses) > MAX_ADDRESSES:
            oldest = next(a for a in addresses if a != session.ice.selected)
            addresses.remove(oldest)
            del self._by_address[oldest]
            self._left(oldest)

    def _forget_ufrags(self, session: Session) -> None:
        for ufrag in self._ufrags.pop(session, ()):
            if self._by_ufrag.get(ufrag) is session:
                del self._by_ufrag[ufrag]


def _add(media: list[Media], feed: Feed, datagram: bytes) -> list[bytes]:
    """Add a datagram to the run of its feed, which may go on; returns the run."""
    if media and media[-1][0] is feed and isinstance(run := media[-1][1], list):
        run.append(datagram)
        return run
    added = [datagram]
    media.append((feed, added))
    return added


def _ssrc_of(datagram: bytes) -> bytes:
    """The SSRC of SRTP or SRTCP; empty: it is neither."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        return b""
    return datagram[4:8] if is_rtcp(datagram) else datagram[8:12]


def _keeps(holder: Session, address: Address, now: float) -> bool:
    """Whether an address stays with its session, whoever else checks from there. A connection always does."""
    return isinstance(address, TcpAddress) or holder.ice.holds(address, now)
