"""A checkout of some commit, and the proof that a process runs its code and no other."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from tools.bench.machine import ROOT, commit

PACKAGES = ("control", "deploy", "media", "shared")
PROBE_SECONDS = 30.0
_PROBE = (
    f"import json, {', '.join(PACKAGES)}; print(json.dumps([{', '.join(f'{p}.__file__' for p in PACKAGES)}]))"
)


def add_other(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Options that name the checkout of another commit."""
    add = parser.add_argument
    add("--other", type=Path, required=required, metavar="TREE", help="a checkout of the other commit")
    add(
        "--other-python",
        type=Path,
        metavar="PY",
        help="its interpreter (TREE/.venv/bin/python, otherwise ours)",
    )


class WrongCheckoutError(RuntimeError):
    """A process imports packages from elsewhere."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """`python` is the interpreter that runs it."""

    root: Path
    python: Path
    settings: tuple[str, ...] = ()  # NAME=VALUE, beside those that all have

    @classmethod
    def ours(cls, settings: Sequence[str] = ()) -> Self:
        return cls(ROOT, Path(sys.executable), tuple(settings))

    @classmethod
    def at(cls, root: Path, python: Path | None = None, settings: Sequence[str] = ()) -> Self:
        """With its own `.venv` unless `python` is given; with our interpreter where it has none."""
        root = root.resolve()
        own = root / ".venv/bin/python"
        python = python.absolute() if python else own if own.exists() else Path(sys.executable)
        return cls(root, python, tuple(settings))

    @property
    def commit(self) -> str:
        return commit(self.root)

    @property
    def environment(self) -> dict[str, str]:
        """Puts its packages before those that the interpreter has installed, which may be ours."""
        return {"PYTHONPATH": str(self.root), **dict(each.split("=", 1) for each in self.settings)}

    def check(self, pid: int) -> None:
        """Raises `WrongCheckoutError` unless process `pid` runs this checkout."""
        for package, path in zip(PACKAGES, imported_by(pid), strict=True):
            if path != self.root / package:
                raise WrongCheckoutError(f"process {pid} imports {package} from {path}, not from {self.root}")


def imported_by(pid: int) -> list[Path]:
    """The folder of each of `PACKAGES` for a Python process.

    The process itself cannot be asked, so a second one is: the same interpreter in the same folder with the
    same environment.
    """
    process = psutil.Process(pid)
    probe = subprocess.run(
        [process.cmdline()[0], "-c", _PROBE],
        cwd=process.cwd(),
        env=process.environ(),
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
    )
    if probe.returncode:
        raise WrongCheckoutError(f"process {pid} cannot import {', '.join(PACKAGES)}: {probe.stderr}")
    return [Path(file).resolve().parent for file in json.loads(probe.stdout)]
