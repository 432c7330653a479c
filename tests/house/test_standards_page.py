"""docs/standards.md: each line names a test that there is, and its checks are those of `roomcast conform`."""

import re

from deploy.conform.rules import RULES
from tests.house.test_house_rules import ROOT
from tests.integration.control.rows_sessions import SESSION_ROWS
from tests.integration.control.rows_streaming import STREAMING_ROWS

PAGE = (ROOT / "docs/standards.md").read_text(encoding="utf-8")
LINES = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| check")
]
TEST = re.compile(r"\[(\w+)(\.py)?\]\(\.\./(tests/[\w/]+\.py)\)")
ROW = re.compile(r"row `([^`]+)`")
PROMISES = {row.promise for row in (*STREAMING_ROWS, *SESSION_ROWS)}


def test_each_line_names_a_test_that_exists() -> None:
    assert len(LINES) > 40
    for line in LINES:
        *_, does, test = line
        if row := ROW.fullmatch(test):
            assert row[1] in PROMISES, line
        elif named := TEST.fullmatch(test):
            source = (ROOT / named[3]).read_text(encoding="utf-8")
            assert named[2] or re.search(rf"def {named[1]}\(", source), line
        else:
            assert (does, test) == ("both are", "–"), line  # there is no such case


def test_each_check_of_conform_is_a_line_with_its_clauses() -> None:
    checks = {line[0].strip("`"): line for line in LINES if line[0] != "–"}
    assert {rule.id.partition("-")[2] for rule in RULES} == checks.keys()
    for rule in RULES:
        standard, _, name = rule.id.partition("-")
        assert checks[name][1 if standard == "whip" else 2] == rule.clause, rule
