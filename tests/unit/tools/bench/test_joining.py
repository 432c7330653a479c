"""The tables of joins in turns, and of a system at rest."""

from tools.bench.scenarios.joining import JoinWindows, rows
from tools.bench.scenarios.resting import Resting, lines


def test_a_join_costs_what_all_processes_used() -> None:
    old, new = (
        JoinWindows(
            [[0.004 * by, 0.006 * by]] * 2,
            {"control": [0.002 * by] * 2, "worker": [0.004 * by] * 2},
            {"control": [0.001 * by] * 2, "worker": [0.001 * by] * 2},
        )
        for by in (1, 0.5)
    )
    assert [tuple(row) for row in rows(old, new)] == [
        ("answer p50 ms", "6.00", "3.00", "0.500 ± 0.000"),
        ("answer p99 ms", "6.00", "3.00", "0.500 ± 0.000"),
        ("CPU ms a join", "6.00", "3.00", "0.500 ± 0.000"),
        ("of which control", "2.00", "1.00", "0.500 ± 0.000"),
        ("of which worker", "4.00", "2.00", "0.500 ± 0.000"),
        ("CPU ms a leaving", "2.00", "1.00", "0.500 ± 0.000"),
    ]


def test_a_process_that_used_nothing_has_no_ratio() -> None:
    old, new = (JoinWindows([[0.1]], *[{"up": [0.0], "worker": [used]}] * 2) for used in (0.004, 0.002))
    assert [row[0] for row in rows(old, new)][2:] == ["CPU ms a join", "of which worker", "CPU ms a leaving"]


def test_rest_is_told_of_each_process_and_of_all() -> None:
    measured = {"up": Resting(0.0, 19_000_000), "worker": Resting(0.002, 80_400_000)}
    assert lines("abc", measured) == [
        ("abc", "up", "0.00%", "19.0"),
        ("abc", "worker", "0.20%", "80.4"),
        ("abc", "all", "0.20%", "99.4"),
    ]
