"""A client whose checks seem to come from another worker takes nothing from the relay to that worker."""

from typing import cast

import pytest

from media.relay.link import KEEP_ALIVE_SECONDS
from media.sessions.session import Session
from media.transport.address import Address
from tests.support.demux_socket import Endpoint, Socket
from tests.support.relay_world import EDGE_AT, ORIGIN_AT, Cluster, Worker


def takes(worker: Worker, address: Address) -> Endpoint:
    """A client of `worker` that has let its checks come from `address`, and is known there."""
    socket, client = Socket(), Endpoint()
    socket.demux = worker.demux
    socket.demux.add(cast(Session, client))
    socket.check(client, address)
    assert client.ice.selected == address
    worker.receive([(b"\x16", address)])
    assert client.dtls == [b"\x16"]
    return client


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def flows(cluster: Cluster, *clients: Endpoint) -> None:
    """Media goes down, RTCP both ways, and the clients get none of it."""
    for _ in range(3):
        payload = cluster.media()
        cluster.pass_time(2 * KEEP_ALIVE_SECONDS)
        assert [packet.payload for packet in cluster.watched[-2:]] == [payload, payload]
    assert cluster.relay.lost_at is None
    assert len(cluster.relays) == 1
    assert not any(client.media for client in clients)


def test_not_before_the_relay_has_sent_its_first_packet(cluster: Cluster) -> None:
    clients = takes(cluster.origin, EDGE_AT), takes(cluster.edge, ORIGIN_AT)
    cluster.open()
    flows(cluster, *clients)


def test_not_between_the_request_and_the_first_packet(cluster: Cluster) -> None:
    cluster.cut()
    cluster.open()
    clients = takes(cluster.origin, EDGE_AT), takes(cluster.edge, ORIGIN_AT)
    cluster.network.lost = lambda _: False
    cluster.pass_time(KEEP_ALIVE_SECONDS)
    flows(cluster, *clients)


def test_not_while_the_relay_runs(cluster: Cluster) -> None:
    cluster.open()
    cluster.media()
    flows(cluster, takes(cluster.origin, EDGE_AT), takes(cluster.edge, ORIGIN_AT))


def test_not_when_the_relay_comes_back(cluster: Cluster) -> None:
    cluster.open()
    takes(cluster.origin, EDGE_AT)
    takes(cluster.edge, ORIGIN_AT)
    cluster.reopen()
    flows(cluster)  # of the former relay, which nobody knows any more, the client may get the goodbye
