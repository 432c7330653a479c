"""The edge's end of a relay: the source of a room whose publisher is at another worker."""

import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address

from media.negotiation.agreed_tracks import PublishedTrack
from media.relay.link import OPEN_AGAIN, RelayLink, RelaySecrets, Send, goodbye, new_secrets
from media.rtp.rtcp import bye
from media.rtp.srtp import outbound_session
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.transport.address import Address
from shared.messages.relays import OpenRelay, RelayOpened, RelayTrack
from shared.names import RoomName, WorkerId
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources

SILENT_SECONDS = 3.0  # of an origin; it says something each second


class RelayIn:
    """One relay of a room, from `connect` until it is lost. `ended` is called once, when it has ended.

    It is lost when the origin is silent, or says goodbye; its room stays, and may get another.
    """

    def __init__(
        self,
        room: RoomName,
        origin: WorkerId,
        order: "Order",
        demux: Demux,
        send: Send,
        ended: Callable[["RelayIn"], None],
    ) -> None:
        self.room = room
        self.origin: WorkerId | None = origin
        self.lost_at: float | None = None
        self.over = False  # the origin has said that the room is no more
        self.has_run = False  # the origin was heard on it
        self.ended = False
        self._order = order
        self._demux = demux
        self._send = send
        self._on_end = ended
        self._link: RelayLink | None = None
        self._known_by: Sequence[int] = ()

    @property
    def heard_at(self) -> float:
        return -math.inf if self._link is None else self._link.heard_at

    def is_alive(self, now: float) -> bool:
        return self._link is not None

    def relay_into(self, switch: PacketSwitch, feed: Feed) -> None:
        self._switch = switch
        self._feed = feed

    def connect(self, opened: RelayOpened, now: float) -> None:
        """Take the room's media from the origin, which has `opened` what was ordered."""
        keys = self._order.secrets.at_edge()
        addresses: list[Address] = [(str(ip_address(host)), port) for host, port in opened.addresses]
        outbound = outbound_session(keys)
        self._link = RelayLink(keys, self._order.ssrc, addresses, self._send, now, outbound)
        self._known_by = tuple(track.ssrc for track in opened.tracks)
        self._demux.add_relay(self._known_by, self)
        self._switch.open_source(self._feed, keys)
        self._link.tick(now)

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        """Take the origin's SRTP or SRTCP; returns the feed whose switch must have it."""
        if self._link is None:
            return None
        if 192 <= datagram[1] <= 223:  # RFC 5761 4
            compound = self._link.receive(datagram, source, now)
            if compound is None:
                return None
            self.has_run = True
            if (reason := goodbye(compound)) is not None:
                self.over = reason != OPEN_AGAIN
                self._lose(now)
        return self._feed

    def send_rtcp(self, compound: bytes) -> None:
        """Send RTCP to the origin, which knows the relay by the SSRC that comes first."""
        if self._link is not None:
            self._link.send(compound[:4] + self._order.ssrc.to_bytes(4) + compound[8:])

    def tick(self, now: float) -> None:
        """Keep it alive, or note that it is lost. Called some times a second."""
        if self._link is not None:
            self._link.tick(now)
            if now - self._link.heard_at >= SILENT_SECONDS:
                self._lose(now)

    def end(self, reason: EndReason) -> None:
        if self.ended:
            return
        self.ended = True
        self.send_rtcp(bye((self._order.ssrc,)))
        self._disconnect()
        self._on_end(self)

    def _lose(self, now: float) -> None:
        self._disconnect()
        self.lost_at = now

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link = None
            self._switch.close_source(self._feed)
            self._demux.remove_relay(self._known_by)


class Order:
    """What an edge asks an origin for: one relay, with keys and an SSRC of its own."""

    def __init__(self) -> None:
        self.secrets: RelaySecrets = new_secrets()
        self.ssrc = secrets.randbelow(0xFFFFFFFE) + 1

    def message(self, room: RoomName, edge: WorkerId) -> OpenRelay:
        return OpenRelay(room=room, edge=edge, ssrc=self.ssrc, down=self.secrets.down, up=self.secrets.up)


def published_tracks(tracks: Iterable[RelayTrack]) -> tuple[PublishedTrack, ...]:
    """The tracks that come over a relay, as the edge's room has them."""
    return tuple(
        PublishedTrack(
            kind=track.kind,
            mid="",
            codec=Codec(
                payload_type=track.payload_type,
                name=track.codec,
                clock_rate=track.clock_rate,
                channels=track.channels,
                parameters=track.parameters,
                fmtp=";".join(f"{key}={value}" if value else key for key, value in track.parameters.items()),
                feedback=frozenset({"nack", "nack pli"}),
            ),
            extensions=track.extensions,
            sources=Sources(ssrcs=(track.ssrc,)),
        )
        for track in tracks
    )
