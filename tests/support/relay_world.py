"""Two workers on a wire of the test: an origin with a publisher, and an edge with a viewer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from media.counts import PublisherStats, ViewerStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.negotiation.candidates import Candidates
from media.relay.edge_relay import EdgeRelay, Taken, new_order, published_tracks
from media.relay.origin import Origin
from media.relay.origin_relay import EXTENSION_IDS
from media.rooms.room import Room, new_room
from media.rtp.packet import parse
from media.rtp.rtcp import Pli, parse_compound
from media.rtp.srtp import SrtpKeys
from media.sessions.demux import Demux, Media
from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address
from shared.messages.encoding import encode, read
from shared.messages.relays import OpenRelay, RelayOpened
from shared.names import RoomName, WorkerId
from tests.support.far_end import far_receiver, new_keys, one_byte
from tests.support.far_publisher import FarPublisher
from tests.support.published import sound, video
from tests.support.world import Stopped

ROOM = RoomName("wide")
ORIGIN, EDGE = WorkerId("origin"), WorkerId("edge")
ORIGIN_AT: Address = ("192.0.2.1", 7100)
EDGE_AT: Address = ("192.0.2.2", 7100)
VIEWER_AT: Address = ("192.0.2.3", 5000)
NOWHERE: Address = ("192.0.2.9", 7100)
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRACKS = (
    video(payload_type=45, feedback=["nack pli"]),
    sound(payload_type=63, parameters={"stereo": "1"}, extensions={LEVEL: 7}),
)


class Worker:
    """Switch, demux and one room of one worker; what it sends goes to `network`. An edge has a `relay`."""

    relay: EdgeRelay | None = None

    def __init__(self, at: Address, network: "Network") -> None:
        self.at = at
        self.sent: list[tuple[Address, bytes]] = []
        self._network = network
        self.switch = PacketSwitch(lambda _: self._transmit)
        self.demux = Demux(self.send, lambda *_: False)

    def receive(self, batch: list[tuple[bytes, Address]]) -> None:
        """Do what a worker's pump does with a batch, but for its timers."""
        self.forward(self.demux.sort(batch, self._network.clock.now))

    def forward(self, media: list[Media]) -> None:
        now = self._network.clock.now
        received = self.switch.receive(media, now)
        for _, compound in received.rtcp:
            self.room.publisher.receive(compound, now)
        if received.due:
            self.room.publisher.send_due_rtcp(now)

    def send(self, datagram: bytes, to: Address) -> None:
        self.sent.append((to, datagram))
        self._network.carry(self.at, to, datagram)

    def _transmit(self, run: bytes | memoryview, size: int, to: Address) -> None:
        run = bytes(run)
        for at in range(0, len(run), size):
            self.send(run[at : at + size], to)

    def open_room(self, tracks: Sequence[PublishedTrack], source: Callable[[Feed], Any]) -> Room:
        self.room = new_room(ROOM, tracks, source, 0.0, PublisherStats())
        return self.room

    def send_due_rtcp(self, now: float) -> None:
        if now >= self.room.feed.rtcp_due_at:
            self.room.publisher.send_due_rtcp(now)


@dataclass
class Network:
    """Carries datagrams at once, or behind what is done in `later`; `lost` decides about each."""

    clock: Stopped
    workers: dict[Address, Worker] = field(default_factory=dict)
    lost: Callable[[bytes], bool] = lambda _: False

    _waiting: list[tuple[Address, Address, bytes]] | None = None

    @contextmanager
    def later(self) -> Iterator[None]:
        """As a socket does: nothing arrives while something else is done."""
        self._waiting = []
        yield
        waiting, self._waiting = self._waiting, None
        for source, to, datagram in waiting:
            self.carry(source, to, datagram)

    def carry(self, source: Address, to: Address, datagram: bytes) -> None:
        if self._waiting is not None:
            self._waiting.append((source, to, datagram))
            return
        worker = self.workers.get(to)
        if worker is not None and not self.lost(datagram):
            worker.receive([(datagram, source)])


class OriginPublisher(FarPublisher):
    """The source of the origin's room."""

    origin = None
    tier = 0
    may_feed = True
    heard_at = 0.0

    def __init__(self, tracks: Sequence[PublishedTrack]) -> None:
        super().__init__(tracks, ssrcs=range(1, 1 + len(tracks)))

    def into(self, switch: PacketSwitch) -> Callable[[Feed], "OriginPublisher"]:
        def source(feed: Feed) -> OriginPublisher:
            switch.open_source(feed, self.keys)
            return self

        return source

    def send_rtcp(self, compound: bytes) -> None:
        self.receive(compound, 0.0)

    def keyframe_requests(self) -> list[int]:
        """The SSRCs that keyframes were requested of since the last call."""
        packets = [packet for compound in self.told for packet in parse_compound(compound)]
        self.told.clear()
        return [packet.media_ssrc for packet in packets if isinstance(packet, Pli)]

    def is_alive(self, now: float) -> bool:
        return True

    def end(self, reason: EndReason) -> None:
        raise NotImplementedError


