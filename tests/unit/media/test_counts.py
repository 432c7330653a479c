"""A value counts in its bucket and in all above it, and totals keep the counts of objects that are gone."""

from dataclasses import dataclass
from math import inf

from media.counts import Histogram, Totals, ViewerStats


def test_a_bound_belongs_to_the_bucket_below_it() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.0, 7.0):
        histogram.observe(seconds)
    assert histogram.buckets() == [(0.1, 2), (1.0, 4), (inf, 5)]
    assert histogram.count == 5
    assert histogram.sum == 8.65


def test_parts_count_together_and_are_left_as_they_were() -> None:
    parts = [Histogram((0.1, 1.0)) for _ in range(3)]
    for part, seconds in zip(parts, (0.05, 0.5, 7.0), strict=True):
        part.observe(seconds)
    total = Histogram.of(parts)
    assert total.buckets() == [(0.1, 1), (1.0, 2), (inf, 3)]
    assert total.sum == 7.55
    assert [part.count for part in parts] == [1, 1, 1]


@dataclass
class Counted:
    packets: int = 0
    octets: int = 0


def test_a_total_does_not_go_back_when_what_it_counts_ends() -> None:
    totals = Totals("packets", "octets")
    first, second = Counted(10, 1000), Counted(5, 50)
    assert totals.with_living([first, second]) == {"packets": 15, "octets": 1050}
    first.packets += 1
    totals.retire(first)
    assert totals.with_living([second]) == {"packets": 16, "octets": 1050}
    totals.retire(second)
    assert totals.with_living([]) == {"packets": 16, "octets": 1050}


def test_reading_a_total_adds_nothing_to_it() -> None:
    totals = Totals("packets")
    living = [Counted(packets=3)]
    assert totals.with_living(living) == totals.with_living(living) == {"packets": 3}


def test_a_viewer_that_reports_nothing_of_its_line_counts_nowhere() -> None:
    stats = ViewerStats()
    stats.line(None, 0.0)
    assert (stats.losses.count, stats.round_trips.count) == (0, 0)
    stats.line(0.0, 0.2)
    stats.line(0.25, 0.0)
    assert stats.losses.buckets()[0] == (0.0, 1)
    assert (stats.losses.count, stats.round_trips.count) == (2, 1)
