"""Every alert fires when it should and is quiet when it should be, whatever the size of the cluster."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.deploy.alert_cases import CASES, Case
from tests.integration.deploy.files import PROMETHEUS, RULE_FILES, checked, rules
from tests.integration.deploy.promql import metrics_behind

SIZES = (1, 2, 6, 100)
LONG_MINUTES = 40
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_every_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(ALERTS)


@pytest.mark.parametrize("size", SIZES)
def test_alerts(size: int, tmp_path: Path) -> None:
    """One run for all cases, because starting promtool takes the time."""
    tests = [
        one_test(together, fires, size) for fires in (True, False) for together in apart(CASES, fires, size)
    ]
    names = [str(PROMETHEUS / name) for name in RULE_FILES]
    file = tmp_path / "alerts.test.yml"
    file.write_text(
        yaml.dump({"rule_files": names, "evaluation_interval": "2m", "tests": tests}, Dumper=yaml.CSafeDumper)
    )
    checked("promtool", "test", "rules", file)


def apart(cases: Iterable[Case], fires: bool, size: int) -> list[list[Case]]:
    """Cases that can be played in one cluster are together: none has a series that another's alert reads.

    Those that take long are apart, since promtool evaluates all rules in each minute.
    """
    groups: list[tuple[set[str], set[str], list[Case]]] = []
    for case in cases:
        has = {name.partition("{")[0] for name in series_of(case, fires, size)}
        reads = metrics_behind(ALERTS[case.alert]["expr"]) | has
        for group_has, group_reads, group in groups:
            as_long = (case.at > LONG_MINUTES) == (group[0].at > LONG_MINUTES)
            if as_long and not has & group_reads and not reads & group_has:
                group_has |= has
                group_reads |= reads
                group.append(case)
                break
        else:
            groups.append((has, reads, [case]))
    return [group for _, _, group in groups]


def series_of(case: Case, fires: bool, size: int) -> dict[str, str]:
    return case.fires(size) if fires else case.quiet(size)


def one_test(cases: list[Case], fires: bool, size: int) -> dict[str, Any]:
    series = {name: values for case in cases for name, values in series_of(case, fires, size).items()}
    return {
        "name": f"{'fires' if fires else 'quiet'}: {', '.join(case.alert for case in cases)}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [expected(case, fires) for case in cases],
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