class Cluster:
    """An origin with a publisher, and an edge with a viewer."""

    def __init__(self, tracks: Sequence[PublishedTrack] = TRACKS, most: int = 0) -> None:
        self.clock = Stopped(100.0)
        self.network = Network(self.clock)
        self.origin = self._worker(ORIGIN_AT)
        self.edge = self._worker(EDGE_AT)
        self.publisher = OriginPublisher(tracks)
        self.origin.open_room(tracks, self.publisher.into(self.origin.switch))
        self.stats = ViewerStats()
        self.relays = Origin(
            self.origin.switch,
            self.origin.demux,
            self.origin.send,
            self.stats,
            Candidates([(str(NOWHERE[0]), 7100), (str(ORIGIN_AT[0]), 7100)]),
            most,
        )
        self.ended: list[EdgeRelay] = []
        self.takes = 0  # edges that the edge would feed
        self._sequence = 0

    def _worker(self, at: Address) -> Worker:
        worker = self.network.workers[at] = Worker(at, self.network)
        return worker

    @property
    def relay(self) -> EdgeRelay:
        assert self.edge.relay is not None
        return self.edge.relay

    def ask(self, order: OpenRelay) -> RelayOpened:
        """What RPC does; each message travels as bytes."""
        message = read(OpenRelay, encode(order))
        opened = self.relays.open(self.origin.room, message, self.clock.now)
        return read(RelayOpened, encode(opened))

    def open(self) -> EdgeRelay:
        order = new_order(ROOM, EDGE)
        return self.open_with(order, self.ask(order))

    def open_with(self, order: OpenRelay, opened: RelayOpened) -> EdgeRelay:
        """Let the edge open its room with that answer to its order."""
        self.order = order
        tracks = published_tracks(opened.tracks)
        with self.network.later():
            self.edge.open_room(tracks, self._relay_into(order, opened))
            self.admit()
        return self.relay

    def admit(self) -> None:
        """Let the viewer in, for whom the edge opens its room."""
        self.keys: SrtpKeys = new_keys()
        wires = [
            Wire(101, {}),
            Wire(102, {EXTENSION_IDS[LEVEL]: 3}),
        ]
        self.edge.switch.add_viewer(self.edge.room.feed, self.keys, wires, VIEWER_AT, now=self.clock.now)

    def _relay_into(
        self, order: OpenRelay, opened: RelayOpened, edge: Worker | None = None, owner: WorkerId = ORIGIN
    ) -> Callable[[Feed], EdgeRelay]:
        worker = edge or self.edge

        def source(feed: Feed) -> EdgeRelay:
            worker.relay = EdgeRelay(
                ROOM,
                Taken(owner, order, opened),
                feed,
                worker.switch,
                worker.demux,
                worker.send,
                self.ended.append,
                self.clock.now,
                lambda: self.takes,
            )
            return worker.relay

        return source

    def reopen(self) -> None:
        """Let another relay continue the edge's room."""
        order, former = new_order(ROOM, EDGE), self.relay
        self.order = order
        opened = self.ask(order)
        with self.network.later():
            self.edge.room.succeed(published_tracks(opened.tracks), self._relay_into(order, opened))
            former.end(EndReason.REPLACED)

    def media(self, *tracks: int) -> bytes:
        """One packet of each track; returns its payload."""
        self._sequence += 1
        payload = b"\x10\x00number %d" % self._sequence  # a keyframe of VP8 (RFC 7741 4.2, 4.3)
        for track in tracks or (0, 1):
            extension = one_byte((7, b"\x55")) if TRACKS[track].extensions else None
            datagram = self.publisher.packet(
                track, payload, sequence=self._sequence, timestamp=self._sequence, extension=extension
            )
            self.origin.forward([(self.origin.room.feed, [datagram])])
        return payload

    @property
    def watched(self) -> list[Any]:
        """All that the viewer has got."""
        unprotect = far_receiver(self.keys).unprotect
        return [parse(unprotect(data)) for to, data in self.edge.sent if to == VIEWER_AT]

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        for _ in range(round(seconds / step)):
            self.clock.now += step
            self.origin.room.tick(self.clock.now)
            self.edge.room.tick(self.clock.now)
            self.relays.tick(self.clock.now)
            self.relay.tick(self.clock.now)
            self.edge.send_due_rtcp(self.clock.now)

    def cut(self) -> None:
        self.network.lost = lambda _: True
