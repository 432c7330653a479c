"""The systemd units: the programs that they start exist, the variables that they set are settings."""

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.commands import app
from media.recording.recorder import FINISH_SECONDS, REST_SECONDS
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.integration.deploy.files import DEPLOY
from tests.integration.deploy.hosts import unit, unit_environment

FOLDER = DEPLOY / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
SETTINGS = {name.upper() for name in Settings.model_fields}
SECRETS = {
    name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in repr(field.annotation)
}
NEEDED_BY_WORKERS = {"REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"}
NEEDED_BY_SLATES = {
    "ADMIN_TOKEN",
    "AUTH_TOKEN",
    "PUBLISH_TOKEN",
    "ROOM_TOKENS",
    "ROOM_PUBLISH_TOKENS",
    "JWT_SECRET",
}


def test_systemd_knows_all_that_the_units_say(tmp_path: Path) -> None:
    for path in (*SERVICES, *FOLDER.glob("*.target")):
        text = re.sub(r"/opt/roomcast/bin/\w+", "/bin/true", path.read_text(encoding="utf-8"))
        (tmp_path / path.name).write_text(text)
    drop_in = tmp_path / "roomcast-control@1.service.d"
    drop_in.mkdir()
    (drop_in / "tls.conf").write_text((FOLDER / "control-tls.conf").read_text(encoding="utf-8"))
    for name in (
        "roomcast-control@1.service",
        "roomcast-worker@01.service",
        "roomcast-slates.service",
        "roomcast.target",
    ):
        done = subprocess.run(
            ["systemd-analyze", "verify", name],
            env={"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        ours = [line for line in done.stderr.splitlines() if "roomcast" in line]
        assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_starts_a_command_that_exists(path: Path) -> None:
    service = unit(path)["Service"]
    program, command, *_ = service["ExecStart"].split()
    assert program.endswith("/bin/roomcast")
    callbacks = {one.callback.__name__ for one in app.registered_commands if one.callback}
    assert command in callbacks
    assert service["RestartPreventExitStatus"] == "2"
    assert service["NoNewPrivileges"] == "yes"
    whole = unit(path)["Unit"]["PartOf"]
    assert unit(path)["Install"]["WantedBy"] == whole
    assert whole == "roomcast.target" or unit(FOLDER / whole)["Unit"]["PartOf"] == "roomcast.target"


def test_a_worker_counts_its_ports_by_its_number() -> None:
    """Of 99 workers: systemd cannot add, so the number is the end of the port's."""
    service = unit(FOLDER / "roomcast-worker@.service")["Service"]
    taken = set()
    for number in ("01", "16", "99"):
        variables = dict(pair.split("=", 1) for pair in service["Environment"].replace("%i", number).split())
        settings = load_settings(**{name.lower(): value for name, value in variables.items()})
        assert set(variables) <= SETTINGS
        assert settings.media_addr.port == 7100 + int(number)
        assert settings.worker_http_addr == HostPort("127.0.0.1", 9100 + int(number))  # not for the Internet
        assert settings.record_dir == f"/var/lib/{service['StateDirectory']}"
        taken |= {settings.media_addr.port, settings.worker_http_addr.port}
    assert len(taken) == 6


@pytest.mark.parametrize(
    ("name", "right", "wrong", "says"),
    [
        ("worker", ("01", "16"), ("1", "100"), "two digits"),
        ("control", ("1", "9"), ("01", "10"), "one digit"),
    ],
)
def test_a_process_whose_number_makes_no_port_does_not_start(
    name: str, right: Sequence[str], wrong: Sequence[str], says: str
) -> None:
    condition = unit(FOLDER / f"roomcast-{name}@.service")["Service"]["ExecCondition"]
    for number in (*right, *wrong):
        done = subprocess.run(
            shlex.split(condition.replace("%i", number)), capture_output=True, text=True, timeout=10
        )
        assert (done.returncode == 0, says in done.stderr) == (number in right, number in wrong), number


@pytest.mark.parametrize(
    ("name", "needed"),
    [("roomcast-worker@.service", NEEDED_BY_WORKERS), ("roomcast-slates.service", NEEDED_BY_SLATES)],
)
def test_who_is_not_control_gets_no_secret_that_it_does_not_need(name: str, needed: set[str]) -> None:
    withheld = unit(FOLDER / name)["Service"]["UnsetEnvironment"].split()
    assert set(withheld) == SECRETS - needed


def test_slates_ask_control_of_the_first_number_where_no_other_address_is_known() -> None:
    service = unit(FOLDER / "roomcast-slates.service")["Service"]
    _, _, address = service["Environment"].partition("HTTP_ADDR=")
    assert address == unit_environment("roomcast-control", "1")["HTTP_ADDR"]


def test_a_worker_has_time_to_drain_and_to_upload() -> None:
    service = unit(FOLDER / "roomcast-worker@.service")["Service"]
    assert float(service["TimeoutStopSec"]) > load_settings().drain_seconds + REST_SECONDS + FINISH_SECONDS


def test_the_key_of_https_is_read_by_systemd_and_443_may_be_bound() -> None:
    drop_in = (FOLDER / "control-tls.conf").read_text(encoding="utf-8")
    given = dict(re.findall(r"^LoadCredential=(\S+):(\S+)$", drop_in, re.MULTILINE))
    environment = dict(
        re.findall(r"(\w+)=(\S+)", re.findall(r"^Environment=(.+)$", drop_in, re.MULTILINE)[0])
    )
    assert set(environment) <= SETTINGS
    for name in ("TLS_CERT_FILE", "TLS_KEY_FILE"):
        assert environment[name].removeprefix("%d/") in given
    assert re.findall(r"^(\w+)=CAP_NET_BIND_SERVICE$", drop_in, re.MULTILINE) == [
        "AmbientCapabilities",
        "CapabilityBoundingSet",
    ]
    assert unit(FOLDER / "roomcast-control@.service")["Service"]["DynamicUser"] == "yes"


def test_the_example_of_an_environment_is_accepted() -> None:
    text = (FOLDER / "roomcast.env.example").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert set(variables) <= SETTINGS
    assert variables["ADMIN_TOKEN"] == variables["AUTH_TOKEN"] == ""  # no token that everybody knows
    variables = unit_environment("roomcast-control", "2")
    settings = load_settings(**{name.lower(): value for name, value in variables.items()})
    for address in (settings.http_addr, settings.metrics_addr):
        assert address
        assert address.host == "127.0.0.1"
