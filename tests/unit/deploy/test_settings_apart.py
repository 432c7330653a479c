"""What a process of a plane gets of its settings, which another process has read."""

import subprocess
import sys

import pytest

from deploy.settings_apart import settings_apart
from shared.settings.setting_values import Secret, SettingsError, SettingValues, secret
from shared.settings.settings import Settings, load_settings, values_of

# pytest has threads; a process of a plane has none yet
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

ENVIRONMENT = {
    "REDIS_URL": "redis://user:bus-password@h/0",
    "ROOM_TOKENS": "red:red-token",
    "JWT_SECRET": "first-secret-of-thirty-two-octets",
    "WEBHOOK_URLS": "https://a.example/?key=hook-key",
    "WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "MEDIA_ADDR": "127.0.0.1:7300",
}
SECRETS = ("bus-password", "red-token", "first-secret", "hook-key", "MfKQ9r8")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def plain(value: object) -> object:
    """Without the difference between the kinds of secrets."""
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


@pytest.mark.usefixtures("environment")
def test_all_fields_and_properties_are_there() -> None:
    apart, here = settings_apart(), load_settings()
    expected = values_of(here)
    assert set(Settings.model_fields) < set(expected)
    assert {"own_worker_id", "own_media_tcp_addr", "takes_jwts", "jwt_secrets"} < set(expected)
    assert {name: plain(value) for name, value in vars(apart).items()} == {
        name: plain(value) for name, value in expected.items()
    }
    assert type(apart.media_addr) is type(here.media_addr)
    assert secret(apart.room_tokens["red"]) == "red-token"


@pytest.mark.usefixtures("environment")
def test_no_secret_prints() -> None:
    apart = settings_apart()
    printed = f"{apart} {apart!r} {apart.redis_url} {apart.room_tokens} {apart.webhook_urls}"
    assert not any(text in printed for text in SECRETS)


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError, match="max_rooms"):
        SettingValues({"max_rooms": 1}).max_rooms = 2


def test_a_wrong_setting_is_told_as_it_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_ROOMS", "-1")
    with pytest.raises(SettingsError) as elsewhere:
        load_settings()
    with pytest.raises(SettingsError) as apart:
        settings_apart()
    assert str(apart.value) == str(elsewhere.value)


def test_a_reader_that_fails_is_an_error_and_leaves_no_process() -> None:
    code = (
        "import os, sys, deploy.settings_apart as apart\n"
        "def fail(): raise RuntimeError('it broke')\n"
        "apart._answer = fail\n"
        "try: apart.settings_apart()\n"
        "except apart.SettingsError as error: print(error)\n"
        "try: os.waitpid(-1, 0)\n"
        "except ChildProcessError: print('nobody left')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout == "the settings cannot be read: see above\nnobody left\n"
    assert "it broke" in ran.stderr
