"""`make release` and `make pin-images`, as far as they go without a registry of images."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.integration.deploy.files import DEPLOY, ROOT, checked
from tests.integration.deploy.test_containers import copied
from tools.release.__main__ import version_of
from tools.release.provenance import sha256

# The tree has the environments of ours, which its files, newer than ours, are not to make anew.
STAMPS = [f".venv/{name}.stamp" for name in ("run", "release", "npm")]
MAKE = ["make", *(word for stamp in STAMPS for word in ("-o", stamp))]
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


def lend_environments(tree: Path) -> None:
    (tree / ".git" / "info" / "exclude").write_text(".venv\n")
    (tree / ".venv").symlink_to(ROOT / ".venv")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of what is here, with a key of the test's for the owner's."""
    folder = tmp_path_factory.mktemp("release")
    tree, key = folder / "tree", folder / "key"
    for name in checked("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
        if (ROOT / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name, follow_symlinks=False)
    checked("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    with (tree / "deploy" / "release_signers").open("a", encoding="utf-8") as signers:
        signers.write(f"releases {(folder / 'key.pub').read_text()}")
    checked("make", *STAMPS, cwd=ROOT, within=400)
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "All"]):
        checked("git", *arguments, cwd=tree)
    lend_environments(tree)
    checked(*MAKE, "release", "sign", f"SIGNING_KEY={key}", cwd=tree, within=400)
    return tree


@pytest.mark.soak
def test_a_release_has_all_that_is_promised(tree: Path) -> None:
    dist = tree / "dist"
    version = version_of(ROOT)
    name = f"roomcast-{version}"
    promised = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    table = promised[promised.index("writes into `dist/`") :]
    wanted = re.findall(rf"`(roomcast-{re.escape(version)}[-.][^`]*|SHA256SUMS[^`]*)`", table)
    assert {path.name for path in dist.iterdir()} == set(wanted)
    bill = json.loads((dist / f"{name}.cdx.json").read_text())
    assert bill["metadata"]["component"]["name"] == "roomcast"
    pinned = re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE)
    assert {(one["name"].lower(), one["version"]) for one in bill["components"]} == set(pinned)
    with tarfile.open(dist / f"{name}-chart.tgz") as chart:
        start = chart.extractfile("roomcast/files/start.sh")
        assert start
        assert start.read() == (DEPLOY / "coturn" / "start.sh").read_bytes()
    with tarfile.open(dist / f"{name}.tar.gz") as source:
        have = source.getnames()
    assert [one for one in copied() if not any(f"{has}/".startswith(f"{name}/{one}/") for has in have)] == []
    statement = json.loads((dist / f"{name}.intoto.json").read_text())
    told = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    assert set(told) == {one for one in wanted if not one.startswith("SHA") and "intoto" not in one}
    assert {file: sha256(dist / file) for file in told} == told


@pytest.mark.soak
def test_its_files_are_verified_as_the_page_says(tree: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
    section = page[page.index("## Verifying one") :]
    commands = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    got = tmp_path / "got"
    shutil.copytree(tree / "dist", got)
    shutil.copy(tree / "deploy" / "release_signers", got)
    said = checked("sh", "-ec", commands, cwd=got)
    assert 'Good "file" signature for releases' in said
    with (got / "SHA256SUMS").open("a") as sums:
        sums.write("\n")
    assert subprocess.run(["sh", "-ec", commands], cwd=got, capture_output=True).returncode != 0


@pytest.mark.soak
def test_the_same_commit_makes_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    """In another folder, by a user whose files nobody else may read."""
    other = tmp_path / "other"
    checked("sh", "-c", f"umask 077 && git clone -q {tree} {other}")
    lend_environments(other)
    checked("sh", "-c", f"umask 077 && {shlex.join(MAKE)} release", cwd=other, within=400)
    assert (other / "dist" / "SHA256SUMS").read_text() == (tree / "dist" / "SHA256SUMS").read_text()
