"""Totals: what has gone still counts, so that a counter never goes back."""

from dataclasses import dataclass

from media.metrics.ledger import Totals


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
