"""`make image`: builds the image of the release that is checked out, for one machine or for several kinds.

IMAGE is its name, PLATFORMS are as Docker names them, and PUSH=1 sends it to its registry.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from deploy.release import ROOT, commit_of, version_of

ENGINES = ("docker", "podman")


def main() -> None:
    engine = next(filter(shutil.which, ENGINES), None)
    if not engine:
        sys.exit(f"image: neither {' nor '.join(ENGINES)} is here")
    command = image_command(engine, version_of(ROOT), *commit_of(ROOT), os.environ)
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603


def image_command(engine: str, version: str, commit: str, time: int, asked: Mapping[str, str]) -> list[str]:
    created = datetime.fromtimestamp(time, UTC).isoformat()
    labels = {"VERSION": version, "REVISION": commit, "CREATED": created}
    arguments = [part for name, value in labels.items() for part in ("--build-arg", f"{name}={value}")]
    kinds = asked.get("PLATFORMS", "")
    if kinds:
        arguments += ["--platform", kinds]
    if asked.get("PUSH"):
        arguments += ["--push", "--provenance", "mode=max", "--sbom", "true"]
    name = f"{asked.get('IMAGE') or 'roomcast'}:{version}"
    building = [engine, "buildx", "build"] if kinds or asked.get("PUSH") else [engine, "build"]
    return [*building, "-f", str(Path("deploy/docker/Dockerfile")), *arguments, "-t", name, "."]


if __name__ == "__main__":
    main()
