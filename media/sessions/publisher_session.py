"""A publisher's session: it receives the media of a room."""

import math
from itertools import groupby
from operator import itemgetter

from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.sessions.session import Session, Setup
from media.sessions.traffic import Traffic, traffic_in
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch, Received
from media.transport.address import Address
from media.transport.round_trips import Answer
from shared.messages.signalling import Role
from shared.names import WorkerId

# From the answer on, for this time, a publisher counts as alive without having sent anything.
START_SECONDS = 5.0
MEASURE_SECONDS = 2.0  # from one measurement of the round trip to the next
LOOK_SECONDS = 0.5  # from one look at its consent, token and line to the next, unless something happens
MOST_EARLY = 256  # datagrams that are kept until there are keys: a large keyframe
SILENT_SECONDS = 2.0  # without media: then the publisher counts as gone, although its session continues


class PublisherSession(Session):
    """Sends the client's media into `feed` once it is connected, with what came before there were keys.

    A publisher sends its first keyframe as soon as its own end of the handshake is done. That overtakes what
    the server's end still computes, and a publisher that takes no requests sends the next one much later.
    """

    role = Role.PUBLISH
    origin: WorkerId | None = None
    tier = 0
    may_feed = True

    def __init__(self, setup: Setup, switch: PacketSwitch, feed: Feed) -> None:
        super().__init__(setup)
        self._switch = switch
        self._feed = feed
        self._keys: SrtpKeys | None = None
        self._early: list[tuple[float, bytes]] = []  # what came before there were keys, and when
        self._look_at = 0.0

    @property
    def heard_at(self) -> float:
        """When the connected client was last heard, by a check or by media; -inf when it never connected."""
        return max(self.ice.heard_at, self._feed.heard_at) if self.connected else -math.inf

    def is_alive(self, now: float) -> bool:
        """Whether its media arrives, or it is still connecting: answered recently, or sending checks."""
        if heard_at := self._feed.heard_at:
            return now - heard_at < SILENT_SECONDS
        checks = not self.connected and now - self.ice.heard_at < SILENT_SECONDS
        return checks or now - self.began_at < START_SECONDS

    def move(self, feed: Feed) -> "PublisherSession":
        """Send into another feed from now on, into which nobody else sends."""
        former, self._feed = self._feed, feed
        if feed.layers is not None and former.layers is not None:
            feed.layers.go_on(former.layers)
        if self._keys is not None and former.srtp is not None:
            feed.open(former.srtp, self._keys)
            former.close(self._keys)
        return self

    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        if (feed := self.feeds) is None and len(self._early) < MOST_EARLY:
            self._early.append((now, datagram))
        return feed

    def receive_stray(self, datagram: bytes, source: Address, now: float) -> bool:
        received = None if self._keys is None else self._switch.receive_stray(self._feed, datagram, now)
        if received is None:
            return False
        self._deliver(received, now)
        self.ice.heard_elsewhere(source)
        self._send_due_request(now)
        return True

    @property
    def feeds(self) -> Feed | None:
        return self._feed if self._keys is not None else None

    def tick(self, now: float) -> None:
        if now < self._look_at and self._fault is None and self.ice.asked is None:
            return
        self._look_at = now + LOOK_SECONDS
        self.ice.touch(self._feed.heard_at)  # some publishers send no checks while media flows
        if self.connected:
            if (request := self.ice.due_measurement(MEASURE_SECONDS, now)) is not None:
                self._send_to(*request)
            self._tell_ssrcs()
        super().tick(now)

    def _tell_ssrcs(self) -> None:
        """Say again what it sends as: that may change, or have been another session's until now.

        There are `MAX_SSRCS` at most: only a stream that was authentic is followed.
        """
        for track in self._feed.sources:
            if track.stats is not None:
                self._on_sends_as(self, track.stats.ssrc.to_bytes(4))

    def traffic(self) -> Traffic:
        return traffic_in(self._feed)

    def _attach(self, keys: SrtpKeys) -> SrtpSender:
        self._keys = keys
        self._switch.open_source(self._feed, keys)
        early, self._early = self._early, []
        for at, came in groupby(early, itemgetter(0)):
            self._receive([datagram for _, datagram in came], at)
        return SrtpSender(keys)

    def _receive(self, datagrams: list[bytes], now: float) -> None:
        self._deliver(self._switch.receive([(self._feed, datagrams)], now), now)

    def _deliver(self, received: Received, now: float) -> None:
        for feed, compound in received.rtcp:
            if feed.publisher is not None:
                feed.publisher.receive(compound, now)

    def _measured(self, answer: Answer, now: float) -> None:
        if self._feed.publisher is not None:
            self._feed.publisher.measured(answer.seconds)

    def _detach(self) -> None:
        self._early = []
        if self._keys is not None:
            self._feed.close(self._keys)
