"""What a release asks for before it builds anything, and what the image is told."""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.release import CHART, EXAMPLE, ROOT, image_command, problems

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
    command = image_command("podman", "1.2.3", "abc", 0)
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
    (asked,) = (line for line in dockerfile.splitlines() if line.startswith("ARG VERSION"))
    given = [word.partition("=") for before, word in pairwise(command) if before == "--build-arg"]
    assert {name for name, _, _ in given} == {word.partition("=")[0] for word in asked.split()[1:]}
    assert {value for _, _, value in given} == {"1.2.3", "abc", "1970-01-01T00:00:00+00:00"}


def test_our_own_numbers_agree() -> None:
    version = next(
        line.split('"')[1]
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if line.startswith("version")
    )
    wrong = [one for one in problems(ROOT, version) if "CHANGELOG" not in one and "committed" not in one]
    assert wrong == []
