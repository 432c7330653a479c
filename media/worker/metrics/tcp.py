"""Media over TCP: connections, those that were not good enough, and what came too late to be sent."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.counts import TcpEnd
from media.transport.ports import StreamPort


class TcpCollector(Collector):
    def __init__(self, port: StreamPort) -> None:
        self._port = port

    def collect(self) -> Iterable[Metric]:
        stats = self._port.stats
        yield GaugeMetricFamily(
            "roomcast_tcp_connections", "Open TCP connections of clients.", value=len(self._port)
        )
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
