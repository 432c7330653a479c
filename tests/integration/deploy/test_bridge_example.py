"""The bridge of compose: its configuration leads to the API, and lets nobody in without a password."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from shared.settings.settings import Settings
from tests.integration.deploy.files import DEPLOY, ROOT, read_yaml

BRIDGE = read_yaml(DEPLOY / "mediamtx" / "mediamtx.yml")
COMPOSE = read_yaml(DEPLOY / "compose" / "compose.yaml")
PATHS: dict[str, dict[str, Any]] = BRIDGE["paths"]
ENDPOINTS = [
    *(
        (entry["dest"], "whip", entry["whipBearerToken"])
        for one in PATHS.values()
        for entry in one.get("forward", ())
    ),
    *((one["source"], "whep", one["whepBearerToken"]) for one in PATHS.values() if "whepBearerToken" in one),
]


@pytest.mark.parametrize(("url", "protocol", "token"), ENDPOINTS, ids=[url for url, *_ in ENDPOINTS])
def test_it_finds_the_api_through_the_balancer(url: str, protocol: str, token: str) -> None:
    where = urlsplit(url)
    action = {"whip": "publish", "whep": "play"}[protocol]
    assert where.scheme == protocol
    assert where.hostname in COMPOSE["services"]
    assert where.port == Settings.model_construct().http_addr.port
    assert where.path.startswith(f"/api/{protocol}/{action}/")
    assert token == "CHANGE-ME"


def test_only_who_has_a_password_sends() -> None:
    publishers = [
        user
        for user in BRIDGE["authInternalUsers"]
        for permission in user["permissions"]
        if permission["action"] == "publish"
    ]
    assert [user["user"] for user in publishers] == ["sender"]
    assert publishers[0]["pass"]
    anybody = [user for user in BRIDGE["authInternalUsers"] if user["user"] == "any"]
    for user in anybody:
        assert {permission["action"] for permission in user["permissions"]} == {"read"}
        assert {permission["path"] for permission in user["permissions"]} <= set(PATHS)


def test_nobody_runs_it_with_the_passwords_of_the_example() -> None:
    """Compose takes a copy, which is not there until somebody makes it, and never committed."""
    bridge = COMPOSE["services"]["bridge"]
    (secret,) = bridge["secrets"]
    assert secret == {"source": "bridge", "target": "/mediamtx.yml"}
    copy = COMPOSE["secrets"]["bridge"]["file"].removeprefix("./")
    assert f"deploy/compose/{copy}" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert bridge["profiles"] == ["bridge"]
