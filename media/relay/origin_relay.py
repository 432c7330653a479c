"""The sending end of a relay: the room's origin, or an edge that feeds others, sends it to one edge.

To the switch it is a viewer. Its payload types and extension ids are the relay's own, so that they stay the
same when another publisher takes the room over. It is not counted as a viewer.
"""

from collections.abc import Iterator
from dataclasses import replace

from media.counts import ViewerStats
from media.feedback.compound import packets_of
from media.feedback.playback import Playback, ask_early
from media.negotiation.agreed_tracks import PlayedTrack
from media.relay.link import PROFILE, SILENT_SECONDS, Link, Send, goodbye, new_key
from media.relay.messages import (
    LayerFigures,
    layer_figures,
    leaves,
    read_takes,
    read_wanted,
    round_trip,
    starved_layers,
)
from media.relay.wanted_layers import WantedLayers
from media.rooms.room import Room
from media.rooms.wires import wires
from media.rtp.extensions import FORWARDED_EXTENSIONS
from media.rtp.rtcp import bye
from media.rtp.srtp import SrtpKeys
from media.switch.layer_set import LayerSet
from media.switch.switch import PacketSwitch
from media.tracks.sent_track import HeldKeyframe
from media.transport.address import Address
from shared.messages.relays import OpenRelay, RelayOpened, RelayTrack
from shared.names import WorkerId
from shared.telemetry.logging import get_logger

EXPIRY_SECONDS = 5.0  # then a silent edge is gone: it sends RTCP each second
# One edge asks for all of its viewers. `KeyframeRequests` at both ends asks no more often than this.
KEYFRAMES_PER_SECOND = 2.0
FIRST_PAYLOAD_TYPE = 96
EXTENSION_IDS = {uri: number for number, uri in enumerate(sorted(FORWARDED_EXTENSIONS), 1)}

log = get_logger()


class OriginRelay:
    """Exists from the edge's request until `end`; media flows from the edge's hello on."""

    def __init__(
        self,
        room: Room,
        order: OpenRelay,
        switch: PacketSwitch,
        send: Send,
        stats: ViewerStats,
        now: float,
    ) -> None:
        self.order = order
        self.edge = WorkerId(order.edge)
        self.ssrc = order.ssrc
        self.ended = False
        self.takes = order.takes or 0  # edges that it would feed itself
        self.leaves = False  # whether the edge is told to find another worker
        self._fault: Exception | None = None
        self._room = room
        self._switch = switch
        self._stats = stats
        self._keys = SrtpKeys(PROFILE, local=new_key(), remote=order.up)
        self._link = Link(self._keys, room.feed.ssrcs[0], (), send, now)
        self._layers = layers_of(room)
        self._wanted = WantedLayers(self._layers)
        self._keyframe_at: tuple[int, int] | None = None
        self._goes_on_at: int | None = None  # the index from which on the edge lacks the picture
        held = held_keyframe(room)
        # an edge that has had more has had an earlier one that was alike, as those of a still picture are
        if held is not None and held.digest == order.keyframe and held.packets >= order.had:
            self._keyframe_at = held.first & 0xFFFF, held.timestamp
            self._goes_on_at = held.first + order.had
        self._playback: Playback | None = None  # from the edge's hello on; ...
        self._gets: LayerSet | None = None  # ... and the layers that the edge gets

    def opened(self, addresses: tuple[tuple[str, int], ...]) -> RelayOpened:
        """The answer to the edge's request; `addresses` are this worker's."""
        room = self._room
        return RelayOpened(
            tracks=relay_tracks(room),
            started_at=room.started_at,
            addresses=addresses,
            identity=room.identity,
            down=self._keys.local,
            tier=room.tier,
            keyframe_at=self._keyframe_at,
        )

    def is_heard(self, now: float) -> bool:
        """Whether the edge has sent something of late."""
        return not self.ended and now - self._link.heard_at < SILENT_SECONDS

    @property
    def is_of_copy(self) -> bool:
        """Whether this worker is an edge itself."""
        return self._room.origin is not None

    def receive_media(self, datagram: bytes, source: Address, now: float) -> None:
        """Take the edge's RTCP. The first packet is its hello: media goes to the address that sent it."""
        if self.ended:  # an end is an end: what the edge sent before its BYE may come behind it
            return
        compound = self._link.receive(datagram, source, now)
        if compound is None or self._link.address is None:
            return
        packets = packets_of(compound)
        if goodbye(packets) is not None:
            self.end()
            return
        for packet in packets:
            if (ssrcs := read_wanted(packet)) is not None:
                self._wanted.heard(ssrcs, now)
            if (takes := read_takes(packet)) is not None:
                self.takes = takes
        if self._playback is None:
            self._begin(self._link.address, now)
        else:
            self._playback.move(self._link.address, now)
            self._playback.receive(compound, now)

    def _begin(self, address: Address, now: float) -> None:
        room = self._room
        # the best of them joins, with the pictures that are held; the others come with their keyframes
        first = min(self._wanted.at(now), default=None)
        if first is not None or not self._layers:
            ask_early(room.feed, room.publisher, now, first)
        self._playback = Playback(
            self._switch,
            room.feed,
            room.publisher,
            self._keys,
            wires(room.tracks, played_over_relay(room)),
            address,
            self._stats,
            since=now,
            now=now,
            keyframes_per_second=KEYFRAMES_PER_SECOND,
            without=self._layers.keys() - {first},
            goes_on_at=self._goes_on_at,
        )
        self._gets = LayerSet(
            self._switch, room.feed, self._playback.viewer, self._layers, room.publisher.want_keyframe
        )
        self._link.outbound = self._playback.viewer.sender
        self._link.tick(now)  # a keep-alive at once, so that the edge knows which address works
        self._playback.step(now)
        log.info("relay connected", room=room.name, edge=self.edge)

    def breaks(self, fault: Exception) -> None:
        """Note a bug of ours that a datagram triggered: the next tick raises it, and its owner ends it."""
        self._fault = fault

    def tick(self, now: float) -> None:
        """Send reports and keep-alives, or end when the edge is gone. Called several times a second.

        The join sends one burst each tick: an edge has the bandwidth for larger bursts than a viewer.
        """
        if self.ended:
            return
        if self._fault is not None:
            raise self._fault
        if now - self._link.heard_at >= EXPIRY_SECONDS:
            log.warning("relay expired: its edge is silent", room=self._room.name, edge=self.edge)
            self.end()
            return
        if self._gets is not None:
            self._gets.get(self._to_get(now), now)
        if self._playback is not None and (reports := self._playback.tick(now)):
            self._link.send(reports)
        words = self._words() if self._layers else b""
        if self._playback is not None and self._playback.feedback.rtt:
            words += round_trip(self._link.ssrc, self._playback.feedback.rtt)
        self._link.say(words + (leaves(self._link.ssrc) if self.leaves else b""))
        self._link.tick(now)

    def _to_get(self, now: float) -> set[int]:
        """The layers that the edge wants; if none of them comes any more, the best one that does, too.

        A standby may have other layers than who was on. The edge would learn of that a second later.
        """
        wanted = self._wanted.at(now)
        come = {number for number in self._layers if self._room.tracks[number].live(now)}
        return {*wanted, min(come)} if wanted and come and not wanted & come else wanted

    def _words(self) -> bytes:
        ssrc, sent = self._link.ssrc, self._room.feed.sent
        starved = [layer for number, layer in self._layers.items() if sent[number].starves]
        return layer_figures(ssrc, self._figures()) + starved_layers(ssrc, starved)

    def _figures(self) -> Iterator[LayerFigures]:
        for number, ssrc in self._layers.items():
            track = self._room.tracks[number]
            yield LayerFigures(ssrc, track.bitrate, *(track.size or (0, 0)))

    def say_goodbye(self, reason: bytes) -> None:
        """Send the edge a BYE with `reason`, and end."""
        self._link.send(bye((self._link.ssrc,), reason))
        self.end()

    def end(self) -> None:
        if self.ended:
            return
        self.ended = True
        self._link.outbound = None
        if self._gets is not None:
            self._gets.end()
        if self._playback is not None:
            self._playback.end()


