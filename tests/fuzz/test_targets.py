"""A short run of the fuzzer; `make fuzz` gives each target 100,000 inputs."""

from pathlib import Path

import pytest

from tests.fuzz.kept import FOLDER, kept, slug
from tests.fuzz.run import TARGETS, run
from tests.fuzz.target import Target

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_breaks_it(target: Target) -> None:
    run(target, inputs=300, seed=7)


@pytest.mark.parametrize(
    "target", [each for each in TARGETS if kept(each.name)], ids=lambda target: target.name
)
def test_no_input_that_was_kept_breaks_it(target: Target) -> None:
    with target.begin() as take:
        for data in kept(target.name):
            take(data)


def test_what_was_kept_is_of_a_target() -> None:
    assert {path.stem for path in FOLDER.iterdir()} <= {slug(target.name) for target in TARGETS}


def test_the_documentation_lists_all_targets() -> None:
    section = SECURITY.read_text().partition("\n## What is fuzzed")[2].partition("\n## ")[0]
    listed = [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]
    assert listed == [target.name for target in TARGETS]
