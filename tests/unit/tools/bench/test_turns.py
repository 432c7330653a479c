"""The table of a benchmark in turns, and its warnings."""

import dataclasses

from tests.unit.tools.bench.test_verdict import HELD
from tools.bench.scenarios.turns import COLUMNS, Windows, remarks, row

OLD = dataclasses.replace(HELD, received=100_000, server_cpu=0.2, delay=[0.001] * 9 + [0.004])
NEW = dataclasses.replace(HELD, received=99_990, server_cpu=0.25, delay=[0.002] * 9 + [0.003])


def test_a_line_has_figures_of_both_commits_and_their_ratios() -> None:
    cells = row(Windows(1, 200, [OLD, OLD], [NEW, NEW]))
    assert dict(zip(COLUMNS, cells, strict=False))["rooms x viewers"] == "1 x 200"
    assert cells[1:4] == ("2.00", "2.50", "1.250 ± 0.000")
    assert cells[4:7] == ("1.00", "2.00", "2.000 ± 0.000")
    assert cells[7:10] == ("4.00", "3.00", "0.750 ± 0.000")
    assert cells[10:] == ("0", "20")
    assert len(cells) == len(COLUMNS)


def test_a_quiet_machine_needs_no_remark() -> None:
    assert remarks(Windows(1, 200, [OLD], [NEW])) == []


def test_what_makes_figures_doubtful_is_reported() -> None:
    waited = dataclasses.replace(OLD, server_waited=0.4, server_dropped=7)
    busy = dataclasses.replace(NEW, generator_cpu=0.9)
    assert remarks(Windows(1, 200, [OLD, waited], [NEW, busy])) == [
        "1 x 200, old: the worker waited for its core for 22% of the time",
        "1 x 200, old: the worker's socket dropped 7 datagrams of publishers",
        "1 x 200, new: in 1 windows limited by the generator: the generator took 90% of its core",
    ]
