"""The four `live_*` series, and the layers of pictures. What has a room's name ends with the room.

A room that is not listed has no series.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.rooms.rooms import Rooms
from shared.messages.status import LayerReason, RoomStatus


def room_metrics(rooms: Rooms, most: int) -> Iterable[Metric]:
    """Layers have series for the `most` largest rooms only (0: for all)."""
    statuses = rooms.statuses()
    owned = sum(not status.origin for status in statuses)  # a copy is counted at its origin
    yield GaugeMetricFamily(
        "live_rooms",
        "Rooms whose publisher is on this worker, or has gone and may still come back.",
        value=owned,
    )
    viewers = GaugeMetricFamily("live_subscribers", "Viewers of a room on this worker.", labels=["room"])
    # the library adds _total to the names of counters
    received = CounterMetricFamily(
        "live_rtp_bytes", "RTP bytes received from the room's publishers.", labels=["room"]
    )
    packets = CounterMetricFamily(
        "live_rtp_packets", "RTP packets received from the room's publishers.", labels=["room"]
    )
    for status in statuses:
        if not rooms.is_listed(status.name):
            continue
        viewers.add_metric([status.name], status.subscribers)
        if status.origin:  # a copy: its origin counts what the publisher sends
            continue
        received.add_metric([status.name], status.rx_bytes)
        packets.add_metric([status.name], status.rx_packets)
    yield from (viewers, received, packets)
    largest = {room.name for room in rooms.largest(most)}
    yield from _layers([status for status in statuses if status.name in largest])
    yield _reasons(statuses)


def _layers(statuses: Sequence[RoomStatus]) -> Iterable[Metric]:
    """The layers by rank, 0 for the best: a publisher may name its layers as it likes."""
    bitrates = GaugeMetricFamily(
        "roomcast_layer_bitrate", "Bits a second of a layer of a room's picture.", labels=["room", "layer"]
    )
    viewers = GaugeMetricFamily(
        "roomcast_layer_viewers", "Viewers of a layer on this worker.", labels=["room", "layer"]
    )
    for status in statuses:
        for rank, layer in enumerate(status.layers):
            viewers.add_metric([status.name, str(rank)], layer.viewers)
            if not status.origin:
                bitrates.add_metric([status.name, str(rank)], layer.bitrate)
    yield from (bitrates, viewers)


def _reasons(statuses: Sequence[RoomStatus]) -> Metric:
    total: Counter[str] = Counter()
    for status in statuses:
        total.update(status.viewers_by_reason)
    reasons = GaugeMetricFamily(
        "roomcast_viewers", "Viewers by the reason for what they get of the picture.", labels=["reason"]
    )
    for reason in LayerReason:
        reasons.add_metric([reason], total[reason])
    return reasons
