"""What a release asks for before it builds anything, what its files have, and what the image is told."""

import re
import subprocess
import tarfile
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from deploy.image import image_command
from deploy.provenance import LOCKS, sha256, statement
from deploy.release import CHART, EXAMPLE, ROOT, SUMS, problems, version_of
from deploy.reproducible import settle
from deploy.signing import sign

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


def test_the_image_gets_labels_for_all_that_the_dockerfile_asks(tree: Path) -> None:
    command = image_command("podman", "1.2.3", "abc", 0, {})
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
    (asked,) = (line for line in dockerfile.splitlines() if line.startswith("ARG VERSION"))
    given = [word.partition("=") for before, word in pairwise(command) if before == "--build-arg"]
    assert {name for name, _, _ in given} == {word.partition("=")[0] for word in asked.split()[1:]}
    assert {value for _, _, value in given} == {"1.2.3", "abc", "1970-01-01T00:00:00+00:00"}


def test_an_image_for_several_kinds_of_machines_is_pushed_with_where_it_comes_from() -> None:
    asked = {"IMAGE": "registry.example/roomcast", "PLATFORMS": "linux/amd64,linux/arm64", "PUSH": "1"}
    command = " ".join(image_command("docker", "1.2.3", "abc", 0, asked))
    assert command.startswith("docker buildx build ")
    assert "--platform linux/amd64,linux/arm64 --push --provenance mode=max" in command
    assert command.endswith("-t registry.example/roomcast:1.2.3 .")


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
    key, signers = tmp_path / "key", tmp_path / "signers"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / SUMS).write_text("some sums")
    signers.write_text("# nobody\n")
    assert "nobody could verify it" in sign(tmp_path, key, signers)
    assert not (tmp_path / f"{SUMS}.sig").exists()
    signers.write_text(f"releases {(tmp_path / 'key.pub').read_text()}")
    assert sign(tmp_path, key, signers) == ""
    assert (tmp_path / f"{SUMS}.sig").exists()


def test_the_workflow_has_each_step_of_ours_from_the_makefile() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    targets = set(re.findall(r"^ +(?:- run: )?make ([a-z]+)", text, re.MULTILINE))
    assert targets == {"install", "test", "release", "image", "sign"}
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
