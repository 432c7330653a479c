"""What Kubernetes gets of kustomize and of the chart: it would take it, and the parts fit."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.integration.deploy import cluster
from tests.integration.deploy.cluster import (
    COMPONENTS,
    NEWEST,
    OLDEST,
    VALUES,
    Manifest,
    chart_of,
    chosen,
    environment_of,
    judged,
    kustomize,
    labels_of,
    workers,
)
from tests.integration.deploy.files import DEPLOY, read_yaml

FOLDER = DEPLOY / "kubernetes"
BASE, EXAMPLE, TURN, WORKER = (FOLDER / name for name in ("base", "example", "turn", "worker"))
PLANES = ("control", "worker")
NAME = "app.kubernetes.io/name"
SETTINGS = {name.upper() for name in Settings.model_fields}
HELD_BY_ENVIRONMENT = {"REDIS_PASSWORD", "NODE_IP"}  # parts of REDIS_URL and MEDIA_PUBLIC_IPS


def documents(*folders: Path) -> list[tuple[str, Manifest]]:
    return [
        (file.name, document)
        for folder in folders
        for file in sorted(folder.glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def of_kind(kind: str) -> Iterator[Manifest]:
    return (document for _, document in documents(BASE, WORKER) if document["kind"] == kind)


def workloads() -> list[Manifest]:
    return [*of_kind("Deployment"), *of_kind("StatefulSet")]


def containers() -> Iterator[tuple[str, Manifest]]:
    for workload in workloads():
        for container in workload["spec"]["template"]["spec"]["containers"]:
            yield workload["metadata"]["name"], container


def environment(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_kustomize_finds_every_file_and_leaves_none_out() -> None:
    for folder in (BASE, EXAMPLE, TURN, WORKER):
        kustomization = read_yaml(folder / "kustomization.yaml")
        patches = [patch["path"] for patch in kustomization.get("patches", ())]
        named = {*kustomization["resources"], *patches}
        assert all((folder / name).exists() for name in named)
        files = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert files == {name for name in named if not name.startswith("../")}
        for generator in (
            *kustomization.get("configMapGenerator", ()),
            *kustomization.get("secretGenerator", ()),
        ):
            for name in generator.get("envs", ()):
                assert (folder / name).exists() or (folder / f"{name}.example").exists()


def test_every_secret_is_taken_from_the_example() -> None:
    text = (EXAMPLE / "secrets.env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^#?([A-Z0-9_]+)=$", text, re.MULTILINE))
    secrets = {
        name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in repr(field.annotation)
    }
    assert secrets | {"REDIS_PASSWORD"} <= offered
    for name, container in containers():
        takes_all = {"secretRef": {"name": "roomcast-secrets"}} in container.get("envFrom", ())
        assert takes_all == (name == "control")
        for one in container["env"]:
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                assert reference["name"] == "roomcast-secrets"
                assert reference["key"] in offered
                filled_in = re.search(rf"^{reference['key']}=$", text, re.MULTILINE)
                assert filled_in or reference.get("optional"), reference["key"]


def test_no_ingress_leads_to_the_metrics() -> None:
    """A rule for their paths would have to know every spelling: they have a port that no rule leads to."""
    control = next(container for name, container in containers() if name == "control")
    ports = {port["name"]: port["containerPort"] for port in control["ports"]}
    address = next(one["value"] for one in control["env"] if one["name"] == "METRICS_ADDR")
    assert load_settings(metrics_addr=address).metrics_addr == HostPort("", ports["metrics"])
    services = {one["metadata"]["name"]: one["spec"]["ports"] for one in of_kind("Service")}
    assert [port["name"] for port in services["control-metrics"]] == ["metrics"]
    (ingress,) = (one for _, one in documents(EXAMPLE) if one["kind"] == "Ingress")
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            assert {port["targetPort"] for port in services[service["name"]]} == {service["port"]["name"]}
            assert service["port"]["name"] == "http"
    policy = next(one for one in of_kind("NetworkPolicy") if one["metadata"]["name"] == "control")
    open_to_all = [rule["ports"] for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert open_to_all == [[{"port": "http", "protocol": "TCP"}]]


def test_no_secret_of_the_example_is_known_to_everybody() -> None:
    assert set(environment(EXAMPLE / "secrets.env.example").values()) == {""}
    (valkey,) = (container for name, container in containers() if name == "valkey")
    assert '"${REDIS_PASSWORD:?}"' in valkey["command"][-1]  # without one it does not start


def test_valkey_refuses_writes_before_its_pod_is_killed(tmp_path: Path) -> None:
    """The chart has the same: test_the_chart_says_what_kustomize_says."""
    (valkey,) = (container for name, container in containers() if name == "valkey")
    limit = next(one["valueFrom"] for one in valkey["env"] if one["name"] == "LIMIT_MIB")
    assert limit == {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}
    shown = tmp_path / "valkey-server"
    shown.write_text('#!/bin/sh\necho "$@"\n')
    shown.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    said = subprocess.run(
        valkey["command"],
        env={"PATH": path, "REDIS_PASSWORD": "a-password", "LIMIT_MIB": "256"},
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert said.stdout.split()[-4:] == ["--maxmemory", "192mb", "--maxmemory-policy", "noeviction"]


# --- as kustomize and helm render it

RENDERED = [*((kustomize, parts) for parts in COMPONENTS), *((chart_of, (name,)) for name in VALUES)]


@pytest.fixture(params=RENDERED, ids=lambda one: "+".join(one[1]) or "base")
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    render, of = request.param
    return list(render(*of))


def test_kubernetes_would_take_it(manifests: list[Manifest]) -> None:
    for version in (OLDEST, NEWEST):
        judged(manifests, version)


def test_no_pod_is_under_two_budgets_and_a_node_may_be_emptied_at_once(manifests: list[Manifest]) -> None:
    """The eviction of a pod under two is refused for ever, and `kubectl drain` never ends.

    A node that is emptied in turns would move publishers to its own next worker, and cut them again.
    """
    budgets = [one["spec"] for one in cluster.of_kind(manifests, "PodDisruptionBudget")]
    for workload in cluster.workloads(manifests):
        found = [one for one in budgets if chosen(one["selector"], labels_of(workload))]
        name = labels_of(workload)[NAME]
        assert len(found) == (0 if name == "valkey" else 1)
        if name == "worker":
            assert found[0]["maxUnavailable"] == len(workers(manifests))


def test_workers_on_a_node_share_nothing(manifests: list[Manifest]) -> None:
    drain_seconds = float(settings_of(manifests)["DRAIN_SECONDS"])
    ports = []
    for worker in workers(manifests):
        pod = worker["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        numbers = {one["name"]: one["containerPort"] for one in container["ports"]}
        given = environment_of(container)
        assert given["MEDIA_ADDR"] == f":{numbers['media']}"
        assert numbers["media-tcp"] == numbers["media"]
        assert given["WORKER_HTTP_ADDR"] == f":{numbers['http']}"
        assert all(
            one.get("hostPort", one["containerPort"]) == one["containerPort"] for one in container["ports"]
        )
        ports += [numbers["media"], numbers["http"]]
        others = [one for one in workers(manifests) if one is not worker]
        assert not any(chosen(worker["spec"]["selector"], labels_of(other)) for other in others)
        assert worker["metadata"]["name"] not in [other["metadata"]["name"] for other in others]
        assert pod["terminationGracePeriodSeconds"] >= drain_seconds + 90
    assert len(set(ports)) == len(ports)


def settings_of(manifests: list[Manifest]) -> dict[str, str]:
    (found,) = (
        one["data"]
        for one in cluster.of_kind(manifests, "ConfigMap")
        if cluster.plain(one["metadata"]["name"]) == "roomcast"
    )
    return dict(found)


def ours(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    """Containers of control and workers, by their names."""
    pods = [one["spec"]["template"]["spec"] for one in cluster.workloads(manifests)]
    return [(one["name"], one) for pod in pods for one in pod["containers"] if one["name"] in PLANES]


def test_every_variable_is_a_setting_that_is_accepted(manifests: list[Manifest]) -> None:
    settings = settings_of(manifests)
    assert set(settings) <= SETTINGS
    load_settings(**{name.lower(): value for name, value in settings.items()})
    for _, container in ours(manifests):
        assert set(environment_of(container)) <= SETTINGS | HELD_BY_ENVIRONMENT
        names = [one["name"] for one in container["env"]]
        for at, one in enumerate(container["env"]):  # behind those that it is made of
            assert {name for name in names if f"$({name})" in one.get("value", "")} <= set(names[:at])


def test_a_worker_gets_no_secret_that_only_control_needs(manifests: list[Manifest]) -> None:
    for name, container in ours(manifests):
        assert any("secretRef" in one for one in container["envFrom"]) == (name == "control")
        given = {key for key, one in environment_of(container).items() if "secretKeyRef" in one}
        assert name == "control" or given <= {"REDIS_PASSWORD", "REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"}


def test_no_container_is_root_or_may_become_it(manifests: list[Manifest]) -> None:
    for workload in cluster.workloads(manifests):
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            may = {"add": ["NET_BIND_SERVICE"]} if container["name"] == "coturn" else {}
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"], **may},
            }
            assert container["resources"]["limits"].keys() == {"memory"}


def test_selectors_ports_and_targets_agree(manifests: list[Manifest]) -> None:
    pods = cluster.workloads(manifests)

    def ports(selector: dict[str, Any]) -> set[Any]:
        """Names of the ports of all that it chooses, of which there must be any."""
        found = [one for one in pods if chosen({"matchLabels": selector}, labels_of(one))]
        assert found
        return {
            port["name"]
            for one in found
            for container in one["spec"]["template"]["spec"]["containers"]
            for port in container["ports"]
        }

    for workload in pods:
        assert chosen(workload["spec"]["selector"], labels_of(workload))
    for service in cluster.of_kind(manifests, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports(service["spec"]["selector"])
    for policy in cluster.of_kind(manifests, "NetworkPolicy"):
        named = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        assert named <= ports(policy["spec"]["podSelector"]["matchLabels"]) | set(range(1, 65536))
    for budget in cluster.of_kind(manifests, "PodDisruptionBudget"):
        assert ports(budget["spec"]["selector"]["matchLabels"])
    policies = [one["spec"]["podSelector"] for one in cluster.of_kind(manifests, "NetworkPolicy")]
    for workload in pods:
        assert any(chosen(policy, labels_of(workload)) for policy in policies)
        for container in workload["spec"]["template"]["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for check in ("httpGet", "tcpSocket"):
                    port = container.get(probe, {}).get(check, {}).get("port")
                    assert port in {None, *(one["name"] for one in container["ports"])}


def test_liveness_never_depends_on_redis(manifests: list[Manifest]) -> None:
    """A restart does not bring Redis back, but it would end media that still flows without Redis."""
    for _, container in ours(manifests):
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
