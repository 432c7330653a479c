"""Relays between workers: how many, and what was lost on them."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from media.relay.origin import Origin
from media.rooms.rooms import Rooms
from media.sessions.ledger import Ledger


def relay_metrics(rooms: Rooms, origin: Origin, ledger: Ledger) -> Iterable[Metric]:
    stats = ledger.relays
    relays = GaugeMetricFamily(
        "roomcast_relays",
        "Rooms that the worker sends to others (out) or receives from others (in).",
        labels=["direction"],
    )
    relays.add_metric(["out"], len(origin))
    relays.add_metric(["in"], sum(room.origin is not None for room in rooms.shown()))
    yield relays
    yield CounterMetricFamily(
        "roomcast_relay_nacks", "Packets requested again by other workers.", value=stats.nacks
    )
    yield CounterMetricFamily(
        "roomcast_relay_retransmissions",
        "Retransmissions to other workers.",
        value=stats.retransmissions,
    )
