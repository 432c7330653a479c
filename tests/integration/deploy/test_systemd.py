"""The systemd units: the programs that they start exist, the variables that they set are settings."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from deploy.commands import app
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings, load_settings
from tests.integration.deploy.files import DEPLOY

FOLDER = DEPLOY / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
SETTINGS = {name.upper() for name in Settings.model_fields}
SECRETS = {
    name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in repr(field.annotation)
}
NEEDED_BY_WORKERS = {"REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"}


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_starts_a_command_that_exists(path: Path) -> None:
    service = unit(path)["Service"]
    program, command = service["ExecStart"].split()
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


@pytest.mark.parametrize(("number", "is_started"), [("01", True), ("16", True), ("1", False), ("100", False)])
def test_a_worker_whose_number_makes_no_port_does_not_start(number: str, is_started: bool) -> None:
    condition = unit(FOLDER / "roomcast-worker@.service")["Service"]["ExecCondition"]
    done = subprocess.run(
        shlex.split(condition.replace("%i", number)), capture_output=True, text=True, timeout=10
    )
    assert (done.returncode == 0) == is_started
    assert ("two digits" in done.stderr) != is_started


def test_a_worker_gets_no_secret_that_only_control_needs() -> None:
    withheld = unit(FOLDER / "roomcast-worker@.service")["Service"]["UnsetEnvironment"].split()
    assert set(withheld) == SECRETS - NEEDED_BY_WORKERS


def test_a_worker_has_time_to_drain() -> None:
    service = unit(FOLDER / "roomcast-worker@.service")["Service"]
    assert float(service["TimeoutStopSec"]) > load_settings().drain_seconds


def test_the_example_of_an_environment_is_accepted() -> None:
    text = (FOLDER / "roomcast.env.example").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert set(variables) <= SETTINGS
    assert variables["ADMIN_TOKEN"] == variables["AUTH_TOKEN"] == ""  # no token that everybody knows
    settings = load_settings(**{name.lower(): value for name, value in variables.items()})
    for address in (settings.http_addr, settings.metrics_addr):
        assert address
        assert address.host == "127.0.0.1"
