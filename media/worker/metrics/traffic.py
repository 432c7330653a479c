"""Packets: what came in, what went out, what was lost here, and how long it took."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.rooms import Rooms
from media.sessions.ledger import Ledger
from media.transport.udp import UdpPort
from media.worker.metrics.exposition import single

# What a feed counts: its attribute, the series' name and meaning.
_FEEDS = {
    "rx_packets": ("roomcast_ingress_packets", "RTP packets of publishers and of other workers, relayed."),
    "rx_bytes": ("roomcast_ingress_bytes", "RTP bytes of publishers and of other workers, relayed."),
    "rx_dropped": (
        "roomcast_ingress_dropped",
        "Packets of publishers that were forged, replayed, broken or of no negotiated track.",
    ),
    "rx_recovered": (
        "roomcast_ingress_recovered",
        "Packets that were lost, asked for and relayed after all.",
    ),
    "rx_late": ("roomcast_ingress_late", "Packets that came twice, or too late to be relayed."),
}
_PUBLISHERS = {
    "nacks": ("roomcast_publisher_nacks", "Packets that publishers were asked for again."),
    "plis": ("roomcast_publisher_plis", "Keyframes that publishers were asked for by PLI."),
    "firs": ("roomcast_publisher_firs", "Keyframes that publishers were asked for by FIR."),
}
_VIEWERS = {
    "nacks": ("roomcast_viewer_nacks", "Packets that viewers asked for again."),
    "retransmissions": ("roomcast_retransmissions", "Packets sent to a viewer again."),
    "retransmissions_refused": (
        "roomcast_retransmissions_refused",
        "Packets not sent again: more than a viewer's share of its bandwidth.",
    ),
    "join_bursts": ("roomcast_join_bursts", "Viewers that began with the pictures since the last keyframe."),
    "keyframe_requests": ("roomcast_viewer_keyframe_requests", "PLI and FIR of viewers."),
    "rtcp_dropped": (
        "roomcast_viewer_rtcp_dropped",
        "RTCP packets not read, of viewers that send more than there is to say.",
    ),
}


class TrafficCollector(Collector):
    """Totals of the worker: they outlive the rooms and sessions that they count."""

    def __init__(self, rooms: Rooms, ledger: Ledger, port: UdpPort) -> None:
        self._rooms = rooms
        self._ledger = ledger
        self._port = port

    def collect(self) -> Iterable[Metric]:
        ledger, port = self._ledger, self._port
        yield from _counters(_FEEDS, ledger.feeds.with_living(self._rooms.feeds()))
        for series, stats in ((_PUBLISHERS, ledger.publishers), (_VIEWERS, ledger.viewers)):
            yield from _counters(series, {name: getattr(stats, name) for name in series})
        yield CounterMetricFamily(
            "roomcast_egress_packets", "RTP packets sent to viewers and other workers.", value=port.tx_packets
        )
        yield CounterMetricFamily(
            "roomcast_egress_bytes", "SRTP bytes sent to viewers and other workers.", value=port.tx_bytes
        )
        yield CounterMetricFamily(
            "roomcast_datagrams_received", "Datagrams that the socket gave.", value=port.rx_datagrams
        )
        yield CounterMetricFamily(
            "roomcast_datagrams_dropped", "Sends that the socket did not take.", value=port.tx_dropped
        )
        yield single(
            "roomcast_relay_delay_seconds",
            "From a burst's arrival in the kernel to its last viewer's send; one burst in many is measured.",
            port.delay,
        )


def _counters(series: Mapping[str, tuple[str, str]], values: Mapping[str, int]) -> Iterable[Metric]:
    for attribute, (name, meaning) in series.items():
        yield CounterMetricFamily(name, meaning, value=values[attribute])
