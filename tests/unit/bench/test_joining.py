"""The tables of joins in turns, and of a system at rest."""

from tests.bench.scenarios.joining import JoinWindows, rows
from tests.bench.scenarios.resting import Resting, lines


def test_a_join_costs_what_all_processes_used() -> None:
    old = JoinWindows([[0.004, 0.006], [0.004, 0.006]], {"control": [0.002, 0.002], "worker": [0.004, 0.004]})
    new = JoinWindows([[0.002, 0.003], [0.002, 0.003]], {"control": [0.001, 0.001], "worker": [0.002, 0.002]})
    assert [tuple(row) for row in rows(old, new)] == [
        ("answer p50 ms", "6.00", "3.00", "0.500 ± 0.000"),
        ("answer p99 ms", "6.00", "3.00", "0.500 ± 0.000"),
        ("CPU ms a join", "6.00", "3.00", "0.500 ± 0.000"),
        ("of which control", "2.00", "1.00", "0.500 ± 0.000"),
        ("of which worker", "4.00", "2.00", "0.500 ± 0.000"),
    ]


def test_a_process_that_used_nothing_has_no_ratio() -> None:
    old = JoinWindows([[0.1]], {"up": [0.0], "worker": [0.004]})
    new = JoinWindows([[0.1]], {"up": [0.0], "worker": [0.002]})
    assert [row[0] for row in rows(old, new)][2:] == ["CPU ms a join", "of which worker"]


def test_rest_is_told_of_each_process_and_of_all() -> None:
    measured = {"up": Resting(0.0, 19_000_000), "worker": Resting(0.002, 80_400_000)}
    assert lines("abc", measured) == [
        ("abc", "up", "0.00%", "19.0"),
        ("abc", "worker", "0.20%", "80.4"),
        ("abc", "all", "0.20%", "99.4"),
    ]
