"""Every alert fires when it should and is quiet when it should be, whatever the size of the cluster."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.deploy.alert_cases import CASES, Case
from tests.integration.deploy.alert_series import Series
from tests.integration.deploy.files import PROMETHEUS, RULE_FILES, checked, rules
from tests.integration.deploy.promql import metrics_behind

SIZES = (1, 2, 100)
LONG_MINUTES = 40
PROMTOOL_SECONDS = 300.0  # five of a core; `make test` gives it what others leave
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_every_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(ALERTS)


@pytest.mark.parametrize("size", SIZES)
def test_alerts(size: int, tmp_path: Path) -> None:
    """One run for all cases, because starting promtool takes the time."""
    played = [Played(case, fires, make(size)) for case in CASES for fires, make in case.clusters]
    tests = [one_test(together) for together in apart(played)]
    names = [str(PROMETHEUS / name) for name in RULE_FILES]
    file = tmp_path / "alerts.test.yml"
    file.write_text(
        yaml.dump({"rule_files": names, "evaluation_interval": "2m", "tests": tests}, Dumper=yaml.CSafeDumper)
    )
    checked("promtool", "test", "rules", file, within=PROMTOOL_SECONDS)


@dataclass(frozen=True)
class Played:
    """A case in one of its clusters."""

    case: Case
    fires: bool
    series: Series


def apart(played: Iterable[Played]) -> list[list[Played]]:
    """Cases that can be played in one cluster are together: none has a series that another's alert reads.

    Those that take long are apart, since promtool evaluates all rules in each minute.
    """
    groups: list[tuple[set[str], set[str], list[Played]]] = []
    for one in played:
        has = {name.partition("{")[0] for name in one.series}
        reads = metrics_behind(ALERTS[one.case.alert]["expr"]) | has
        for group_has, group_reads, group in groups:
            as_long = (one.case.at > LONG_MINUTES) == (group[0].case.at > LONG_MINUTES)
            if as_long and not has & group_reads and not reads & group_has:
                group_has |= has
                group_reads |= reads
                group.append(one)
                break
        else:
            groups.append((has, reads, [one]))
    return [group for _, _, group in groups]


def one_test(together: list[Played]) -> dict[str, Any]:
    series = {name: values for one in together for name, values in one.series.items()}
    return {
        "name": ", ".join(f"{one.case.alert} {'fires' if one.fires else 'is quiet'}" for one in together),
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [expected(one.case, one.fires) for one in together],
    }


def expected(case: Case, fires: bool) -> dict[str, Any]:
    """One alert, with its severity and the worker at fault; or none at all."""
    labels = {"alertname": case.alert, "severity": ALERTS[case.alert]["labels"]["severity"]}
    if case.names:
        labels["worker"] = case.names
    written = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return {
        "expr": "sum by (alertname, severity, worker)"
        f' (ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
        "eval_time": f"{case.at}m",
        "exp_samples": [{"labels": f"{{{written}}}", "value": 1}] if fires else [],
    }
