"""The command line: it shows every setting and no secret, and refuses a wrong start in one line."""

import os
import subprocess
import sys
import time

import pytest

from control.access.auth import Authenticator
from control.access.jwt_claims import LEEWAY_SECONDS
from shared.errors import ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings.settings import Settings, load_settings

SECRETS = {
    "AUTH_TOKEN": "hush-auth",
    "PUBLISH_TOKEN": "hush-publish",
    "PLAY_TOKEN": "hush-play",
    "ROOM_PUBLISH_TOKENS": "demo:hush-room-publish",
    "ROOM_PLAY_TOKENS": "demo:hush-room-play",
    "ROOM_TOKENS": "demo:hush-room;other:hush-other",
    "JWT_SECRET": "hush-jwt",
    "JWT_MORE_SECRETS": "hush-old,hush-older",
    "ADMIN_TOKEN": "hush-admin",
    "TURN_PASSWORD": "hush-turn",
    "TURN_SECRET": "hush-rest",
    "REDIS_URL": "redis://:hush-redis@localhost:6379/0",
    "S3_ACCESS_KEY": "hush-access",
    "S3_SECRET_KEY": "hush-s3",
    "WEBHOOK_URLS": "https://hush-hooks.test/?key=hush",
    "WEBHOOK_SECRETS": "whsec_" + 10 * "hush",
}
# in the place of tokens
CALLBACK = {"AUTH_URL": "https://hush-host.test/?key=hush", "ADMIN_TOKEN": "hush-admin"}


def roomcast(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    settings = {name.upper() for name in Settings.model_fields}
    clean = {name: value for name, value in os.environ.items() if name not in settings}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "deploy.cli", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_version() -> None:
    assert roomcast("--version").stdout == "roomcast 0.1.0\n"


def test_config_shows_every_setting() -> None:
    result = roomcast("config", HTTP_ADDR="127.0.0.1:9", RECORD_ENABLED="true")
    *lines, sending = result.stdout.splitlines()
    assert sending.startswith("# Media is sent ")
    assert [line.partition("=")[0] for line in lines[::2]] == [n.upper() for n in Settings.model_fields]
    assert lines[lines.index("HTTP_ADDR=127.0.0.1:9") + 1].endswith("Default: :8080")
    assert "RECORD_ENABLED=1" in lines


def test_config_hides_secrets() -> None:
    result = roomcast("config", **SECRETS)
    assert "hush" not in result.stdout + result.stderr
    assert "AUTH_TOKEN=(hidden)\n" in result.stdout
    assert "ROOM_TOKENS=demo:(hidden);other:(hidden)\n" in result.stdout
    assert "JWT_MORE_SECRETS=(hidden),(hidden)\n" in result.stdout


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_the_callback_is_a_secret_too(command: str) -> None:
    result = roomcast(command, **CALLBACK, MEDIA_STUN_SERVERS=",")
    assert "AUTH_URL=(hidden)\n" in result.stdout or "publishing and watching require" in result.stdout
    assert "hush" not in result.stdout + result.stderr


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_doctor_hides_secrets(form: tuple[str, ...]) -> None:
    result = roomcast("doctor", *form, **SECRETS, MEDIA_STUN_SERVERS=",")
    assert "ROOM_TOKENS (demo)" in result.stdout
    assert "hush" not in result.stdout + result.stderr


def test_secret_settings_are_all_tried_above() -> None:
    secret = {n.upper() for n, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secret == set(SECRETS) | set(CALLBACK)


NO_ADDRESS = "HTTP_ADDR: must be host:port or :port"
ONE_AT_ONCE = "room record: takes one of --stop, --show, --pause and marks of clips, --name and --label"
NO_BUS = "REDIS_URL: not set (`roomcast up` starts a Valkey of its own)"


@pytest.mark.parametrize(
    ("command", "environment", "reason"),
    [
        *(
            (command, {"HTTP_ADDR": "localhost"}, NO_ADDRESS)
            for command in ("up", "control", "worker", "config")
        ),
        *((command, {}, NO_BUS) for command in ("control", "worker")),
        ("up --workers 0", {}, "WORKERS: must be a whole number from 1 to 64, not 0"),
        ("token --room demo", {}, "JWT_SECRET: not set, and it signs the token"),
        ("token --role watch --admin", {"JWT_SECRET": "hush-jwt"}, "--admin: --role names another role"),
        ("doctor --json --brief", {}, "--brief: is for people, --json for machines"),
        (
            "conform https://a.example/whip",
            {},
            "WHEP: name the WHEP endpoint, which the WHIP endpoint does not tell",
        ),
        ("room set demo seats=1 seats=2", {}, "seats: is given twice"),
        ("room record demo --label a=1 --label a=2", {}, "a: is given twice"),
        *(
            (f"room record demo {options}", {}, ONE_AT_ONCE)
            for options in ("--stop --show", "--stop --pause", "--show --name x", "--resume --label a=1")
        ),
    ],
)
def test_what_cannot_be_done_ends_with_one_line(
    command: str, environment: dict[str, str], reason: str
) -> None:
    result = roomcast(*command.split(), **environment)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"roomcast: {reason}\n")


def test_a_token_is_minted_that_control_takes() -> None:
    settings = {"JWT_SECRET": "hush-jwt", "JWT_AUDIENCE": "live", "JWT_ISSUER": "us"}
    asked = ("--room", "demo", "--action", "play", "--action", "record", "--ttl", "2m")
    result = roomcast("token", *asked, **settings)
    assert (result.returncode, result.stderr) == (0, "")
    authenticator = Authenticator(load_settings(**{k.lower(): v for k, v in settings.items()}))
    now = time.time()
    access = authenticator.access(result.stdout.strip().encode(), now)
    ends = access.grant(RoomName("demo"), Role.PLAY).expires_at
    assert ends == pytest.approx(now + 120 + LEEWAY_SECONDS, abs=30)
    access.check_may_record(RoomName("demo"))
    with pytest.raises(ServiceError):
        access.check_may_record(RoomName("other"))
    for room, action in (("demo", Role.PUBLISH), ("other", Role.PLAY)):
        with pytest.raises(ServiceError):
            access.grant(RoomName(room), action)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--ttl", "soon"), "such as 90s"),
        (("--ttl", "0"), "such as 90s"),
        (("--room", "a/b"), "letters, digits"),
        (("--room", ""), "letters, digits"),  # of a script whose variable is empty: not every room
        (("--action", "watch"), "'publish'"),
    ],
)
def test_a_token_that_makes_no_sense_is_not_minted(arguments: tuple[str, ...], words: str) -> None:
    result = roomcast("token", *arguments, JWT_SECRET="hush-jwt")
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr


def test_conform_says_in_one_line_that_a_server_is_away() -> None:
    url = "http://127.0.0.1:9/api/whip/publish/demo"
    result = roomcast("conform", url, "--token", "hush")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"conform: {url}: All connection attempts failed\n"
