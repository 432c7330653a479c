"""`make release` and `make pin-images`, as far as they go without a registry of images."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.integration.deploy.files import DEPLOY, ROOT, checked

DIGESTS = ["sha256:" + 64 * digit for digit in "12"]


def test_images_are_pinned_by_what_their_registries_say(tmp_path: Path) -> None:
    """And are pinned anew: a digest takes the place of the one before."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    skopeo = tmp_path / "bin" / "skopeo"
    skopeo.parent.mkdir()
    environment = {"PATH": f"{skopeo.parent}:{os.environ['PATH']}"}
    for digest in DIGESTS:
        skopeo.write_text(f"#!/bin/sh\necho {digest}\n")
        skopeo.chmod(0o755)
        subprocess.run([tmp_path / "deploy" / "pin_images.sh"], env=environment, check=True, timeout=60)
        for file in ("docker/Dockerfile", "compose/compose.yaml", "kubernetes/base/valkey.yaml"):
            text = (tmp_path / "deploy" / file).read_text(encoding="utf-8")
            images = re.findall(r"docker\.io/[a-z0-9/-]+:\S+", text)
            assert images
            assert [image for image in images if not image.endswith(f"@{digest}")] == []
        # nothing else has changed
        was = (DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8")
        assert (tmp_path / "deploy/compose/compose.yaml").read_text().replace(f"@{digest}", "") == was
    skopeo.write_text("#!/bin/sh\necho nothing\n")
    refused = subprocess.run(
        [tmp_path / "deploy" / "pin_images.sh"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    assert "no digest" in refused.stderr


def test_every_requirement_has_its_hashes() -> None:
    for name in ("run", "test", "release"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        entries = re.sub(r" *\\\n +", " ", text).splitlines()
        wrong = [entry for entry in entries if not entry.startswith("#") and " --hash=sha256:" not in entry]
        assert not wrong


@pytest.mark.soak
def test_a_release_has_all_that_is_promised(tmp_path: Path) -> None:
    """In a copy of the tree, whose changelog is given the section that it needs."""
    tree = tmp_path / "tree"
    files = checked("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in files:
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name, follow_symlinks=False)
    changelog = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.findall(r'^version = "(.*)"', (tree / "pyproject.toml").read_text(), re.MULTILINE)[0]
    (tree / "CHANGELOG.md").write_text(
        changelog.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - 2026-11-26\n"),
        encoding="utf-8",
    )
    (tree / ".venv").symlink_to(ROOT / ".venv")
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "All"]):
        checked("git", *arguments, cwd=tree)
    made = subprocess.run(
        ["make", "release", f"VERSION={version}"], cwd=tree, capture_output=True, text=True, timeout=400
    )
    assert made.returncode == 0, made.stdout + made.stderr

    dist, name = tree / "dist", f"roomcast-{version}"
    there = {path.name for path in dist.iterdir()}
    promised = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    table = promised[promised.index("Then it writes into") :]
    wanted = {
        one.replace("0.2.0", version)
        for one in re.findall(r"`(roomcast-0\.2\.0[-.][^`]*|SHA256SUMS)`", table)
    }
    assert there == wanted
    for line in (dist / "SHA256SUMS").read_text().splitlines():
        digest, file = line.split()
        assert hashlib.sha256((dist / file).read_bytes()).hexdigest() == digest
    bill = json.loads((dist / f"{name}.cdx.json").read_text())
    assert bill["metadata"]["component"]["name"] == "roomcast"
    pinned = re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE)
    assert {(one["name"].lower(), one["version"]) for one in bill["components"]} == set(pinned)
    with tarfile.open(dist / f"{name}-chart.tgz") as chart:
        start = chart.extractfile("roomcast/files/start.sh")
        assert start
        assert start.read() == (DEPLOY / "coturn" / "start.sh").read_bytes()
