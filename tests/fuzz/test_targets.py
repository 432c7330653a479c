"""A short run of the fuzzer; `make fuzz` gives each target 100,000 inputs."""

from pathlib import Path

import pytest

from tests.fuzz.run import TARGETS, run
from tests.fuzz.target import Target

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_input_breaks_it(target: Target) -> None:
    run(target, inputs=300, seed=7)


def test_the_documentation_lists_all_targets() -> None:
    section = SECURITY.read_text().partition("\n## What is fuzzed")[2].partition("\n## ")[0]
    listed = [line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")]
    assert listed == [target.name for target in TARGETS]
