"""A relay between two workers on a wire of this test: what flows, what is forged, and how it ends."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from media.counts import PublisherStats, ViewerStats
from media.negotiation.agreed_tracks import PublishedTrack
from media.relay.edge_end import ORIGIN_SILENT_SECONDS, EdgeEnd, Order, published_tracks
from media.relay.link import KEEP_ALIVE_SECONDS, MOVE_SECONDS
from media.relay.origin import Origin
from media.relay.origin_end import EXPIRY_SECONDS, EXTENSION_IDS
from media.rooms.opening import new_room
from media.rooms.room import Room
from media.rtp.packet import parse
from media.rtp.rtcp import Pli, nack, parse_compound
from media.rtp.srtp import SrtpKeys
from media.sessions.demux import Demux
from media.sessions.end_reason import EndReason
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address
from shared.errors import ErrorCode, ServiceError
from shared.messages.relays import OpenRelay, RelayOpened
from shared.messages.wire import from_map, pack, to_map, unpack
from shared.names import RoomName, WorkerId
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources
from tests.support.far_end import far_receiver, far_sender, new_keys, one_byte, rtp

ROOM = RoomName("wide")
ORIGIN, EDGE = WorkerId("origin"), WorkerId("edge")
ORIGIN_AT: Address = ("192.0.2.1", 7100)
EDGE_AT: Address = ("192.0.2.2", 7100)
VIEWER_AT: Address = ("192.0.2.3", 5000)
LOSS, PACKETS = 0.1, 1000
NOWHERE: Address = ("192.0.2.9", 7100)
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRACKS = (
    PublishedTrack(
        kind="video",
        mid="0",
        codec=Codec(payload_type=45, name="VP8", clock_rate=90_000, feedback=frozenset({"nack pli"})),
        extensions={},
        sources=Sources(),
    ),
    PublishedTrack(
        kind="audio",
        mid="1",
        codec=Codec(payload_type=63, name="opus", clock_rate=48_000, channels=2, parameters={"stereo": "1"}),
        extensions={LEVEL: 7},
        sources=Sources(),
    ),
)


@dataclass
class Clock:
    now: float = 100.0


class Worker:
    """Switch, demux and one room of one worker; what it sends goes to `network`."""

    def __init__(self, at: Address, network: "Network") -> None:
        self.at = at
        self.sent: list[tuple[Address, bytes]] = []
        self._network = network
        self.switch = PacketSwitch(self._transmit)
        self.demux = Demux(self.send)
        self.said: list[bytes] = []  # RTCP to the publisher

    def receive(self, batch: list[tuple[bytes, Address]]) -> None:
        """What the worker's pump does, but for the alarms: the test lets time pass."""
        self.forward(self.demux.sort(batch, self._network.clock.now))

    def forward(self, media: list[tuple[Feed, bytes]]) -> None:
        now = self._network.clock.now
        received = self.switch.receive(media, now)
        for _, compound in received.rtcp:
            self.room.publisher.receive(compound, now)
        if received.due:
            self.room.publisher.speak(now)

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

    def speak(self, now: float) -> None:
        if now >= self.room.feed.speak_at:
            self.room.publisher.speak(now)


@dataclass
class Network:
    """Carries datagrams at once, or behind what is done in `later`; `lost` decides about each."""

    clock: Clock
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


class Publisher:
    """The origin's source."""

    origin = None
    heard_at = 0.0

    def __init__(self) -> None:
        self.keys = new_keys()
        self.asked: list[Any] = []
        self._sender = far_sender(self.keys)

    def into(self, switch: PacketSwitch) -> Callable[[Feed], "Publisher"]:
        def source(feed: Feed) -> Publisher:
            switch.open_source(feed, self.keys)
            return self

        return source

    def send_rtcp(self, compound: bytes) -> None:
        self.asked += parse_compound(compound)

    def is_alive(self, now: float) -> bool:
        return True

    def end(self, reason: EndReason) -> None:
        raise NotImplementedError

    def packet(self, sequence: int, payload: bytes, track: int = 0) -> bytes:
        published = TRACKS[track]
        extension = one_byte((7, b"\x55")) if published.extensions else None
        return self._sender.protect(
            rtp(
                sequence,
                payload,
                payload_type=published.codec.payload_type,
                ssrc=1 + track,
                timestamp=sequence,
                extension=extension,
            )
        )


