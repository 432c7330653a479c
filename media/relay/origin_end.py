"""The origin's end of a relay: a copy of a room for one edge.

To the switch a copy is a viewer whose payload types and extension ids are the relay's own, so that they stay
when another publisher takes the room over. It counts as no viewer.
"""

import math
from random import random

from media.counts import ViewerStats
from media.feedback.publisher_feedback import REPORT_SECONDS
from media.feedback.viewer_feedback import ViewerFeedback
from media.negotiation.agreed_tracks import PlayedTrack
from media.relay.link import RelayLink, RelaySecrets, Send, goodbye
from media.rooms.room import Room
from media.rtp.extensions import FORWARDED_EXTENSIONS
from media.rtp.rtcp import bye
from media.switch.join import Join
from media.switch.switch import PacketSwitch
from media.switch.viewer import Viewer
from media.transport.address import Address
from shared.logging import get_logger
from shared.messages.relays import OpenRelay, RelayTrack
from shared.names import WorkerId

EXPIRY_SECONDS = 5.0  # without a word of the edge, which says something each second
# For all viewers behind it; `KeyframeRequests` at both ends ask no more often.
KEYFRAMES_PER_SECOND = 2.0
FIRST_PAYLOAD_TYPE = 96
EXTENSION_IDS = {uri: number for number, uri in enumerate(sorted(FORWARDED_EXTENSIONS), 1)}

log = get_logger()


class RelayOut:
    """From the message that asked for it until `end`."""

    def __init__(
        self,
        room: Room,
        order: OpenRelay,
        switch: PacketSwitch,
        send: Send,
        stats: ViewerStats,
        now: float,
    ) -> None:
        self.edge = WorkerId(order.edge)
        self.ssrc = order.ssrc
        self.ended = False
        self._room = room
        self._switch = switch
        self._stats = stats
        self._keys = RelaySecrets(order.down, order.up).at_origin()
        self._link = RelayLink(self._keys, room.feed.ssrcs[0], (), send, now)
        self._viewer: Viewer | None = None
        self._feedback: ViewerFeedback | None = None
        self._join: Join | None = None
        self._join_at = math.inf  # when it goes on
        self._report_at = now + random() * REPORT_SECONDS  # noqa: S311  # spread over the second

    def receive_media(self, datagram: bytes, source: Address, now: float) -> None:
        """Take the edge's RTCP. The first is its hello: media flows to where that came from."""
        compound = self._link.receive(datagram, source, now)
        if compound is None or self._link.address is None:
            return
        if goodbye(compound) is not None:
            self.end()
        elif self._viewer is None or self._feedback is None:
            self._begin(self._link.address, now)
        else:
            self._viewer.address = self._link.address
            self._feedback.receive(compound, now)

    def _begin(self, address: Address, now: float) -> None:
        feed, feedback = self._room.feed, self._room.feedback
        wires = self._room.wires(played_over_relay(self._room))
        self._viewer = self._switch.add_viewer(feed, self._keys, wires, address, joining=True)
        self._feedback = ViewerFeedback(
            self._viewer,
            feed.sent,
            feedback,
            self._switch.resend,
            self._stats,
            now,
            KEYFRAMES_PER_SECOND,
        )
        self._link.outbound = self._viewer.srtp
        self._link.tick(now)  # so that the edge knows at once which address works
        self._join = Join(
            self._switch, feed, self._viewer, feedback.want_keyframes, self._stats, asked_at=now, since=now
        )
        feedback.want_keyframes(now)
        self._go_on_joining(now)
        log.info("relay runs", room=self._room.name, edge=self.edge)

    def _go_on_joining(self, now: float) -> None:
        """The pace is the tick's: an edge has the bandwidth for larger bursts than a viewer."""
        assert self._join is not None
        pause = self._join.step(now)
        self._join_at = math.inf if pause is None else now + pause

    def tick(self, now: float) -> None:
        """Report, keep alive, or end when the edge is gone. Called some times a second."""
        if now - self._link.heard_at >= EXPIRY_SECONDS:
            log.warning("relay expired: its edge is silent", room=self._room.name, edge=self.edge)
            self.end()
            return
        if now >= self._join_at:
            self._go_on_joining(now)
        if self._feedback is not None and now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            if reports := self._feedback.reports(now):
                self._link.send(reports)
        self._link.tick(now)

    def say_goodbye(self, reason: bytes) -> None:
        """End because of `reason`, and tell the edge."""
        self._link.send(bye((self._room.feed.ssrcs[0],), reason))
        self.end()

    def end(self) -> None:
        self.ended = True
        self._link.outbound = None
        self._join_at = math.inf
        if self._join is not None:
            self._join.end()
        if self._viewer is not None:
            self._switch.remove_viewer(self._room.feed, self._viewer)
            self._viewer = self._feedback = self._join = None


def played_over_relay(room: Room) -> list[PlayedTrack]:
    """A room's tracks as every edge gets them."""
    return [
        PlayedTrack(
            track_index=number,
            mid="",
            payload_type=FIRST_PAYLOAD_TYPE + number,
            codec=track.codec,
            extensions={uri: EXTENSION_IDS[uri] for uri in track.extensions if uri in EXTENSION_IDS},
            feedback=frozenset({"nack", "nack pli"}),
        )
        for number, track in enumerate(room.tracks)
    ]


def relay_tracks(room: Room) -> tuple[RelayTrack, ...]:
    """What an edge is told of them."""
    return tuple(
        RelayTrack(
            kind=track.kind,
            codec=track.codec.name,
            clock_rate=track.codec.clock_rate,
            channels=track.codec.channels,
            parameters=dict(track.codec.parameters),
            payload_type=played.payload_type,
            extensions=EXTENSION_IDS,
            ssrc=track.ssrc,
        )
        for track, played in zip(room.tracks, played_over_relay(room), strict=True)
    )