def layers_of(room: Room) -> dict[int, int]:
    """The layers of the room's picture, best first: their numbers and SSRCs. Empty if it has one only."""
    layers = {number: track.sent.ssrc for number, track in enumerate(room.tracks) if track.kind == "video"}
    return layers if any(track.published.layer for track in room.tracks) else {}


def held_keyframe(room: Room) -> HeldKeyframe | None:
    """The keyframe by which a copy can go on with another relay, in the picture that its viewers have had.

    Layers have none: each worker gives their pictures numbers of its own.
    """
    pictures = [track.sent for track in room.tracks if track.kind == "video"]
    return pictures[0].held_keyframe() if len(pictures) == 1 else None


def played_over_relay(room: Room) -> list[PlayedTrack]:
    """A room's tracks, with all layers, in the form in which every edge gets them."""
    return [
        PlayedTrack(
            track_index=number,
            mid="",
            codec=replace(
                track.published.codec,
                payload_type=FIRST_PAYLOAD_TYPE + number,
                feedback=frozenset({"nack", "nack pli"}),
                rtx=None,
                red=None,
            ),
            extensions={
                uri: EXTENSION_IDS[uri] for uri in track.published.extensions if uri in EXTENSION_IDS
            },
        )
        for number, track in enumerate(room.tracks)
    ]


def relay_tracks(room: Room) -> tuple[RelayTrack, ...]:
    """The same tracks, described for the edge."""
    return tuple(
        RelayTrack(
            kind=track.kind,
            codec=played.codec.name,
            clock_rate=played.codec.clock_rate,
            channels=played.codec.channels,
            parameters=dict(played.codec.parameters),
            payload_type=played.codec.payload_type,
            extensions=EXTENSION_IDS,
            ssrc=track.sent.ssrc,
            rid=track.published.rid,
            layer=track.published.layer,
        )
        for track, played in zip(room.tracks, played_over_relay(room), strict=True)
    )