class Cluster:
    """An origin with a publisher, and an edge with a viewer."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.network = Network(clock)
        self.origin = self._worker(ORIGIN_AT)
        self.edge = self._worker(EDGE_AT)
        self.publisher = Publisher()
        self.origin.open_room(TRACKS, self.publisher.into(self.origin.switch))
        self.stats = ViewerStats()
        self.relays = Origin(
            self.origin.switch,
            self.origin.demux,
            self.origin.send,
            self.stats,
            [(str(NOWHERE[0]), 7100), (str(ORIGIN_AT[0]), 7100)],
        )
        self.ended: list[EdgeEnd] = []
        self._sequence = 0

    def _worker(self, at: Address) -> Worker:
        worker = self.network.workers[at] = Worker(at, self.network)
        return worker

    def ask(self, order: Order) -> RelayOpened:
        """What RPC does: by way of bytes."""
        message = from_map(OpenRelay, unpack(pack(to_map(order.message(ROOM, EDGE)))))
        opened = self.relays.open(self.origin.room, message, self.clock.now)
        return from_map(RelayOpened, unpack(pack(to_map(opened))))

    def open(self) -> EdgeEnd:
        order = Order()
        opened = self.ask(order)
        tracks = published_tracks(opened.tracks)
        self.keys: SrtpKeys = new_keys()
        wires = [
            Wire(101, {}),
            Wire(102, {EXTENSION_IDS[LEVEL]: 3}),
        ]
        with self.network.later():
            self.edge.open_room(tracks, self._relay_into(order, opened))
            self.edge.switch.add_viewer(self.edge.room.feed, self.keys, wires, VIEWER_AT)
        return self.relay

    def _relay_into(self, order: Order, opened: RelayOpened) -> Callable[[Feed], EdgeEnd]:
        def source(feed: Feed) -> EdgeEnd:
            self.relay = EdgeEnd(
                ROOM,
                ORIGIN,
                order,
                opened,
                feed,
                self.edge.switch,
                self.edge.demux,
                self.edge.send,
                self.ended.append,
                self.clock.now,
            )
            return self.relay

        return source

    def follow(self) -> None:
        """Let the edge's room go on with another relay."""
        order, former = Order(), self.relay
        opened = self.ask(order)
        with self.network.later():
            self.edge.room.succeed(published_tracks(opened.tracks), self._relay_into(order, opened))
            former.end(EndReason.REPLACED)

    def media(self, *tracks: int) -> bytes:
        """One packet of each track; returns its payload."""
        self._sequence += 1
        payload = b"\x10\x00number %d" % self._sequence  # a keyframe of VP8 (RFC 7741 4.2, 4.3)
        for track in tracks or (0, 1):
            datagram = self.publisher.packet(self._sequence, payload, track)
            self.origin.forward([(self.origin.room.feed, datagram)])
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
            self.edge.speak(self.clock.now)

    def cut(self) -> None:
        self.network.lost = lambda _: True


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(Clock())


def test_a_packet_travels_over_two_workers_with_its_extensions(cluster: Cluster) -> None:
    cluster.open()
    payload = cluster.media()
    video, audio = cluster.watched
    assert (video.payload_type, audio.payload_type) == (101, 102)
    assert (video.payload, audio.payload) == (payload, payload)
    assert (video.extensions, audio.extensions) == ((), ((3, b"\x55"),))


def test_nothing_flows_before_the_edge_has_said_hello(cluster: Cluster) -> None:
    cluster.ask(Order())
    cluster.media()
    assert not cluster.origin.sent


def test_a_lost_hello_is_said_again(cluster: Cluster) -> None:
    cluster.cut()
    cluster.open()
    cluster.network.lost = lambda _: False
    cluster.pass_time(0.3)
    cluster.media()
    assert len(cluster.watched) == 2


def test_after_the_hello_only_the_address_that_answered_is_used(cluster: Cluster) -> None:
    cluster.open()
    tried = [to for to, _ in cluster.edge.sent]
    cluster.pass_time(3 * KEEP_ALIVE_SECONDS)
    assert tried == [NOWHERE, ORIGIN_AT]
    assert {to for to, _ in cluster.edge.sent[2:]} == {ORIGIN_AT}


