"""Packets: received, sent and dropped here, and the delay of the relay."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.rooms.rooms import Rooms
from media.sessions.ledger import Ledger
from media.transport.ports import Ports
from media.worker.metrics.exposition import single

# What feeds, publishers and viewers count: the attribute, and the name and meaning of its series.
_FEEDS = {
    "rx_packets": (
        "roomcast_ingress_packets",
        "RTP packets received from publishers and other workers, and relayed.",
    ),
    "rx_bytes": (
        "roomcast_ingress_bytes",
        "RTP bytes received from publishers and other workers, and relayed.",
    ),
    "rx_dropped": (
        "roomcast_ingress_dropped",
        "Packets that were forged, replayed, broken or of no negotiated track.",
    ),
    "rx_recovered": (
        "roomcast_ingress_recovered",
        "Lost packets that were retransmitted in time, or restored from redundant sound.",
    ),
    "rx_late": ("roomcast_ingress_late", "Packets that came twice or too late."),
}
_PUBLISHERS = {
    "nacks": ("roomcast_publisher_nacks", "Packets requested again from publishers."),
    "plis": ("roomcast_publisher_plis", "Keyframe requests to publishers by PLI."),
    "firs": ("roomcast_publisher_firs", "Keyframe requests to publishers by FIR."),
}
_VIEWERS = {
    "nacks": ("roomcast_viewer_nacks", "Packets requested again by viewers."),
    "retransmissions": ("roomcast_retransmissions", "Retransmissions to viewers."),
    "retransmissions_refused": (
        "roomcast_retransmissions_refused",
        "Retransmissions refused because they exceed a viewer's share.",
    ),
    "sound_lost": (
        "roomcast_sound_lost",
        "Packets of sound that viewers report as lost, without those sent again.",
    ),
    "sound_retransmissions": ("roomcast_sound_retransmissions", "Retransmissions of sound to viewers."),
    "sound_redundant": (
        "roomcast_sound_redundant",
        "Packets of sound sent with earlier ones in them, to viewers that lose some.",
    ),
    "join_bursts": ("roomcast_join_bursts", "Viewers that began with the pictures since the last keyframe."),
    "keyframe_requests": ("roomcast_viewer_keyframe_requests", "PLI and FIR from viewers."),
    "layer_changes": (
        "roomcast_layer_changes",
        "Changes of viewers to another layer of a picture, or to fewer or more of its frames.",
    ),
    "pauses": (
        "roomcast_picture_pauses",
        "Pictures stopped at once because the line was choked, or nobody heard the viewer.",
    ),
    "probes": ("roomcast_line_probes", "Probes, with padding, whether a viewer's line carries more."),
    "rtcp_dropped": (
        "roomcast_viewer_rtcp_dropped",
        "RTCP left unread, from viewers that send too much of it.",
    ),
}


def traffic_metrics(rooms: Rooms, ledger: Ledger, ports: Ports) -> Iterable[Metric]:
    """Totals of the worker: they do not fall when rooms and sessions end."""
    yield from _counters(_FEEDS, ledger.feeds.with_living(rooms.feeds()))
    for series, stats in ((_PUBLISHERS, ledger.publishers), (_VIEWERS, ledger.viewers)):
        yield from _counters(series, {name: getattr(stats, name) for name in series})
    yield GaugeMetricFamily(
        "roomcast_viewers_losing_sound",
        "Viewers that lose more than 1 % of the sound, in spite of what mends it.",
        value=sum(feed.losing_sound for feed in rooms.feeds()),
    )
    yield CounterMetricFamily(
        "roomcast_egress_packets",
        "SRTP packets sent to viewers and other workers.",
        value=ports.tx_packets,
    )
    yield CounterMetricFamily(
        "roomcast_egress_bytes", "SRTP bytes sent to viewers and other workers.", value=ports.tx_bytes
    )
    yield CounterMetricFamily(
        "roomcast_srtp_refused",
        "Packets not sent because they would have used an SRTP index twice: a bug of ours.",
        value=ledger.viewers.srtp_refused + ledger.relays.srtp_refused,
    )
    yield CounterMetricFamily(
        "roomcast_datagrams_received",
        "Datagrams of every kind that were received.",
        value=ports.rx_datagrams,
    )
    yield CounterMetricFamily(
        "roomcast_datagrams_dropped",
        "Sends that the socket refused: its buffer was full, or there was no route.",
        value=ports.tx_dropped,
    )
    yield single(
        "roomcast_relay_delay_seconds",
        "Time from a burst's arrival in the kernel to the send to its last viewer; "
        "one burst in sixteen is measured.",
        ports.delay,
    )


def _counters(series: Mapping[str, tuple[str, str]], values: Mapping[str, int]) -> Iterable[Metric]:
    for attribute, (name, meaning) in series.items():
        yield CounterMetricFamily(name, meaning, value=values[attribute])
