"""A relay between two workers on a wire of this test: what flows, and what is forged."""

import random

import pytest

from media.counts import ViewerStats
from media.negotiation.candidates import Candidates
from media.relay.edge_relay import Order
from media.relay.link import KEEP_ALIVE_SECONDS, MOVE_SECONDS
from media.relay.origin import Origin
from media.rtp.rtcp import nack
from media.tracks.keyframe_requests import LASTING_SECONDS
from shared.errors import ErrorCode, ServiceError
from shared.names import WorkerId
from tests.support.relay_world import EDGE_AT, NOWHERE, ORIGIN, ORIGIN_AT, ROOM, Cluster

LOSS, PACKETS = 0.1, 1000


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


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


def test_a_lost_hello_is_sent_again(cluster: Cluster) -> None:
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
    assert cluster.publisher.keyframe_requests() == [1]
    cluster.media()
    cluster.pass_time(1.0)
    cluster.publisher.told.clear()
    for _ in range(10):
        cluster.edge.room.publisher.want_keyframe(0, cluster.clock.now)
    assert cluster.publisher.keyframe_requests() == [1]


def test_a_packet_lost_between_workers_is_sent_again(cluster: Cluster) -> None:
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
def test_packets_lost_between_workers_are_recovered(cluster: Cluster, seed: int) -> None:
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


def test_keyframe_requests_of_an_edges_viewers_count_as_much_as_those_of_others(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    cluster.pass_time(2.0)
    cluster.publisher.told.clear()
    for _ in range(20):
        cluster.edge.room.publisher.want_keyframe(0, cluster.clock.now)
        cluster.media()
        cluster.pass_time(LASTING_SECONDS + 0.2)
    assert len(cluster.publisher.keyframe_requests()) >= 19


def test_an_edge_gets_the_pictures_since_the_last_keyframe(cluster: Cluster) -> None:
    """The publisher has not proven that it answers requests: its next keyframe may be far away."""
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


def test_a_copy_is_not_copied_where_there_are_no_tiers(cluster: Cluster) -> None:
    cluster.open()
    relays = Origin(cluster.edge.switch, cluster.edge.demux, cluster.edge.send, ViewerStats(), Candidates(()))
    with pytest.raises(ServiceError) as refused:
        relays.open(cluster.edge.room, Order().message(ROOM, WorkerId("third")), cluster.clock.now)
    assert refused.value.code is ErrorCode.WORKER_FULL
    with pytest.raises(ServiceError):
        relays.open(None, Order().message(ROOM, WorkerId("third")), cluster.clock.now)