def test_the_edge_may_move(cluster: Cluster) -> None:
    cluster.open()
    cluster.edge.at = NOWHERE
    cluster.network.workers[NOWHERE] = cluster.edge
    cluster.pass_time(MOVE_SECONDS + KEEP_ALIVE_SECONDS)
    cluster.media()
    assert cluster.origin.sent[-1][0] == NOWHERE
    assert len(cluster.watched) == 2


def test_a_forged_hello_moves_nothing(cluster: Cluster) -> None:
    cluster.open()
    hello = cluster.edge.sent[0][1]
    for forged in (hello, hello[:-1] + b"x", hello[:12] + bytes(len(hello) - 12)):
        cluster.clock.now += MOVE_SECONDS
        cluster.origin.receive([(forged, NOWHERE)])
    cluster.media()
    assert {to for to, _ in cluster.origin.sent} == {EDGE_AT}


def test_media_forged_at_the_edge_is_dropped(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    real = cluster.origin.sent[-1][1]
    cluster.edge.receive([(real[:12] + bytes(len(real) - 12), ORIGIN_AT), (real, ORIGIN_AT)])
    assert len(cluster.watched) == 2
    assert cluster.edge.room.feed.rx_dropped == 2


def test_opening_asks_the_publisher_for_a_keyframe_and_so_do_the_edges_viewers(cluster: Cluster) -> None:
    cluster.media()
    cluster.open()
    assert [p.media_ssrc for p in cluster.publisher.asked if isinstance(p, Pli)] == [1]
    cluster.publisher.asked.clear()
    cluster.media()
    cluster.pass_time(1.0)
    cluster.publisher.asked.clear()
    for _ in range(10):
        cluster.edge.room.publisher.want_keyframes(cluster.clock.now)
    assert [p.media_ssrc for p in cluster.publisher.asked if isinstance(p, Pli)] == [1]


def test_what_is_lost_between_workers_is_sent_again(cluster: Cluster) -> None:
    relay = cluster.open()
    cluster.media(0)
    cluster.cut()
    lost = cluster.media(0)
    cluster.network.lost = lambda _: False
    cluster.media(0)
    stats = cluster.edge.room.feed.sources[0].stats
    assert stats is not None
    sequence = int.from_bytes(cluster.origin.sent[-1][1][2:4]) - 1
    relay.send_rtcp(nack(1, stats.ssrc, [sequence]))
    assert [p.payload for p in cluster.watched].count(lost) == 1
    first, after, late = [p.sequence for p in cluster.watched]
    assert (after, late) == (first + 2, first + 1)


@pytest.mark.parametrize("seed", range(3))
def test_loss_between_workers_is_mended(cluster: Cluster, seed: int) -> None:
    chance = random.Random(seed)
    cluster.open()
    cluster.network.lost = lambda _: chance.random() < LOSS
    for _ in range(PACKETS):
        cluster.media(0)
        cluster.pass_time(0.020, step=0.005)
    cluster.network.lost = lambda _: False
    cluster.media(0)  # shows whether the one before is missing
    cluster.pass_time(1.0, step=0.005)
    numbers = [packet.sequence for packet in cluster.watched]
    assert len(numbers) == len(set(numbers))
    assert len(numbers) == PACKETS + 1
    assert cluster.stats.retransmissions > PACKETS * LOSS * 0.7


def test_the_wishes_of_an_edges_viewers_are_heard_as_often_as_those_of_others(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    cluster.pass_time(2.0)
    cluster.publisher.asked.clear()
    for _ in range(20):
        cluster.edge.room.publisher.want_keyframes(cluster.clock.now)
        cluster.media()
        cluster.pass_time(0.6)
    assert sum(isinstance(p, Pli) for p in cluster.publisher.asked) >= 19


def test_an_edge_gets_the_pictures_since_the_last_keyframe(cluster: Cluster) -> None:
    """Of a publisher that has not proven that it answers: it may send no keyframe for long."""
    first = cluster.media(0)
    cluster.open()
    cluster.pass_time(1.0)
    assert [p.payload for p in cluster.watched] == [first]


def test_a_copy_is_no_publisher_and_counts_no_bytes(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    status = cluster.edge.room.status()
    assert (status.origin, status.has_publisher, status.rx_bytes, status.rx_packets) == (ORIGIN, False, 0, 0)
    assert cluster.origin.room.status().rx_packets == 2


def test_a_copy_is_not_copied(cluster: Cluster) -> None:
    cluster.open()
    relays = Origin(cluster.edge.switch, cluster.edge.demux, cluster.edge.send, ViewerStats(), ())
    with pytest.raises(ServiceError) as refused:
        relays.open(cluster.edge.room, Order().message(ROOM, WorkerId("third")), cluster.clock.now)
    assert refused.value.code is ErrorCode.NO_PUBLISHER
    with pytest.raises(ServiceError):
        relays.open(None, Order().message(ROOM, WorkerId("third")), cluster.clock.now)


def test_a_relay_lives_on_without_media(cluster: Cluster) -> None:
    cluster.open()
    cluster.pass_time(3 * EXPIRY_SECONDS)
    assert len(cluster.relays) == 1
    assert cluster.relay.lost_at is None


def test_without_its_edge_a_relay_expires_and_nothing_is_left(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    cluster.pass_time(EXPIRY_SECONDS - 0.5)
    assert len(cluster.relays) == 1
    cluster.pass_time(1.0)
    assert len(cluster.relays) == 0
    assert not cluster.origin.room.feed.profiles
    assert len(cluster.origin.demux) == 0


def test_a_relay_that_never_ran_expires(cluster: Cluster) -> None:
    cluster.cut()
    cluster.open()
    cluster.pass_time(EXPIRY_SECONDS + 0.2)
    assert len(cluster.relays) == 0


def test_the_edge_notes_a_silent_origin(cluster: Cluster) -> None:
    cluster.open()
    cluster.cut()
    cluster.pass_time(ORIGIN_SILENT_SECONDS - 0.5)
    assert cluster.relay.lost_at is None
    cluster.pass_time(1.0)
    assert cluster.relay.lost_at is not None
    assert len(cluster.edge.demux) == 0


def test_the_edge_says_goodbye(cluster: Cluster) -> None:
    relay = cluster.open()
    relay.end(EndReason.NO_VIEWERS)
    cluster.relays.tick(cluster.clock.now)
    assert len(cluster.relays) == 0
    assert not cluster.origin.room.feed.profiles
    assert len(cluster.edge.demux) == 0
    assert cluster.ended == [relay]
    relay.end(EndReason.NO_VIEWERS)
    assert cluster.ended == [relay]


@pytest.mark.parametrize(
    ("reason", "over"),
    [
        (EndReason.ROOM_CLOSED, True),
        (EndReason.DELETED, True),
        (EndReason.PUBLISHER_LEFT, True),
        (EndReason.WORKER_STOPS, False),
        (EndReason.ROOM_LOST, False),
    ],
)
def test_the_origin_says_goodbye(cluster: Cluster, reason: EndReason, over: bool) -> None:
    relay = cluster.open()
    cluster.relays.room_closed(ROOM, reason)
    assert len(cluster.relays) == 0
    assert (relay.over, relay.lost_at) == (over, cluster.clock.now)


@pytest.mark.parametrize("tracks", [TRACKS, TRACKS[::-1]])
def test_another_origin_goes_on_where_the_first_ended(
    cluster: Cluster, tracks: Sequence[PublishedTrack]
) -> None:
    """In whatever order its tracks are."""
    cluster.open()
    cluster.media()
    cluster.cut()
    cluster.pass_time(ORIGIN_SILENT_SECONDS + 0.1)
    cluster.network.lost = lambda _: False
    cluster.origin.open_room(tracks, cluster.publisher.into(cluster.origin.switch))
    cluster.follow()
    cluster.media()
    assert [p.payload_type for p in cluster.watched] == [101, 102, 101, 102]
    before, after = (p for p in cluster.watched if p.payload_type == 101)
    assert (after.ssrc, after.sequence) == (before.ssrc, before.sequence + 1)
    assert after.timestamp - before.timestamp & 0xFFFFFFFF == pytest.approx(90_000 * 3.1, abs=9_000)
