"""The edge's end of a relay: the source of a room whose publisher is at another worker.

The other end, here called the origin, is the worker that has the publisher, or an edge that feeds others.
"""

import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address

from media.feedback.compound import packets_of
from media.negotiation.agreed_tracks import PublishedTrack
from media.relay.link import OPEN_AGAIN, OPEN_ELSEWHERE, PROFILE, SILENT_SECONDS, Link, Send, goodbye, new_key
from media.relay.messages import (
    read_figures,
    read_round_trip,
    read_starved,
    says_leaves,
    takes_edges,
    wanted_layers,
)
from media.relay.tiers import LAST_TIER
from media.relay.wanted_layers import watched
from media.rtp.packet import is_rtcp
from media.rtp.rtcp import Packet, bye
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import HeldKeyframe
from media.transport.address import Address, udp_address
from shared.messages.relays import OpenRelay, RelayOpened, RelayTrack
from shared.names import RoomName, WorkerId
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources


@dataclass(frozen=True, slots=True)
class Taken:
    """A relay as an edge gets it: from which worker, what it requested, and what that answered."""

    parent: WorkerId
    order: OpenRelay
    opened: RelayOpened


class Lost(Enum):
    """Why nothing comes from the origin any more."""

    SILENT = auto()  # nobody knows
    AGAIN = auto()  # it has said that the room goes on ...
    ELSEWHERE = auto()  # ... but comes from another worker
    OVER = auto()  # it has said that the room is over


_BY_GOODBYE = {OPEN_AGAIN: Lost.AGAIN, OPEN_ELSEWHERE: Lost.ELSEWHERE}


