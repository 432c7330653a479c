"""`make release VERSION=x.y.z`: checks that the tree is that version, and builds its files.

What it needs and makes is in docs/releases.md.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from deploy import npm_package

ROOT = Path(__file__).parents[1]
CHART = Path("deploy/helm/roomcast")
EXAMPLE = Path("deploy/kubernetes/example/kustomization.yaml")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
ENGINES = ("docker", "podman")


class ReleaseError(Exception):
    """One line about why there is no release."""


def main() -> None:
    try:
        (version,) = sys.argv[1:] or [""]
        for problem in problems(ROOT, version):
            raise ReleaseError(problem)
        build(ROOT, version, ROOT / "dist")
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(f"release: {error}", file=sys.stderr)
        sys.exit(1)


def problems(root: Path, version: str) -> Iterator[str]:
    """What stands against making this tree that version, each in a line."""
    if not VERSION.fullmatch(version):
        yield f"VERSION is {version!r}, and must be three numbers: make release VERSION=0.2.0"
        return
    for file, found in (
        ("pyproject.toml", tomllib.loads(_text(root, "pyproject.toml"))["project"]["version"]),
        (f"{CHART}/Chart.yaml, version", _yaml(root, CHART / "Chart.yaml")["version"]),
        (f"{CHART}/Chart.yaml, appVersion", _yaml(root, CHART / "Chart.yaml")["appVersion"]),
        (f"{EXAMPLE}, newTag", _yaml(root, EXAMPLE)["images"][0]["newTag"]),
    ):
        if found != version:
            yield f"{file}: is {found}, not {version}"
    section = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)",
        _text(root, "CHANGELOG.md"),
        re.MULTILINE | re.DOTALL,
    )
    if not section or not re.search(r"^- ", section[1], re.MULTILINE):
        yield f"CHANGELOG.md: has no section '## [{version}] - YYYY-MM-DD' with changes"
    if changed := _run(root, "git", "status", "--porcelain").strip():
        yield f"not everything is committed: {changed.splitlines()[0]}"


def build(root: Path, version: str, dist: Path) -> None:
    """All files of the release, as far as helm and npm are here, and the image where an engine is.

    Raises `CalledProcessError`.
    """
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    commit = _run(root, "git", "rev-parse", "HEAD").strip()
    time = int(_run(root, "git", "show", "--no-patch", "--format=%ct", "HEAD"))
    os.environ["SOURCE_DATE_EPOCH"] = str(time)  # the same commit makes the same wheel
    name = f"roomcast-{version}"
    tools = root / ".venv" / "release" / "bin"
    _run(root, tools / "python", "-m", "build", "--outdir", dist)
    shutil.copy(root / "requirements" / "run.txt", dist / f"{name}-requirements.txt")
    bill = ("--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON")
    _run(
        root,
        *(tools / "cyclonedx-py", "requirements", "requirements/run.txt", *bill),
        *("-o", dist / f"{name}.cdx.json"),
    )
    helm = next((root / ".venv").glob("cluster-*/helm"), None) or shutil.which("helm")
    if helm:
        _run(root, helm, "package", CHART, "--destination", dist)
        (dist / f"{name}.tgz").rename(dist / f"{name}-chart.tgz")
    if shutil.which("npm"):
        npm_package.pack(root, dist)
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(dist.iterdir())
    ]
    (dist / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    print("".join(sums), end="")
    if engine := next(filter(shutil.which, ENGINES), None):
        _run(root, *image_command(engine, version, commit, time))
        print(f"image roomcast:{version}")
    else:
        print(f"no image: neither {' nor '.join(ENGINES)} is here")


def image_command(engine: str, version: str, commit: str, time: int) -> list[str]:
    created = datetime.fromtimestamp(time, UTC).isoformat()
    labels = {"VERSION": version, "REVISION": commit, "CREATED": created}
    arguments = [part for name, value in labels.items() for part in ("--build-arg", f"{name}={value}")]
    return [engine, "build", "-f", "deploy/docker/Dockerfile", *arguments, "-t", f"roomcast:{version}", "."]


def _run(root: Path, *command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=root, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return done.stdout


def _text(root: Path, path: str | Path) -> str:
    return (root / path).read_text(encoding="utf-8")


def _yaml(root: Path, path: Path) -> Any:
    return yaml.safe_load(_text(root, path))


if __name__ == "__main__":
    main()
