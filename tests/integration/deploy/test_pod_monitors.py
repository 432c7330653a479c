"""What the Prometheus Operator makes of the PodMonitors is what the rules and alerts expect."""

import re
from typing import Any

import yaml

from tests.integration.deploy.files import DEPLOY, PROMETHEUS, ROOT, RULE_FILES, read_yaml, rules

KUBERNETES = DEPLOY / "kubernetes"
NAME = "app.kubernetes.io/name"

Manifest = dict[str, Any]


def manifests(*kinds: str) -> list[Manifest]:
    return [
        document
        for file in sorted(KUBERNETES.glob("*/*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if document and document.get("kind") in kinds and document.get("metadata")
    ]


def pods() -> dict[str, Manifest]:
    """The pods' templates by their names; patches are only parts of one."""
    workloads = [one for one in manifests("Deployment", "StatefulSet") if "selector" in one["spec"]]
    templates = [workload["spec"]["template"] for workload in workloads]
    return {template["metadata"]["labels"][NAME]: template["spec"] for template in templates}


def test_each_process_is_scraped_at_a_port_that_it_has() -> None:
    ports = {
        name: {port["name"] for container in pod["containers"] for port in container.get("ports", ())}
        for name, pod in pods().items()
    }
    scraped = {}
    for monitor in manifests("PodMonitor"):
        name = monitor["spec"]["selector"]["matchLabels"][NAME]
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        assert endpoint["port"] in ports[name]
        labels = {one["targetLabel"]: one.get("replacement") for one in endpoint["relabelings"]}
        scraped[name] = labels
    assert scraped == {
        "control": {"job": "roomcast-control"},
        "worker": {"job": "roomcast-worker", "worker": None},  # the pod's name
    }
    jobs = {job for rule in rules() for job in re.findall(r'job="(roomcast-\w+)"', rule["expr"])}
    assert jobs == {"roomcast-control", "roomcast-worker", "roomcast-federate"}


def test_a_workers_label_is_its_id_in_the_directory() -> None:
    (container,) = pods()["worker"]["containers"]
    (given,) = (one for one in container["env"] if one["name"] == "WORKER_ID")
    assert given["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_the_policies_let_prometheus_in() -> None:
    """By the name of its pods, or of its namespace."""
    for policy in manifests("NetworkPolicy"):
        open_to = [rule for rule in policy["spec"]["ingress"] if "from" in rule]
        if policy["metadata"]["name"] in ("control", "worker"):
            assert any(
                {"podSelector": {"matchLabels": {NAME: "prometheus"}}} in rule["from"] for rule in open_to
            )


def test_the_command_of_the_guide_makes_objects_of_the_rules() -> None:
    """It indents our files by two: that is what an object's `spec` is."""
    guide = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    command = re.search(r"for rules in (.+); do\n(.+?)\ndone", guide, re.DOTALL)
    assert command is not None
    names = command[1].split()
    assert {f"{name}.yml" for name in names} == set(RULE_FILES) - {"fleet.yml"}
    head = re.search(r"printf -- '(.+?)'", command[2])
    assert head is not None
    for name in names:
        text = (PROMETHEUS / f"{name}.yml").read_text(encoding="utf-8")
        indented = "".join(f"  {line}\n" for line in text.splitlines())
        made = yaml.safe_load(head[1].replace("\\n", "\n").replace("%s", name) + indented)
        assert made["kind"] == "PrometheusRule"
        assert made["metadata"]["name"] == f"roomcast-{name}"
        assert made["spec"] == read_yaml(PROMETHEUS / f"{name}.yml")
