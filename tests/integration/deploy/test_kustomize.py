"""deploy/kubernetes as kustomize renders it: Kubernetes would take it, and the parts fit."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.deploy.cluster import (
    CHART,
    NEWEST,
    OLDEST,
    TOOLS,
    Manifest,
    chosen,
    environment_of,
    judged,
    kustomized,
    labels_of,
    of_kind,
    workers,
    workloads,
)
from tests.integration.deploy.files import DEPLOY, ROOT, read_yaml

COMBINATIONS = [
    (),
    ("second-worker",),
    ("second-worker", "host-network", "turn", "autoscaling", "gateway"),
    ("keda",),
    ("second-worker", "host-network", "own-redis"),
]
Render = Callable[..., list[Manifest]]


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    rendered: dict[tuple[str, ...], list[Manifest]] = {}

    def once(*components: str) -> list[Manifest]:
        if components not in rendered:
            rendered[components] = kustomized(components, tmp_path_factory.mktemp("kustomize"))
        return rendered[components]

    return once


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_kubernetes_would_take_it(render: Render, components: tuple[str, ...]) -> None:
    for version in (OLDEST, NEWEST):
        judged(render(*components), version)


def test_the_oldest_kustomize_says_the_same(render: Render, tmp_path: Path) -> None:
    for components in COMBINATIONS[2:4]:
        assert kustomized(components, tmp_path, TOOLS[0]) == render(*components)


def test_every_component_is_rendered_here() -> None:
    there = {
        path.parent.name
        for path in (DEPLOY / "kubernetes").glob("*/kustomization.yaml")
        if "kind: Component" in path.read_text(encoding="utf-8")
    }
    assert there <= {*itertools.chain.from_iterable(COMBINATIONS)}


@pytest.mark.parametrize("components", COMBINATIONS, ids="+".join)
def test_no_pod_is_under_two_budgets(render: Render, components: tuple[str, ...]) -> None:
    """The eviction of such a pod is refused for ever, and `kubectl drain` never ends."""
    manifests = render(*components)
    budgets = [one["spec"]["selector"] for one in of_kind(manifests, "PodDisruptionBudget")]
    for workload in workloads(manifests):
        found = [budget for budget in budgets if chosen(budget, labels_of(workload))]
        assert len(found) == (0 if workload["metadata"]["name"] == "valkey" else 1)


def test_with_a_redis_of_your_own_nothing_of_valkey_is_left(render: Render) -> None:
    manifests = render("second-worker", "host-network", "own-redis")
    assert not [one for one in manifests if one["metadata"]["name"] == "valkey"]
    for workload in workloads(manifests):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        given = environment_of(container)
        assert "REDIS_PASSWORD" not in given
        assert given["REDIS_URL"]["secretKeyRef"]["key"] == "REDIS_URL"


def test_a_drained_node_may_lose_all_its_workers_at_once(render: Render) -> None:
    """Otherwise its publishers move to the next worker of that node, and are cut again."""
    for components in ((), ("second-worker",)):
        manifests = render(*components)
        (budget,) = (
            one["spec"]["maxUnavailable"]
            for one in of_kind(manifests, "PodDisruptionBudget")
            if one["metadata"]["name"] == "worker"
        )
        assert budget == len(workers(manifests)) == 1 + len(components)


def test_a_second_worker_differs_in_what_two_on_a_node_cannot_share(render: Render) -> None:
    first, second = workers(render("second-worker", "host-network", "turn", "autoscaling", "gateway"))
    ports = []
    for worker in (first, second):
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
        assert labels_of(worker)["media-port"] == str(numbers["media"])
        assert pod["hostNetwork"] is True
        ports += [numbers["media"], numbers["http"]]
    assert len(set(ports)) == 4
    # the names of volumes and pods, and so WORKER_ID, come from the StatefulSet's
    assert first["metadata"]["name"] != second["metadata"]["name"]
    # neither takes the other's pods
    assert not chosen(first["spec"]["selector"], labels_of(second))
    assert not chosen(second["spec"]["selector"], labels_of(first))


def test_a_patch_for_workers_reaches_all_of_them(render: Render) -> None:
    for worker in workers(render("second-worker")):
        assert [one["metadata"]["name"] for one in worker["spec"]["volumeClaimTemplates"]] == ["recordings"]
        assert [one["name"] for one in worker["spec"]["template"]["spec"]["volumes"]] == ["tmp"]


def test_a_variable_stands_after_those_that_it_is_made_of(render: Render) -> None:
    for workload in workloads(render("second-worker")):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            names = [one["name"] for one in container["env"]]
            for at, one in enumerate(container["env"]):
                used = [name for name in names if f"$({name})" in one.get("value", "")]
                assert set(used) <= set(names[:at]), (workload["metadata"]["name"], one)


def test_valkey_is_open_to_workers_in_the_network_of_their_node(render: Render) -> None:
    for components, count in (((), 0), (COMBINATIONS[2], 1)):
        (policy,) = (
            one
            for one in of_kind(render(*components), "NetworkPolicy")
            if one["metadata"]["name"] == "valkey"
        )
        (rule,) = policy["spec"]["ingress"]
        assert len([one for one in rule["from"] if "ipBlock" in one]) == count


@pytest.mark.parametrize(
    ("components", "kind"), [(COMBINATIONS[2], "HorizontalPodAutoscaler"), (("keda",), "ScaledObject")]
)
def test_an_autoscaler_alone_says_how_many(render: Render, components: tuple[str, ...], kind: str) -> None:
    manifests = render(*components)
    target = next(
        one["spec"]["scaleTargetRef"]
        for one in of_kind(manifests, kind)
        if one["metadata"]["name"] == "worker"
    )
    assert target == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "worker"}
    for worker in workers(manifests):  # a second worker has no autoscaler of its own yet
        assert ("replicas" in worker["spec"]) == (worker["metadata"]["name"] != "worker")


def test_a_gateway_leads_to_controls_clients_port(render: Render) -> None:
    manifests = render(*COMBINATIONS[2])
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


def test_the_text_about_upgrades_names_what_is_there(render: Render) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    ((deployment, container),) = re.findall(r"kubectl set image deployment/(\w+) (\w+)=IMAGE", text)
    (found,) = of_kind(render(), "Deployment")
    assert found["metadata"]["name"] == deployment
    assert [one["name"] for one in found["spec"]["template"]["spec"]["containers"]] == [container]
    assert f"rollout status deployment/{deployment}" in text
    values = read_yaml(CHART / "values.yaml")
    for part, name in re.findall(r"--set (\w+)\.(\w+)=", text):
        assert name in values[part]
    for unit in re.findall(r"roomcast-[a-z]+\.target|roomcast-[a-z]+@", text):
        assert (DEPLOY / "systemd" / unit.replace("@", "@.service")).exists()
