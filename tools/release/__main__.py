"""`make release`: checks that the tree is a version, or VERSION, and builds its files.

What it needs and makes is in docs/releases.md.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.release import npm_package
from tools.release.provenance import sha256, statement
from tools.release.reproducible import check_out, settle

ROOT = Path(__file__).parents[2]
CHART = Path("deploy/helm/roomcast")
EXAMPLE = Path("deploy/kubernetes/example/kustomization.yaml")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
SUMS = "SHA256SUMS"


class ReleaseError(Exception):
    """One line about why there is no release."""


def main() -> None:
    version = (sys.argv[1:] or [version_of(ROOT)])[0]
    try:
        for problem in problems(ROOT, version):
            raise ReleaseError(problem)
        build(ROOT, version, ROOT / "dist")
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(f"release: {error}", file=sys.stderr)
        sys.exit(1)


def problems(root: Path, version: str) -> Iterator[str]:
    """What stands against making this tree that version, each in a line."""
    if not VERSION.fullmatch(version):
        yield f"VERSION is {version!r}, and must be three numbers: make release VERSION=0.1.0"
        return
    for file, found in (
        ("pyproject.toml", version_of(root)),
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
    """All files of the release, as far as helm and npm are here. The same commit makes the same bytes.

    Raises `CalledProcessError`.
    """
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    commit, time = _run(root, "git", "show", "--no-patch", "--format=%H %ct", "HEAD").split()
    os.environ["SOURCE_DATE_EPOCH"] = time
    os.umask(0o022)  # the rights of files are in archives, too
    name = f"roomcast-{version}"
    tools = root / ".venv" / "release" / "bin"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        check_out(root, tree)
        _run(tree, tools / "python", "-m", "build", "--no-isolation", "--outdir", dist)
        shutil.copy(tree / "requirements" / "run.txt", dist / f"{name}-requirements.txt")
        bill = ("--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON")
        _run(
            tree,
            *(tools / "cyclonedx-py", "requirements", "requirements/run.txt", *bill),
            *("-o", dist / f"{name}.cdx.json"),
        )
        helm = next((root / ".venv").glob("cluster-*/helm"), None) or shutil.which("helm")
        if helm:
            _run(tree, helm, "package", CHART, "--destination", dist)
            (dist / f"{name}.tgz").rename(dist / f"{name}-chart.tgz")
        if shutil.which("npm"):
            (tree / ".venv").symlink_to(root / ".venv")
            npm_package.pack(tree, dist)
    for archive in (*dist.glob("*.tar.gz"), *dist.glob("*.tgz")):
        settle(archive, int(time))
    built = sorted(dist.iterdir())
    origin = statement(root, _project(root)["urls"]["Repository"], version, commit, built)
    (dist / f"{name}.intoto.json").write_text(f"{json.dumps(origin, indent=2)}\n", encoding="utf-8")
    sums = "".join(f"{sha256(file)}  {file.name}\n" for file in sorted(dist.iterdir()))
    (dist / SUMS).write_text(sums, encoding="utf-8")
    print(sums, end="")


def version_of(root: Path) -> str:
    return str(_project(root)["version"])


def _project(root: Path) -> Any:
    return tomllib.loads(_text(root, "pyproject.toml"))["project"]


def _run(root: Path, *command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _text(root: Path, path: str | Path) -> str:
    return (root / path).read_text(encoding="utf-8")


def _yaml(root: Path, path: Path) -> Any:
    return yaml.safe_load(_text(root, path))


if __name__ == "__main__":
    main()
