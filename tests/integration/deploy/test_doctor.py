"""`roomcast doctor` as an operator runs it: beside a running system, and as a user with few rights."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.tether import tethered
from shared.settings.settings import Settings
from tests.support.free_ports import free_media_port, free_port
from tests.support.system import LOOPBACK
from tests.support.waiting import eventually

READY_SECONDS = 40.0
ROOMCAST = [sys.executable, "-m", "deploy.cli"]
# in a network of its own, since containers often open low ports to everybody
FEW_RIGHTS = ["unshare", "--net", "setpriv", "--bounding-set=-net_bind_service,-net_admin"]


def environment(**settings: str) -> dict[str, str]:
    known = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in known} | settings


def doctor(settings: dict[str, str], *arguments: str, before: list[str] | None = None) -> tuple[int, str]:
    """The exit code, and what it printed."""
    command = [*(before or []), *ROOMCAST, "doctor", *arguments]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def settings() -> dict[str, str]:
    return environment(
        HTTP_ADDR=f"{LOOPBACK}:{free_port()}",
        MEDIA_ADDR=f"{LOOPBACK}:{free_media_port()}",
        WORKER_HTTP_ADDR=f"{LOOPBACK}:{free_port()}",
        STUN_URLS=",",
        MEDIA_STUN_SERVERS=",",
    )


@pytest.fixture
def log(settings: dict[str, str], tmp_path: Path) -> Iterator[Path]:
    """The log of a running `roomcast up`."""
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            tethered([*ROOMCAST, "up"]), env=settings, stdout=output, stderr=subprocess.STDOUT
        )
    yield log
    up.terminate()
    up.wait(10)


async def test_a_host_is_as_sound_while_the_system_runs(settings: dict[str, str], log: Path) -> None:
    await eventually("it is ready", lambda: "Roomcast is ready." in log.read_text(), READY_SECONDS)
    code, text = doctor(settings)
    assert code == 0, text
    [ports] = [line for line in text.splitlines() if line.startswith("ok    ports")]
    assert "in use by Roomcast" in ports
    assert f"TCP {settings['HTTP_ADDR']} by roomcast control (process " in ports
    for name, kind in (("MEDIA_ADDR", "UDP"), ("MEDIA_ADDR", "TCP"), ("WORKER_HTTP_ADDR", "TCP")):
        assert f"{kind} {settings[name]} by roomcast worker (process " in ports


async def test_it_is_as_sound_to_who_may_not_see_into_its_processes(
    settings: dict[str, str], log: Path
) -> None:
    """As the user whom they run as, in a container."""
    await eventually("it is ready", lambda: "Roomcast is ready." in log.read_text(), READY_SECONDS)
    _, text = doctor(settings, before=["setpriv", "--bounding-set=-sys_ptrace"])
    [ports] = [line for line in text.splitlines() if line[6:].startswith("ports")]
    assert ports.startswith("ok    ports"), text
    for name, kind in (
        ("HTTP_ADDR", "TCP"),
        ("MEDIA_ADDR", "UDP"),
        ("MEDIA_ADDR", "TCP"),
        ("WORKER_HTTP_ADDR", "TCP"),
    ):
        assert f"{kind} {settings[name]}" in ports


def test_a_failure_is_the_exit_code_and_in_the_json(settings: dict[str, str]) -> None:
    code, text = doctor(settings | {"REDIS_URL": f"redis://{LOOPBACK}:{free_port()}"}, "worker", "--json")
    report = json.loads(text)
    assert code == 1
    assert report["ok"] is False
    assert [one["about"] for one in report["findings"] if one["verdict"] == "fail"] == ["redis"]


def test_a_low_port_takes_a_right(settings: dict[str, str]) -> None:
    settings["HTTP_ADDR"] = ":443"
    code, text = doctor(settings, "control", before=FEW_RIGHTS)
    assert code == 1
    assert "fail  ports            TCP :443 (HTTP_ADDR): this user may not use ports below 1024\n" in text
    assert "CAP_NET_BIND_SERVICE" in text
