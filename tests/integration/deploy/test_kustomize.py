"""What kustomize alone makes of deploy/kubernetes; test_kubernetes.py has what holds for the chart, too."""

import itertools
import re
from pathlib import Path

import pytest

from tests.integration.deploy.cluster import (
    CHART,
    COMPONENTS,
    TOOLS,
    environment_of,
    kustomize,
    kustomized,
    of_kind,
    workers,
    workloads,
)
from tests.integration.deploy.files import DEPLOY, ROOT, read_yaml


def test_the_oldest_kustomize_says_the_same(tmp_path: Path) -> None:
    for components in COMPONENTS[2:4]:
        assert kustomized(components, tmp_path, TOOLS[0]) == kustomize(*components)


def test_every_component_is_rendered_here() -> None:
    there = {
        path.parent.name
        for path in (DEPLOY / "kubernetes").glob("*/kustomization.yaml")
        if "kind: Component" in path.read_text(encoding="utf-8")
    }
    assert there <= {*itertools.chain.from_iterable(COMPONENTS)}


def test_with_a_redis_of_your_own_nothing_of_valkey_is_left() -> None:
    manifests = kustomize("second-worker", "host-network", "own-redis")
    assert not [one for one in manifests if one["metadata"]["name"] == "valkey"]
    for workload in workloads(manifests):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        given = environment_of(container)
        assert "REDIS_PASSWORD" not in given
        assert given["REDIS_URL"]["secretKeyRef"]["key"] == "REDIS_URL"


def test_a_patch_for_workers_reaches_all_of_them() -> None:
    for worker in workers(kustomize("second-worker")):
        assert [one["metadata"]["name"] for one in worker["spec"]["volumeClaimTemplates"]] == ["recordings"]
        assert [one["name"] for one in worker["spec"]["template"]["spec"]["volumes"]] == ["tmp"]


def test_valkey_is_open_to_workers_in_the_network_of_their_node() -> None:
    for components, count in (((), 0), (COMPONENTS[2], 1)):
        (policy,) = (
            one
            for one in of_kind(kustomize(*components), "NetworkPolicy")
            if one["metadata"]["name"] == "valkey"
        )
        (rule,) = policy["spec"]["ingress"]
        assert len([one for one in rule["from"] if "ipBlock" in one]) == count


@pytest.mark.parametrize(
    ("components", "kind"), [(COMPONENTS[2], "HorizontalPodAutoscaler"), (("keda",), "ScaledObject")]
)
def test_an_autoscaler_alone_says_how_many(components: tuple[str, ...], kind: str) -> None:
    manifests = kustomize(*components)
    target = next(
        one["spec"]["scaleTargetRef"]
        for one in of_kind(manifests, kind)
        if one["metadata"]["name"] == "worker"
    )
    assert target == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "worker"}
    for worker in workers(manifests):  # a second worker has no autoscaler of its own yet
        assert ("replicas" in worker["spec"]) == (worker["metadata"]["name"] != "worker")


def test_a_gateway_leads_to_controls_clients_port() -> None:
    manifests = kustomize(*COMPONENTS[2])
    (gateway,) = of_kind(manifests, "Gateway")
    (route,) = of_kind(manifests, "HTTPRoute")
    (listener,) = gateway["spec"]["listeners"]
    assert route["spec"]["parentRefs"] == [
        {"name": gateway["metadata"]["name"], "sectionName": listener["name"]}
    ]
    assert route["spec"]["hostnames"] == [listener["hostname"]]
    (service,) = (one for one in of_kind(manifests, "Service") if one["metadata"]["name"] == "control")
    ((backend,),) = (rule["backendRefs"] for rule in route["spec"]["rules"])
    assert backend == {"name": "control", "port": service["spec"]["ports"][0]["port"]}
    assert [rule["timeouts"]["request"] for rule in route["spec"]["rules"]] == ["0s"]


def test_the_text_about_upgrades_names_what_is_there() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    ((deployment, container),) = re.findall(
        r"kubectl -n roomcast set image deployment/(\w+) (\w+)=IMAGE", text
    )
    (found,) = of_kind(kustomize(), "Deployment")
    assert found["metadata"]["name"] == deployment
    assert [one["name"] for one in found["spec"]["template"]["spec"]["containers"]] == [container]
    assert f"rollout status deployment/{deployment}" in text
    values = read_yaml(CHART / "values.yaml")
    for part, name in re.findall(r"--set (\w+)\.(\w+)=", text):
        assert name in values[part]
    for unit in re.findall(r"roomcast-[a-z]+\.target|roomcast-[a-z]+@", text):
        assert (DEPLOY / "systemd" / unit.replace("@", "@.service")).exists()
