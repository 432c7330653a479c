"""The configurations below deploy/, as the tests read them."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULE_FILES = ("rules.yml", "alerts.yml", "fleet.yml")

# Debian keeps daemons where a plain user's PATH does not look
_PATH = {"PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"}


def environment() -> dict[str, str]:
    return {**os.environ, **_PATH}


def checked(*command: str | Path, cwd: Path | None = None, within: float = 60) -> str:
    """The output of a command that must succeed, in so many seconds."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def read_yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


def rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule."""
    return [
        rule
        for name in RULE_FILES
        for group in read_yaml(PROMETHEUS / name)["groups"]
        for rule in group["rules"]
    ]
