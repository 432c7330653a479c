"""What is counted is told: a new count needs a series, and a series needs its line in docs/monitoring.md."""

from dataclasses import fields

from media.counts import PublisherStats, ViewerStats
from media.sessions.ledger import Ledger
from media.worker.metrics import traffic


def counts(stats: type) -> set[str]:
    return {field.name for field in fields(stats) if field.default == 0}


def test_every_count_has_a_series() -> None:
    assert traffic._PUBLISHERS.keys() == counts(PublisherStats)
    assert traffic._VIEWERS.keys() == counts(ViewerStats)
    assert traffic._FEEDS.keys() == Ledger().feeds.with_living([]).keys()