class EdgeRelay:
    """One relay, the source of a room until it is lost. `ended` is called once, by `end`.

    The media goes into `feed`. The relay is lost when the origin is silent or sends a BYE. The room stays,
    and may get another relay. `takes` tells how many more edges would get the room from here.
    """

    def __init__(
        self,
        room: RoomName,
        taken: Taken,
        feed: Feed,
        switch: PacketSwitch,
        demux: Demux,
        send: Send,
        ended: Callable[["EdgeRelay"], None],
        now: float,
        takes: Callable[[], int],
    ) -> None:
        order, opened = taken.order, taken.opened
        self.room = room
        self.origin: WorkerId | None = taken.parent
        self.tier = opened.tier + 1
        self.is_replaced = False  # another relay is being asked for; meanwhile nobody begins to depend on it
        self.origin_leaves = False  # the origin has told to find another worker
        self.lost: Lost | None = None
        self.lost_at = -math.inf
        self.has_run = False  # RTCP of the origin has arrived
        self.ended = False
        self._fault: Exception | None = None
        self._order = order
        self._feed = feed
        self._demux = demux
        self._on_end = ended
        self._takes = takes
        self._keys = SrtpKeys(PROFILE, local=order.up, remote=opened.down)
        addresses = [udp_address(str(ip_address(host)), port) for host, port in opened.addresses]
        sender = SrtpSender(self._keys)
        self._link: Link | None = Link(self._keys, order.ssrc, addresses, send, now, sender)
        self._known_by = tuple(track.ssrc for track in opened.tracks)
        self._layers = layers_of(opened, feed)
        demux.add_relay(self._known_by, self)
        switch.open_source(feed, self._keys)
        self._say(self._link)
        self._link.tick(now)

    @property
    def heard_at(self) -> float:
        """When the origin was last heard, by RTCP or media."""
        return -math.inf if self._link is None else max(self._link.heard_at, self._feed.heard_at)

    @property
    def origin_fails(self) -> bool:
        """Whether another relay shall come from another worker, if it can."""
        return self.origin_leaves or self.lost in (Lost.SILENT, Lost.ELSEWHERE)

    @property
    def may_feed(self) -> bool:
        return self._link is not None and self.tier < LAST_TIER and not self.is_replaced

    def is_alive(self, now: float) -> bool:
        return self._link is not None

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        """Take the origin's SRTP or SRTCP. Returns the feed for which the switch must process it, if any."""
        if self._link is None:
            return None
        if is_rtcp(datagram):
            compound = self._link.receive(datagram, source, now)
            if compound is None:
                return None
            self.has_run = True
            packets = packets_of(compound)
            self._take_figures(packets)
            self.origin_leaves = self.origin_leaves or any(map(says_leaves, packets))
            if (reason := goodbye(packets)) is not None:
                self._lose(_BY_GOODBYE.get(reason, Lost.OVER), now)
        return self._feed

    def send_rtcp(self, compound: bytes) -> None:
        """Send RTCP to the origin. It begins with the relay's SSRC, by which the origin finds the relay."""
        if self._link is not None:
            self._link.send(compound[:4] + self._order.ssrc.to_bytes(4) + compound[8:])

    def _say(self, link: Link) -> None:
        """Have the origin told which layers somebody here watches, and how many edges this one would feed."""
        ssrc, words = self._order.ssrc, b""
        if self._layers:
            wanted = sorted(watched(self._feed, self._layers))
            words = wanted_layers(ssrc, [self._layers[number] for number in wanted])
        link.say(words + takes_edges(ssrc, self._takes() if self.may_feed else 0))

    def _take_figures(self, packets: Iterable[Packet]) -> None:
        """Note what the origin says: layers that do not come cannot be measured here."""
        numbers = {ssrc: number for number, ssrc in self._layers.items()}
        for packet in packets:
            for layer in read_figures(packet) or ():
                if (number := numbers.get(layer.ssrc)) is not None:
                    sent = self._feed.sent[number]
                    sent.announced = layer.bitrate
                    if layer.width:
                        sent.size = layer.width, layer.height
            if (seconds := read_round_trip(packet)) is not None and self._feed.publisher is not None:
                self._feed.publisher.measured(seconds)
            if (starved := read_starved(packet)) is not None:
                for ssrc, number in numbers.items():
                    self._feed.sent[number].starves = ssrc in starved

    def breaks(self, fault: Exception) -> None:
        """Note a bug of ours that a datagram triggered: the next tick raises it, and its owner ends it."""
        self._fault = fault

    def tick(self, now: float) -> None:
        """Send keep-alives, or note that the relay is lost. Called several times a second."""
        if self._fault is not None:
            raise self._fault
        if self._link is not None:
            self._say(self._link)
            self._link.tick(now)
            if now - self.heard_at >= SILENT_SECONDS:
                self._lose(Lost.SILENT, now)

    def end(self, reason: EndReason) -> None:
        if self.ended:
            return
        self.ended = True
        self.send_rtcp(bye((self._order.ssrc,)))
        self._disconnect()
        self._on_end(self)

    def _lose(self, why: Lost, now: float) -> None:
        self._disconnect()
        self.lost, self.lost_at = why, now

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link = None
            for number in self._layers:
                self._feed.sent[number].announced = 0
            self._feed.close(self._keys)
            self._demux.remove_relay(self._known_by, self)


def new_order(
    room: RoomName,
    edge: WorkerId,
    *,
    feeds: int = 0,
    takes: int | None = None,
    avoid: tuple[str, ...] = (),
    held: HeldKeyframe | None = None,
) -> OpenRelay:
    """What an edge requests: one relay, with a new key to send under and a new SSRC."""
    ssrc = secrets.randbelow(0xFFFFFFFE) + 1
    return OpenRelay(
        room=room,
        edge=edge,
        ssrc=ssrc,
        up=new_key(),
        feeds=feeds,
        takes=takes,
        avoid=avoid,
        keyframe=b"" if held is None else held.digest,
        had=0 if held is None else held.packets,
    )


def published_tracks(tracks: Iterable[RelayTrack]) -> tuple[PublishedTrack, ...]:
    """The tracks of a relay, as if a publisher had offered them to the edge's room."""
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
                feedback=frozenset({"nack", "nack pli"}),
            ),
            extensions=track.extensions,
            sources=Sources(ssrcs=(track.ssrc,)),
            rid=track.rid,
            layer=track.layer,
        )
        for track in tracks
    )


def layers_of(opened: RelayOpened, feed: Feed) -> dict[int, int]:
    """The layers of the picture, best first: their numbers in the feed and their SSRCs on the relay.

    Empty if it has one only.
    """
    if not any(track.layer for track in opened.tracks):
        return {}
    return {
        feed.by_payload_type[track.payload_type]: track.ssrc
        for track in opened.tracks
        if track.kind == "video" and track.payload_type in feed.by_payload_type
    }
