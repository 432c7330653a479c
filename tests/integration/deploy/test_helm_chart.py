"""deploy/helm/roomcast: Kubernetes would take what it renders, and it says what deploy/kubernetes says."""

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
    NEWEST,
    OLDEST,
    TOOLS,
    Manifest,
    chart,
    charted,
    chosen,
    environment_of,
    judged,
    kustomized,
    labels_of,
    of_kind,
    plain,
    tool,
    workers,
    workloads,
)
from tests.integration.deploy.files import checked, environment, read_yaml

SECRET = {"secrets": {"values": {"REDIS_PASSWORD": "first", "TURN_SECRET": "second"}}}
HOST = {"host": "live.example.com"}
TURN = {"enabled": True, "host": "turn.example.com", "tlsSecret": "turn-tls", "peers": "192.0.2.1-192.0.2.14"}
COMBINATIONS: dict[str, dict[str, Any]] = {
    "as it is": SECRET,
    "in the network of the node": {
        **SECRET,
        "worker": {"network": "hostNetwork", "perNode": 3},
        "networkPolicies": {"nodes": ["10.0.0.0/8"]},
    },
    "by NodePort": {**SECRET, "worker": {"network": "nodePort", "perNode": 2}},
    "with an Ingress": {**SECRET, **HOST, "ingress": {"enabled": True, "tlsSecret": "live-tls"}},
    "with a Gateway": {
        **SECRET,
        **HOST,
        "gateway": {"enabled": True, "className": "example", "tlsSecret": "live-tls"},
    },
    "scaled by KEDA": {**SECRET, "worker": {"perNode": 2, "autoscaling": {"by": "keda"}}},
    "scaled by CPU": {**SECRET, "worker": {"perNode": 2, "autoscaling": {"by": "hpa"}}},
    "with a Redis elsewhere": {"valkey": {"enabled": False}, "secrets": {"existing": "mine"}},
    "recording to S3": {
        **SECRET,
        "recordings": {
            "enabled": True,
            "storageClass": "fast",
            "s3": {"bucket": "recordings", "endpoint": "https://s3.example.com"},
        },
    },
    "with TURN": {**SECRET, "worker": {"perNode": 16}, "turn": TURN},
    "with the Prometheus operator": {
        **SECRET,
        "prometheus": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    },
}


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """Each of the combinations, and all that helm says about it."""
    return {name: charted(values, tmp_path_factory.mktemp("chart")) for name, values in COMBINATIONS.items()}


@pytest.fixture(scope="module", params=COMBINATIONS)
def manifests(request: pytest.FixtureRequest, rendered: dict[str, list[Manifest]]) -> list[Manifest]:
    return rendered[request.param]


def test_kubernetes_would_take_it(manifests: list[Manifest]) -> None:
    for version in (OLDEST, NEWEST):
        judged(manifests, version)


@pytest.mark.parametrize("version", TOOLS)
def test_helm_finds_nothing_wrong(version: str, tmp_path: Path) -> None:
    """3 and 4, which these versions come with."""
    said = checked(
        tool("helm", version), "lint", "--strict", chart(tmp_path), "--set", "secrets.values.REDIS_PASSWORD=x"
    )
    assert "WARN" not in said


def test_helm_3_says_the_same(rendered: dict[str, list[Manifest]], tmp_path: Path) -> None:
    for name in ("with TURN", "scaled by KEDA"):
        folder = tmp_path / name
        folder.mkdir()
        assert charted(COMBINATIONS[name], folder, TOOLS[0]) == rendered[name]


# --- it fits together


def test_no_pod_is_under_two_budgets_and_a_node_may_be_emptied_at_once(manifests: list[Manifest]) -> None:
    budgets = [one["spec"] for one in of_kind(manifests, "PodDisruptionBudget")]
    for workload in workloads(manifests):
        found = [one for one in budgets if chosen(one["selector"], labels_of(workload))]
        name = labels_of(workload)["app.kubernetes.io/name"]
        assert len(found) == (0 if name == "valkey" else 1)
        if name == "worker":
            assert found[0]["maxUnavailable"] == len(workers(manifests))


def test_workers_on_a_node_share_nothing(manifests: list[Manifest]) -> None:
    ports = []
    for worker in workers(manifests):
        pod = worker["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        numbers = {one["name"]: one["containerPort"] for one in container["ports"]}
        given = environment_of(container)
        assert given["MEDIA_ADDR"] == f":{numbers['media']}"
        assert given["WORKER_HTTP_ADDR"] == f":{numbers['http']}"
        assert all(
            one.get("hostPort", one["containerPort"]) == one["containerPort"] for one in container["ports"]
        )
        ports += [numbers["media"], numbers["http"]]
        others = [one for one in workers(manifests) if one is not worker]
        assert not any(chosen(worker["spec"]["selector"], labels_of(other)) for other in others)
        # it has time to drain
        (settings,) = (
            one["data"] for one in of_kind(manifests, "ConfigMap") if one["metadata"]["name"] == "roomcast"
        )
        assert pod["terminationGracePeriodSeconds"] >= float(settings["DRAIN_SECONDS"]) + 90
    assert len(set(ports)) == len(ports)


def test_a_node_port_is_the_port_that_clients_are_told(rendered: dict[str, list[Manifest]]) -> None:
    found = rendered["by NodePort"]
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


def test_every_setting_is_one_and_is_accepted(manifests: list[Manifest]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    (settings,) = (
        one["data"] for one in of_kind(manifests, "ConfigMap") if one["metadata"]["name"] == "roomcast"
    )
    assert set(settings) <= known
    load_settings(**{name.lower(): value for name, value in settings.items()})
    for workload in workloads(manifests):
        for container in workload["spec"]["template"]["spec"]["containers"]:
            if container["name"] in ("control", "worker"):
                assert set(environment_of(container)) <= known | {"REDIS_PASSWORD", "NODE_IP"}


def test_a_worker_gets_no_secret_that_only_control_needs(manifests: list[Manifest]) -> None:
    for worker in workers(manifests):
        (container,) = worker["spec"]["template"]["spec"]["containers"]
        assert not [one for one in container["envFrom"] if "secretRef" in one]
        given = {
            name
            for name, value in environment_of(container).items()
            if isinstance(value, dict) and "secretKeyRef" in value
        }
        assert given <= {"REDIS_PASSWORD", "REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"}


def test_autoscalers_aim_at_every_worker_and_nothing_else_says_how_many(
    rendered: dict[str, list[Manifest]],
) -> None:
    for name, kind in (("scaled by KEDA", "ScaledObject"), ("scaled by CPU", "HorizontalPodAutoscaler")):
        found = rendered[name]
        aims = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(found, kind)} - {"roomcast-control"}
        assert aims == {one["metadata"]["name"] for one in workers(found)}
        assert not [one for one in workers(found) if "replicas" in one["spec"]]
    for scaled in of_kind(rendered["scaled by KEDA"], "ScaledObject"):
        (trigger,) = scaled["spec"]["triggers"]
        (pattern,) = re.findall(r'worker=~"(.*)"', trigger["metadata"]["query"])
        target = scaled["spec"]["scaleTargetRef"]["name"]
        names = [f"{one['metadata']['name']}-3" for one in workers(rendered["scaled by KEDA"])]
        assert [name for name in names if re.fullmatch(pattern, name)] == [f"{target}-3"]
        assert float(trigger["metadata"]["threshold"]) < load_settings().worker_max_load


def test_each_replica_is_scraped_as_the_rules_know_it(rendered: dict[str, list[Manifest]]) -> None:
    found = rendered["with the Prometheus operator"]
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
