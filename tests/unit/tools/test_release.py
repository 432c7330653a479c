"""What a release asks for before it builds anything, what its files have, and what the image is told."""

import re
import shlex
import subprocess
import tarfile
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tools.release.__main__ import CHART, EXAMPLE, ROOT, SUMS, problems, version_of
from tools.release.provenance import LOCKS, sha256, statement
from tools.release.reproducible import settle

FILES = {
    "pyproject.toml": '[project]\nversion = "1.2.3"\n',
    f"{CHART}/Chart.yaml": 'version: 1.2.3\nappVersion: "1.2.3"\n',
    str(EXAMPLE): 'images:\n  - {name: roomcast, newTag: "1.2.3"}\n',
    "CHANGELOG.md": "## [Unreleased]\n\n## [1.2.3] - 2026-11-26\n\n### Added\n\n- All.\n\n## [1.2.2]\n",
}


def git(tree: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *who, *arguments], cwd=tree, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def commit(tree: Path) -> None:
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "All")


def test_a_tree_that_is_ready_has_no_problem(tree: Path) -> None:
    assert list(problems(tree, "1.2.3")) == []


@pytest.mark.parametrize("version", ["", "1.2", "v1.2.3", "01.2.3", "1.2.3-rc1", "1.2.3; ls"])
def test_a_version_is_three_numbers(tree: Path, version: str) -> None:
    (problem,) = problems(tree, version)
    assert "VERSION" in problem


def test_each_place_that_has_the_number_is_named(tree: Path) -> None:
    found = list(problems(tree, "1.2.4"))
    assert len(found) == 5
    for place in (
        "pyproject.toml",
        "Chart.yaml, version",
        "Chart.yaml, appVersion",
        "newTag",
        "CHANGELOG.md",
    ):
        assert [problem for problem in found if place in problem], place


@pytest.mark.parametrize(
    "section", ["## [1.2.3]\n\n- All.\n", "## [1.2.3] - 2026-11-26\n\n## [1.2.2]\n\n- Some.\n"]
)
def test_the_changelog_must_have_its_section_with_a_date_and_changes(tree: Path, section: str) -> None:
    (tree / "CHANGELOG.md").write_text(section)
    commit(tree)
    (problem,) = problems(tree, "1.2.3")
    assert "CHANGELOG.md" in problem


def test_what_is_not_committed_is_not_released(tree: Path) -> None:
    (tree / "new").write_text("")
    (problem,) = problems(tree, "1.2.3")
    assert "new" in problem


def make(*words: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run our Makefile in that folder."""
    command = ["make", "--silent", "--no-print-directory", "-f", ROOT / "Makefile", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_image_gets_labels_for_all_that_the_dockerfile_asks() -> None:
    command = shlex.split(make("image", "ENGINE=echo podman").stdout)
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
    (asked,) = (line for line in dockerfile.splitlines() if line.startswith("ARG VERSION"))
    given = [word.partition("=") for before, word in pairwise(command) if before == "--build-arg"]
    assert {name for name, _, _ in given} == {word.partition("=")[0] for word in asked.split()[1:]}
    assert all(value for _, _, value in given)
    assert command[:2] == ["podman", "build"]
    assert command[-2:] == [f"roomcast:{version_of(ROOT)}", "."]


def test_an_image_for_several_kinds_of_machines_is_pushed_with_where_it_comes_from() -> None:
    asked = ("IMAGE=registry.example/roomcast", "PLATFORMS=linux/amd64,linux/arm64", "PUSH=1")
    command = make("image", "ENGINE=echo docker", *asked).stdout
    assert command.startswith("docker buildx build ")
    assert "--platform linux/amd64,linux/arm64 --push --provenance mode=max" in command
    assert command.endswith(f"-t registry.example/roomcast:{version_of(ROOT)} .\n")


def packed(folder: Path, names: list[str], time: int) -> Path:
    archive = folder / "one.tar.gz"
    with tarfile.open(archive, "w:gz") as new:
        for name in names:
            (folder / name).write_text(name)
            (folder / name).chmod(0o640 if time else 0o600)
            entry = new.gettarinfo(folder / name, name)
            entry.mtime, entry.uname = time, str(time)
            with (folder / name).open("rb") as file:
                new.addfile(entry, file)
    return archive


def test_the_same_content_makes_the_same_archive(tmp_path: Path) -> None:
    made = []
    for time, names in ((0, ["a", "b"]), (99, ["b", "a"])):
        archive = packed(tmp_path, names, time)
        settle(archive, 1_000_000)
        made.append(archive.read_bytes())
    assert made[0] == made[1]


def test_the_statement_says_what_was_built_of_what() -> None:
    said = statement(ROOT, "https://example.org/roomcast", "1.2.3", "abc", [ROOT / "LICENSE"])
    assert said["subject"] == [{"name": "LICENSE", "digest": {"sha256": sha256(ROOT / "LICENSE")}}]
    source, *locks = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert source["uri"] == "git+https://example.org/roomcast@refs/tags/v1.2.3"
    assert source["digest"] == {"gitCommit": "abc"}
    assert len(locks) == len(LOCKS)


def test_a_signature_that_nobody_could_verify_is_not_made(tmp_path: Path) -> None:
    key, signers, dist = tmp_path / "key", tmp_path / "deploy" / "release_signers", tmp_path / "dist"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    for folder in (signers.parent, dist):
        folder.mkdir()
    (dist / SUMS).write_text("some sums")
    signers.write_text("# nobody\n")
    assert "nobody could verify it" in make("sign", f"SIGNING_KEY={key}", folder=tmp_path).stderr
    assert not (dist / f"{SUMS}.sig").exists()
    signers.write_text(f"releases {(tmp_path / 'key.pub').read_text()}")
    assert make("sign", f"SIGNING_KEY={key}", folder=tmp_path).returncode == 0
    assert (dist / f"{SUMS}.sig").exists()
    assert "SIGNING_KEY names no file" in make("sign", "SIGNING_KEY=", folder=tmp_path).stderr


def test_the_workflow_has_each_step_of_ours_from_the_makefile() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    targets = set(re.findall(r"^ +(?:- run: )?make ([a-z]+)", text, re.MULTILINE))
    assert targets == {"test", "release", "image", "sign"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [one for one in targets if f"\n{one}:" not in makefile] == []
    jobs = yaml.safe_load(text)["jobs"]
    # what is published was tested and scanned, and only that job may publish
    assert set(jobs["publish"]["needs"]) == {"files", "scan"}
    writers = [name for name, job in jobs.items() if "write" in job["permissions"].values()]
    assert writers == ["publish"]
    assert jobs["publish"]["environment"]


def test_our_own_tree_is_a_release() -> None:
    assert [one for one in problems(ROOT, version_of(ROOT)) if "committed" not in one] == []
