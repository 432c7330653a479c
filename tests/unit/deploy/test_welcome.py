"""What `roomcast up` says when it is ready, as a stranger reads it."""

import sys
from pathlib import Path

import pytest

from deploy import welcome as said
from deploy.welcome import welcome
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings

TLS = {"tls_cert_file": "cert.pem", "tls_key_file": "key.pem"}
LONG = "a-token-that-nobody-guesses"


@pytest.fixture(autouse=True)
def _a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "_CONTAINERS", ())
    monkeypatch.setattr(said, "sources", lambda: ["192.0.2.7", "2001:db8::7"])
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_stranger_learns_where_to_go_and_who_may() -> None:
    lines = welcome(load_settings()).splitlines()
    assert "  open         http://localhost:8080/" in lines
    assert "               http://192.0.2.7:8080/   from other machines and phones" in lines
    assert "  OBS, FFmpeg  http://localhost:8080/api/whip/publish/demo   WHIP" in lines
    assert "  let in       TCP 8080 for pages, UDP and TCP 7100 for media" in lines
    assert any(line.startswith("  who may      everybody ") for line in lines)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"auth_token": LONG}, "Bearer Token: what AUTH_TOKEN says"),
        ({"auth_token": LONG, "publish_token": LONG}, "Bearer Token: what PUBLISH_TOKEN says"),
        ({"jwt_secret": LONG * 2}, "Bearer Token: `roomcast token --action publish`"),
        ({"jwt_jwks_url": "https://id.example/keys"}, "Bearer Token: a JWT"),
    ],
)
def test_a_token_is_named_and_never_told(settings: dict[str, object], told: str) -> None:
    text = welcome(load_settings(**settings))
    assert told in text
    assert LONG not in text


@pytest.mark.parametrize(
    "settings", [{"http_addr": HostPort("127.0.0.1", 8080)}, {"public_url": "https://live.example"}]
)
def test_no_address_is_told_at_which_nobody_gets_in(settings: dict[str, object]) -> None:
    assert "192.0.2.7" not in welcome(load_settings(**settings))


def test_nor_one_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(said, "_CONTAINERS", (str(tmp_path),))
    assert "192.0.2.7" not in welcome(load_settings())


@pytest.mark.parametrize(
    ("settings", "terminal", "drawn"),
    [
        (TLS, True, True),
        ({"public_url": "https://live.example"}, True, True),
        (TLS, False, False),  # a log
        ({}, True, False),  # without TLS a phone has no camera
        ({**TLS, "http_addr": HostPort("127.0.0.1", 8080)}, True, False),
    ],
)
def test_a_phone_gets_a_code_where_its_camera_works(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], terminal: bool, drawn: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert ("▄▄▄▄▄" in welcome(load_settings(**settings))) is drawn


def test_ports_of_further_workers_are_told() -> None:
    assert "UDP 7100 to 7102 for media" in welcome(load_settings(workers=3, media_tcp_addr=""))
