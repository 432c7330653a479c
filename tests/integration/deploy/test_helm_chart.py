"""The chart says what deploy/kubernetes says, and what it alone can; test_kubernetes.py has what both do."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.settings.settings import Settings, load_settings
from tests.integration.deploy.cluster import (
    CHART,
    HOST,
    TOOLS,
    TURN,
    VALUES,
    Manifest,
    chart,
    chart_of,
    charted,
    chosen,
    environment_of,
    kustomized,
    labels_of,
    of_kind,
    plain,
    tool,
    workers,
    workloads,
)
from tests.integration.deploy.files import checked, environment, read_yaml


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", TOOLS)
def test_helm_finds_nothing_wrong(version: str, tmp_path: Path) -> None:
    """3 and 4, which these versions come with."""
    said = checked(
        tool("helm", version), "lint", "--strict", chart(tmp_path), "--set", "secrets.values.REDIS_PASSWORD=x"
    )
    assert "WARN" not in said


def test_helm_3_says_the_same(tmp_path: Path) -> None:
    for name in ("with TURN", "scaled by KEDA"):
        folder = tmp_path / name
        folder.mkdir()
        assert charted(VALUES[name], folder, TOOLS[0]) == chart_of(name)


# --- it fits together


def test_a_node_port_is_the_port_that_clients_are_told() -> None:
    found = chart_of("by NodePort")
    services = [one for one in of_kind(found, "Service") if one["spec"].get("type") == "NodePort"]
    assert len(services) == 2
    for worker, service in zip(workers(found), services, strict=True):
        assert chosen({"matchLabels": service["spec"]["selector"]}, labels_of(worker))
        assert service["spec"]["externalTrafficPolicy"] == "Local"
        (container,) = worker["spec"]["template"]["spec"]["containers"]
        told = int(environment_of(container)["MEDIA_ADDR"].lstrip(":"))
        for port in service["spec"]["ports"]:
            assert port["nodePort"] == port["port"] == told
        (rule,) = worker["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]
        assert chosen(rule["labelSelector"], labels_of(worker))


def test_autoscalers_aim_at_every_worker_and_nothing_else_says_how_many() -> None:
    for name, kind in (("scaled by KEDA", "ScaledObject"), ("scaled by CPU", "HorizontalPodAutoscaler")):
        found = chart_of(name)
        aims = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(found, kind)} - {"roomcast-control"}
        assert aims == {one["metadata"]["name"] for one in workers(found)}
        assert not [one for one in workers(found) if "replicas" in one["spec"]]
    for scaled in of_kind(chart_of("scaled by KEDA"), "ScaledObject"):
        (trigger,) = scaled["spec"]["triggers"]
        (pattern,) = re.findall(r'worker=~"(.*)"', trigger["metadata"]["query"])
        target = scaled["spec"]["scaleTargetRef"]["name"]
        names = [f"{one['metadata']['name']}-3" for one in workers(chart_of("scaled by KEDA"))]
        assert [name for name in names if re.fullmatch(pattern, name)] == [f"{target}-3"]
        assert float(trigger["metadata"]["threshold"]) < load_settings().worker_max_load


def test_each_replica_is_scraped_as_the_rules_know_it() -> None:
    found = chart_of("with the Prometheus operator")
    monitors = list(of_kind(found, "PodMonitor"))
    jobs = set()
    for monitor in monitors:
        (target,) = (one for one in workloads(found) if chosen(monitor["spec"]["selector"], labels_of(one)))
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        (container,) = target["spec"]["template"]["spec"]["containers"]
        assert endpoint["port"] in {port["name"] for port in container["ports"]}
        jobs |= {one["replacement"] for one in endpoint["relabelings"] if one["targetLabel"] == "job"}
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert jobs == {"roomcast-control", "roomcast-worker"}


# --- its values


def test_every_value_is_explained_and_known_to_the_schema() -> None:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    known = schema()

    def described(values: dict[str, Any], properties: dict[str, Any], path: str) -> Iterator[str]:
        for name, value in values.items():
            if name not in properties:
                yield f"{path}{name}"
            elif isinstance(value, dict) and "properties" in properties[name]:
                yield from described(value, properties[name]["properties"], f"{path}{name}.")

    assert not list(described(read_yaml(CHART / "values.yaml"), known["properties"], ""))
    # each top-level value has a comment: its own, or those of its parts
    blocks = re.split(r"\n\n", text)
    assert not [block for block in blocks if "#" not in block and not block.startswith("valkey")]


def test_a_value_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = ["worker.perNod=2", "worker.network=x", "settings.MAX_ROOMS=5", "settings.DRAIN_SECONDS=3"]
    wrong += ["worker.drainSeconds=no", "secrets.values=null", "turn.enabled=true", "ingress.enabled=true"]
    wrong += ["worker.network=hostNetwork"]  # without the networks of the nodes
    wrong += ["host=live.example.com,ingress.enabled=true"]  # without where the ingress controller runs
    for one in wrong:
        values = f"secrets.values.REDIS_PASSWORD=first,{one}"
        done = subprocess.run(
            [tool("helm"), "template", "roomcast", chart(tmp_path), "--set", values],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode != 0, one


def test_no_secret_setting_is_taken_where_everybody_reads_it() -> None:
    names = schema()["properties"]["settings"]["propertyNames"]
    for name, field in Settings.model_fields.items():
        is_secret = "SecretStr" in repr(field.annotation)
        refused = bool(re.search(names["not"]["pattern"], name.upper())) and name != "drain_seconds"
        assert refused == is_secret, name
        assert re.search(names["pattern"], name.upper())


# --- beside kustomize

EXAMPLE = {
    **HOST,
    "image": {"repository": "registry.example.com/roomcast"},
    "secrets": {"existing": "roomcast-secrets"},
    "worker": {"perNode": 2},
    "recordings": {"enabled": True},
    "turn": {**TURN, "tlsSecret": "turn-example-com-tls"},
    "ingress": {"enabled": True, "tlsSecret": "live-example-com-tls"},
}
FOREIGN = {"Namespace", "Secret"}


def named(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    found = {}
    for one in manifests:
        spec = plain(one.get("spec") or one.get("data"))
        if one["kind"] in ("Deployment", "StatefulSet"):
            for container in spec["template"]["spec"]["containers"]:
                container["env"] = environment_of(container)  # in any order
                container["ports"] = sorted(container["ports"], key=lambda port: str(port["name"]))
                container.pop("imagePullPolicy", None)
            for claim in spec.get("volumeClaimTemplates", ()):
                claim.pop("status", None)
        if one["kind"] == "Secret" or one["kind"] in FOREIGN:
            continue
        found[one["kind"], plain(one["metadata"]["name"])] = spec
    return found


def test_the_chart_says_what_kustomize_says(tmp_path: Path) -> None:
    by_helm = named(charted(EXAMPLE, tmp_path))
    by_kustomize = named(kustomized(["second-worker", "turn"], tmp_path))
    assert set(by_helm) == set(by_kustomize)
    policy = by_helm["NetworkPolicy", "valkey"]["ingress"][0]["from"][0]["podSelector"]
    assert policy.pop("matchLabels") == {}  # of one release; kustomize's has its namespace
    for name, one in by_kustomize.items():
        assert by_helm[name] == one, name
