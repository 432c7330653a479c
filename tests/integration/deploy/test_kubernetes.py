"""The Kubernetes manifests: valid by Kubernetes' own schemas, in agreement with each other and with us."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.integration.deploy.files import DEPLOY, read_yaml

FOLDER = DEPLOY / "kubernetes"
BASE, EXAMPLE, TURN, WORKER = (FOLDER / name for name in ("base", "example", "turn", "worker"))
VERSION = "1.31"
NAME = "app.kubernetes.io/name"
SETTINGS = {name.upper() for name in Settings.model_fields}
HELD_BY_ENVIRONMENT = {"REDIS_PASSWORD", "NODE_IP"}  # parts of REDIS_URL and MEDIA_PUBLIC_IPS

Manifest = dict[str, Any]


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


# whole manifests; a patch (recordings.yaml) is only a part of one
WHOLE = [
    *documents(BASE, WORKER, TURN),
    *((name, one) for name, one in documents(EXAMPLE) if name != "recordings.yaml"),
]


@pytest.mark.parametrize(
    ("file", "manifest"), WHOLE, ids=[f"{m['kind']} {m['metadata']['name']}" for _, m in WHOLE]
)
def test_kubernetes_would_take_it(file: str, manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, VERSION, strict=True)


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


def test_every_variable_is_a_setting_that_is_accepted() -> None:
    plain = environment(BASE / "settings.env")
    literals = read_yaml(EXAMPLE / "kustomization.yaml")["configMapGenerator"][0]["literals"]
    plain |= dict(literal.split("=", 1) for literal in literals)
    assert set(plain) <= SETTINGS
    load_settings(**{name.lower(): value for name, value in plain.items()})
    for workload, container in containers():
        if workload != "valkey":
            assert {one["name"] for one in container["env"]} <= SETTINGS | HELD_BY_ENVIRONMENT, workload


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


def test_no_container_is_root_or_may_become_it() -> None:
    for workload in workloads():
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"].keys() == {"memory"}


def test_selectors_ports_and_targets_agree() -> None:
    ports = {name: {port["name"] for port in container["ports"]} for name, container in containers()}
    for workload in workloads():
        name = workload["metadata"]["name"]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"] == labels
        assert labels[NAME] == name
    for service in of_kind("Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[
            service["spec"]["selector"][NAME]
        ]
    for policy in of_kind("NetworkPolicy"):
        named = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        assert named <= ports[policy["spec"]["podSelector"]["matchLabels"][NAME]]
    for budget in of_kind("PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"][NAME] in ports
    for _, container in containers():
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            for check in ("httpGet", "tcpSocket"):
                port = container.get(probe, {}).get(check, {}).get("port")
                assert port in {None, *(one["name"] for one in container["ports"])}


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


def test_every_pod_has_a_policy() -> None:
    chosen = {policy["spec"]["podSelector"]["matchLabels"][NAME] for policy in of_kind("NetworkPolicy")}
    assert chosen == {workload["metadata"]["name"] for workload in workloads()}


def test_no_secret_of_the_example_is_known_to_everybody() -> None:
    assert set(environment(EXAMPLE / "secrets.env.example").values()) == {""}
    (valkey,) = (container for name, container in containers() if name == "valkey")
    assert '"${REDIS_PASSWORD:?}"' in valkey["command"][-1]  # without one it does not start


def test_a_workers_port_is_the_one_that_clients_are_told() -> None:
    container = next(container for name, container in containers() if name == "worker")
    media = next(port for port in container["ports"] if port["name"] == "media")
    by_tcp = next(port for port in container["ports"] if port["name"] == "media-tcp")
    assert by_tcp == media | {"name": "media-tcp", "protocol": "TCP"}
    address = next(one["value"] for one in container["env"] if one["name"] == "MEDIA_ADDR")
    assert media["containerPort"] == media["hostPort"] == int(address.rpartition(":")[2])


def test_a_worker_has_time_to_drain() -> None:
    worker = next(one for one in of_kind("StatefulSet") if one["metadata"]["name"] == "worker")
    grace = worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > float(environment(BASE / "settings.env")["DRAIN_SECONDS"])


def test_liveness_never_depends_on_redis() -> None:
    """A restart does not bring Redis back, but it would end media that still flows without Redis."""
    for name, container in containers():
        if name != "valkey":
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
