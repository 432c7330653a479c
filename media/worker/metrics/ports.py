"""The ports of media: sockets over UDP, connections over TCP, and what STUN servers see of them."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.counts import TcpEnd
from media.transport.ports import Ports
from media.transport.tcp import TcpPort
from media.worker.public_address import Nat, PublicAddress


def socket_metrics(ports: Ports) -> Iterable[Metric]:
    """Their buffers, what found the receive buffer full, and what sends."""
    buffers = GaugeMetricFamily(
        "roomcast_socket_buffer_bytes",
        "Buffers of the media sockets, as the kernel grants them.",
        labels=["family", "direction"],
    )
    drops = CounterMetricFamily(
        "roomcast_receive_drops",
        "Datagrams that the kernel dropped because the receive buffer was full.",
        labels=["family"],
    )
    for port in ports:
        family = "ipv6" if ":" in port.address[0] else "ipv4"
        for direction, size in zip(("receive", "send"), port.buffers, strict=True):
            buffers.add_metric([family, direction], size)
        if (overflows := port.rx_overflows) is not None:
            drops.add_metric([family], overflows)
    native = GaugeMetricFamily(
        "roomcast_native_sending",
        "1: media over UDP is read, opened, encrypted and sent in C; 0: in Python.",
        value=any(port.fan_out is not None for port in ports),
    )
    yield from (buffers, drops, native)


def tcp_metrics(port: TcpPort) -> Iterable[Metric]:
    """The connections, those that were not good enough, and what came too late to be sent."""
    stats = port.stats
    yield GaugeMetricFamily("roomcast_tcp_connections", "Open TCP connections of clients.", value=len(port))
    yield CounterMetricFamily(
        "roomcast_tcp_accepted", "TCP connections of clients that were accepted.", value=stats.accepted
    )
    refused = CounterMetricFamily(
        "roomcast_tcp_refused", "TCP connections that were closed or not accepted.", labels=["reason"]
    )
    for reason in TcpEnd:
        refused.add_metric([reason], stats.refused[reason])
    yield refused
    yield CounterMetricFamily(
        "roomcast_tcp_dropped_packets",
        "Packets dropped because a client's TCP connection did not take them in time.",
        value=stats.dropped_packets,
    )
    yield CounterMetricFamily(
        "roomcast_tcp_dropped_bytes", "Bytes of these packets.", value=stats.dropped_octets
    )


def public_address_metrics(public: PublicAddress) -> Iterable[Metric]:
    """What STUN servers see, if MEDIA_PUBLIC_IPS has auto."""
    nats = public.nats
    if not nats:
        return
    states = GaugeMetricFamily(
        "roomcast_public_address",
        "1 for what STUN servers say of the public address: found, unknown, or a symmetric NAT.",
        labels=["family", "state"],
    )
    for family, nat in nats.items():
        for state in Nat:
            states.add_metric([family, state], nat is state)
    yield states
    yield CounterMetricFamily(
        "roomcast_public_address_changes",
        "Changes of a public address that was known.",
        value=public.changes,
    )
