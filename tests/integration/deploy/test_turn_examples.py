"""Compose and Kubernetes with coturn: they agree with its start script, control and the workers."""

import re
from typing import Any

from shared.settings.settings import load_settings
from tests.integration.deploy.files import DEPLOY, read_yaml
from tests.integration.deploy.test_kubernetes import BASE, EXAMPLE, TURN, WORKER, documents, environment

COTURN = DEPLOY / "coturn"
START = (COTURN / "start.sh").read_text(encoding="utf-8")
TLS_PORT = int(re.findall(r"TURN_TLS_PORT:-(\d+)", START)[0])
KNOWN = set(re.findall(r"TURN_[A-Z_]+", START))
COMPOSE = read_yaml(DEPLOY / "compose" / "compose.yaml")
KUSTOMIZATION = read_yaml(TURN / "kustomization.yaml")


def of_kind(kind: str) -> Any:
    (found,) = (one for _, one in documents(TURN) if one["kind"] == kind)
    return found


def pod() -> Any:
    return of_kind("Deployment")["spec"]["template"]["spec"]


def literals(name: str) -> dict[str, str]:
    """Of one of the ConfigMaps."""
    (generator,) = (one for one in KUSTOMIZATION["configMapGenerator"] if one["name"] == name)
    return dict(literal.split("=", 1) for literal in generator["literals"])


def test_compose_gives_coturn_what_it_reads_and_control_the_same_secret() -> None:
    coturn, control = COMPOSE["services"]["coturn"], COMPOSE["services"]["control"]
    given = coturn["environment"]
    assert set(given) <= KNOWN
    assert given["TURN_SECRET"] == control["environment"]["TURN_SECRET"]
    workers = COMPOSE["services"]["worker1"]["environment"]
    # coturn takes addresses only, and workers also `auto`; MEDIA_PUBLIC_IPS has an error message there
    assert workers["MEDIA_PUBLIC_IPS"].startswith("${MEDIA_PUBLIC_IPS:?")
    assert given["TURN_PEERS"] == "${TURN_PEERS:-${MEDIA_PUBLIC_IPS}}"
    for name in ("TURN_CERT", "TURN_KEY"):
        mounted = given[name].removeprefix("/run/secrets/")
        assert mounted in coturn["secrets"]
        assert f"{name}_FILE" in COMPOSE["secrets"][mounted]["file"]
    assert coturn["profiles"] == ["turn"]
    assert coturn["ports"] == [f"${{TURN_TLS_PORT:-443}}:{TLS_PORT}"]
    assert coturn["entrypoint"] == ["sh", "/etc/coturn/start.sh"]
    assert coturn["volumes"] == ["../coturn:/etc/coturn:ro"]


def test_kubernetes_gives_coturn_what_it_reads_and_control_the_same_secret() -> None:
    (container,) = pod()["containers"]
    variables = {one["name"]: one for one in container["env"]}
    assert set(variables) | set(literals("coturn")) <= KNOWN
    assert container["image"] == COMPOSE["services"]["coturn"]["image"]
    ours = variables["TURN_SECRET"]["valueFrom"]["secretKeyRef"]
    control = next(one for _, one in documents(BASE) if one["kind"] == "Deployment")
    (container_of_control,) = control["spec"]["template"]["spec"]["containers"]
    assert {"secretRef": {"name": ours["name"]}} in container_of_control["envFrom"]
    assert ours["key"] == "TURN_SECRET"
    assert ours["key"] in environment(EXAMPLE / "secrets.env.example")
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in pod()["volumes"]}
    assert set(mounts.values()) == set(volumes)
    assert mounts["/etc/turn-tls"] == "tls"
    assert variables["TURN_CERT"]["value"].startswith("/etc/turn-tls/")
    (files,) = read_yaml(COTURN / "kustomization.yaml")["configMapGenerator"]
    assert volumes[mounts["/etc/coturn"]]["configMap"]["name"] == files["name"]
    assert all((COTURN / name).exists() for name in files["files"])
    assert all((TURN / folder).is_dir() for folder in KUSTOMIZATION["components"])


def test_clients_are_told_the_port_and_the_name_that_it_has() -> None:
    told = literals("roomcast")
    (url,) = load_settings(turn_urls=told["TURN_URLS"]).turn_urls
    name, port = url.removeprefix("turns:").removesuffix("?transport=tcp").split(":")
    assert name == literals("coturn")["TURN_REALM"]
    (outside,) = of_kind("Service")["spec"]["ports"]
    (inside,) = pod()["containers"][0]["ports"]
    assert (int(port), inside["containerPort"]) == (outside["port"], TLS_PORT)
    assert outside["targetPort"] == inside["name"]


def test_from_its_pod_only_the_media_ports_of_workers_can_be_reached() -> None:
    """A node has other UDP ports, as that of the cluster's own tunnels, and its address is allowed."""
    policy = of_kind("NetworkPolicy")["spec"]
    worker = next(
        one
        for _, one in documents(WORKER)
        if one["kind"] == "StatefulSet" and one["metadata"]["name"] == "worker"
    )
    ports = worker["spec"]["template"]["spec"]["containers"][0]["ports"]
    media = next(one["hostPort"] for one in ports if one["name"] == "media")
    assert policy["podSelector"] == of_kind("Deployment")["spec"]["selector"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert policy["egress"] == [{"ports": [{"port": media, "endPort": media + 31, "protocol": "UDP"}]}]
