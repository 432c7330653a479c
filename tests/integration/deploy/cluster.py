"""What kustomize and Helm make of deploy/, and Kubernetes' judgement of it."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kubernetes_validate
import yaml

from tests.integration.deploy.files import DEPLOY, ROOT, checked

TOOLS = ("1.31", "1.35")  # of these versions of Kubernetes: deploy/cluster_tools.sh
OLDEST, NEWEST = "1.31", kubernetes_validate.latest_version()
CHART = DEPLOY / "helm" / "roomcast"
BY_OPERATORS = (
    "gateway.networking.k8s.io/",
    "keda.sh/",
    "monitoring.coreos.com/",
)  # kinds with no schema here

Manifest = dict[str, Any]

# What is rendered of deploy/kubernetes, and of the chart.
COMPONENTS = [
    (),
    ("second-worker",),
    ("second-worker", "host-network", "turn", "autoscaling", "gateway"),
    ("keda",),
    ("second-worker", "host-network", "own-redis"),
]
SECRET = {"secrets": {"values": {"REDIS_PASSWORD": "first", "TURN_SECRET": "second"}}}
HOST = {"host": "live.example.com", "settings": {"TRUSTED_PROXIES": "10.244.7.0/24"}}
TURN = {"enabled": True, "host": "turn.example.com", "tlsSecret": "turn-tls", "peers": "192.0.2.1-192.0.2.14"}
VALUES: dict[str, dict[str, Any]] = {
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


def tool(name: str, version: str = TOOLS[-1]) -> Path:
    path = ROOT / ".venv" / f"cluster-{version}" / name
    assert path.exists(), "make test-packages"
    return path


def kustomized(components: Sequence[str], folder: Path, version: str = TOOLS[-1]) -> list[Manifest]:
    """deploy/kubernetes/example with these components; `folder` is for a copy that holds secrets."""
    shutil.copytree(DEPLOY, folder / "deploy", dirs_exist_ok=True)
    example = folder / "deploy" / "kubernetes" / "example"
    shutil.copy(example / "secrets.env.example", example / "secrets.env")
    kustomization = yaml.safe_load((example / "kustomization.yaml").read_text(encoding="utf-8"))
    kustomization["components"] = [f"../{component}" for component in components]
    (example / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return list(yaml.safe_load_all(checked(tool("kubectl", version), "kustomize", example)))


def charted(values: Mapping[str, Any], folder: Path, version: str = TOOLS[-1]) -> list[Manifest]:
    """The chart with these values, as a release with the name roomcast."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(dict(values)), encoding="utf-8")
    said = folder / "rendered"
    checked(
        tool("helm", version), "template", "roomcast", chart(folder), "--values", file, "--output-dir", said
    )
    return [
        manifest
        for path in sorted(said.rglob("*.yaml"))
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if manifest
    ]


def chart(folder: Path) -> Path:
    """A copy without symbolic links, which helm mentions each time."""
    copy = folder / "roomcast"
    if not copy.exists():
        shutil.copytree(CHART, copy)
    return copy


@cache
def kustomize(*components: str) -> list[Manifest]:
    """Once for each of `COMPONENTS`."""
    with TemporaryDirectory() as folder:
        return kustomized(components, Path(folder))


@cache
def chart_of(name: str) -> list[Manifest]:
    """Once for each of `VALUES`."""
    with TemporaryDirectory() as folder:
        return charted(VALUES[name], Path(folder))


def judged(manifests: Sequence[Manifest], version: str) -> None:
    """Raises if Kubernetes of that version would not take them."""
    for manifest in manifests:
        if not manifest["apiVersion"].startswith(BY_OPERATORS):
            _judged(json.dumps(manifest), version)


@cache
def _judged(manifest: str, version: str) -> None:
    """Once for each: most are in every combination."""
    kubernetes_validate.validate(json.loads(manifest), version, strict=True)


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> Iterator[Manifest]:
    return (one for one in manifests if one["kind"] in kinds)


def workloads(manifests: Sequence[Manifest]) -> list[Manifest]:
    return list(of_kind(manifests, "Deployment", "StatefulSet"))


def workers(manifests: Sequence[Manifest]) -> list[Manifest]:
    return [
        one
        for one in of_kind(manifests, "StatefulSet")
        if labels_of(one)["app.kubernetes.io/name"] == "worker"
    ]


def labels_of(workload: Manifest) -> dict[str, str]:
    """The labels of its pods."""
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def chosen(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector (matchLabels only) chooses a pod of these labels."""
    assert set(selector) == {"matchLabels"}
    return set(selector["matchLabels"].items()) <= set(labels.items())


def plain(value: Any) -> Any:
    """Without what kustomize and Helm add by their nature: hashes, a release's name and labels."""
    if isinstance(value, dict):
        return {
            key: plain(one)
            for key, one in value.items()
            if key not in ("app.kubernetes.io/instance", "app.kubernetes.io/part-of", "annotations")
        }
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        value = re.sub(r"^roomcast-(control|worker|valkey|coturn)", r"\1", value)
        value = re.sub(r"@roomcast-valkey:", "@valkey:", value)
        return re.sub(r"^(roomcast|roomcast-secrets|coturn|coturn-files)-[0-9a-z]{10}$", r"\1", value)
    return value


def environment_of(container: Manifest) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}
