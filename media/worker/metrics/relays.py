"""Relays between workers: how many, and what was lost on them."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from media.rooms.rooms import Rooms


class RelaysCollector(Collector):
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def collect(self) -> Iterable[Metric]:
        rooms, stats = self._rooms, self._rooms.ledger.relays
        relays = GaugeMetricFamily(
            "roomcast_relays",
            "Rooms that this worker sends to others (out), and that it has from others (in).",
            labels=["direction"],
        )
        relays.add_metric(["out"], len(rooms.relays_out))
        relays.add_metric(["in"], sum(bool(status.origin) for status in rooms.statuses()))
        yield relays
        yield CounterMetricFamily(
            "roomcast_relay_nacks", "Packets that other workers asked for again.", value=stats.nacks
        )
        yield CounterMetricFamily(
            "roomcast_relay_retransmissions",
            "Packets sent to other workers again.",
            value=stats.retransmissions,
        )
