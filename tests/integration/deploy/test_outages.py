"""Outages are told within three minutes, and noise wakes nobody, with one worker and with a hundred."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.deploy.alert_series import control, gauge, of_workers
from tests.integration.deploy.files import PROMETHEUS, RULE_FILES, checked, read_yaml, rules
from tests.integration.deploy.outages import BEGINS, NOISE, OUTAGES, STEP, Noise, Outage

SIZES = (1, 100)
SECONDS = 180  # within which an outage is told
LOOKS = range(5, 60, 5)  # minutes at which the noise is silent
FIRING = 'ALERTS{alertstate="firing"'
ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


@pytest.mark.parametrize("size", SIZES)
def test_each_outage_is_told_within_three_minutes(size: int, tmp_path: Path) -> None:
    check((outage_test(outage, size) for outage in OUTAGES), f"{STEP}s", tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_noise_is_silent(size: int, tmp_path: Path) -> None:
    check((noise_test(noise, size) for noise in NOISE), "1m", tmp_path)


def test_each_outage_has_an_alert_that_wakes_somebody_or_a_reason() -> None:
    """A part of the cluster, or a guess, is for the day."""
    for_the_day = {
        outage.name
        for outage in OUTAGES
        if not any(ALERTS[alert]["labels"]["severity"] == "critical" for alert in outage.alerts)
    }
    assert for_the_day == {
        "all UDP of one worker is cut",
        "a worker crashes three times in 16 minutes",
        "a worker dies, and does not come back",
        "viewers connect and see nothing",  # one publisher can cause it
        "no UDP comes in, where four want to watch and four to publish",  # of neither are there five
        "the same where the balancer has a public address: nobody can count its clients",
    }


def check(tests: Iterable[dict[str, Any]], evaluated: str, folder: Path) -> None:
    names = [str(PROMETHEUS / name) for name in RULE_FILES]
    file = folder / "outages.test.yml"
    text = {
        "rule_files": names,
        "evaluation_interval": evaluated,
        "group_eval_order": groups(),
        "tests": [*tests],
    }
    file.write_text(yaml.dump(text, Dumper=yaml.CSafeDumper))
    checked("promtool", "test", "rules", file, within=300)


def groups() -> list[str]:
    """All groups, those with alerts first: at worst, an alert looks at what was recorded a round before."""
    found = [group for name in RULE_FILES for group in read_yaml(PROMETHEUS / name)["groups"]]
    found.sort(key=lambda group: "alert" not in group["rules"][0])
    return [group["name"] for group in found]


def one_test(outage: Outage | Noise, size: int, looks: list[dict[str, Any]]) -> dict[str, Any]:
    up = gauge("up", "1x200")
    series = outage.series(size) | up(control()) | of_workers(up, range(1, size + 2))
    return {
        "name": f"{outage.name}, {size} workers",
        "interval": f"{STEP}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": looks,
    }


def outage_test(outage: Outage, size: int) -> dict[str, Any]:
    begins = (BEGINS + outage.later) * STEP
    names = "|".join(outage.alerts)
    expr = f'count by (alertname) (count by (alertname, role) ({FIRING}, alertname=~"{names}"}}))'
    told = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in outage.alerts]
    return one_test(
        outage,
        size,
        [
            {"expr": expr, "eval_time": f"{begins - STEP}s", "exp_samples": []},
            {"expr": expr, "eval_time": f"{begins + SECONDS}s", "exp_samples": told},
        ],
    )


def noise_test(noise: Noise, size: int) -> dict[str, Any]:
    expr = f'count by (alertname) ({FIRING}, alertname!~"{"|".join(noise.told) or "none"}"}})'
    return one_test(
        noise, size, [{"expr": expr, "eval_time": f"{minute}m", "exp_samples": []} for minute in LOOKS]
    )
