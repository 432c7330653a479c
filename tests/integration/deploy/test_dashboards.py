"""Grafana's dashboards: complete, coloured by the alerts' limits, and true to what is federated."""

import re

import pytest

from tests.integration.deploy.dashboards import FOLDER, NAMES, Panel, dashboard, expressions_of, panels
from tests.integration.deploy.files import DEPLOY, PROMETHEUS, read_yaml, rules
from tests.integration.deploy.promql import metrics_in

ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_every_dashboard_is_tested() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_grafana_finds_prometheus_and_each_panel_has_a_place(name: str) -> None:
    sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    shown = dashboard(name)
    expected = dict(zip(NAMES, sources, strict=True))[name]
    assert shown["templating"]["list"][0]["current"] == {"text": expected["name"], "value": expected["uid"]}
    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
    places = [
        (x, y)
        for place in (panel["gridPos"] for panel in shown["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) < 24


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_is_used_and_every_one_that_is_used_exists(name: str) -> None:
    shown = dashboard(name)
    own = {one["name"] for one in shown["templating"]["list"]} - {"datasource"}
    used = {
        word
        for panel in panels(name)
        for text in expressions_of(panel)
        for word in re.findall(r"\$(\w+)", text)
    }
    assert used == own


def test_what_has_a_room_can_be_chosen_by_room() -> None:
    for panel in panels("roomcast"):
        for text in expressions_of(panel):
            if "by (room)" in text or "room:" in text:
                assert 'room=~"$room"' in text, panel["title"]


def limits(panel: Panel) -> list[float]:
    """Where its colour changes. Without any, Grafana paints red what is above 80."""
    thresholds = [panel["fieldConfig"]["defaults"]["thresholds"]]
    for override in panel["fieldConfig"]["overrides"]:
        thresholds += [one["value"] for one in override["properties"] if one["id"] == "thresholds"]
    return [step["value"] for each in thresholds for step in each["steps"] if step["value"] is not None]


def test_colours_change_where_an_alert_begins() -> None:
    for panel in panels():
        linked = {link["title"]: link["url"] for link in panel.get("links", ())}
        assert linked.keys() <= ALERTS.keys()
        for alert, url in linked.items():
            assert url == ALERTS[alert]["annotations"]["runbook_url"]
        compared = {
            float(number)
            for alert in linked
            for number in re.findall(r"(?:[<>]=?) (-?[\d.]+)", ALERTS[alert]["expr"])
        }
        if panel["type"] == "timeseries" and limits(panel) and linked:
            assert set(limits(panel)) <= compared, panel["title"]


def test_the_fleet_shows_only_what_is_federated() -> None:
    federation = read_yaml(PROMETHEUS / "federation.yml")
    (job,) = federation["scrape_configs"]
    named = [re.findall(r'__name__=~"([^"]+)"|^(\w+)\{', text) for text in job["params"]["match[]"]]
    patterns = [pattern or name for ((pattern, name),) in named]
    assert len(patterns) == 4
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for panel in panels("fleet"):
        for text in expressions_of(panel):
            for metric in metrics_in(text):
                assert any(re.fullmatch(pattern, metric) for pattern in patterns), metric
                assert metric in recorded | {"up", "ALERTS"}, metric
            if metrics_in(text) != {"up"}:
                assert 'cluster=~"$cluster"' in text, panel["title"]


def test_each_cluster_names_itself() -> None:
    """The Prometheus of a cluster puts its name on alerts, and on what is federated."""
    own = read_yaml(PROMETHEUS / "prometheus.yml")["global"]["external_labels"]
    assert own.keys() == {"cluster"}
    (job,) = read_yaml(PROMETHEUS / "federation.yml")["scrape_configs"]
    assert job["honor_labels"]
    assert [targets.keys() for targets in job["static_configs"]] == [{"targets"}]
