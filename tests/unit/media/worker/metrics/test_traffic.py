"""Every count is exported: a new one needs a series, and a series needs its line in docs/monitoring.md."""

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

from media.counts import Histogram
from media.sessions.ledger import Ledger
from media.worker.metrics.traffic import traffic_metrics


def test_every_count_has_a_series() -> None:
    ledger = Ledger()
    values = iter(range(1001, 2000))
    written: set[float] = set()
    for stats in (ledger.publishers, ledger.viewers):
        for field in fields(stats):
            if field.default == 0:
                written.add(value := next(values))
                setattr(stats, field.name, value)
    gone = {name: next(values) for name in ledger.feeds.with_living([])}
    ledger.feeds.retire(SimpleNamespace(**gone))
    written.update(gone.values())
    rooms: Any = SimpleNamespace(feeds=lambda: [])
    port: Any = SimpleNamespace(
        tx_packets=0, tx_bytes=0, rx_datagrams=0, tx_dropped=0, delay=Histogram([1.0])
    )
    exported = [sample.value for metric in traffic_metrics(rooms, ledger, port) for sample in metric.samples]
    assert {value for value in exported if value > 1000} == written
