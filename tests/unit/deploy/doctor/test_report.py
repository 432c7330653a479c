"""The report: a line for each finding, what mends it below, and the same for machines."""

import json

from deploy.doctor.finding import About
from deploy.doctor.report import as_json, as_text, in_brief, is_sound

REDIS = About("redis")
OK, WARN, FAIL = REDIS.ok("answers"), REDIS.warn("is slow", "a faster one"), REDIS.fail("is away", "start it")


def test_each_finding_is_a_line_with_what_mends_it_below() -> None:
    assert as_text([OK, WARN, FAIL], coloured=False).splitlines() == [
        "ok    redis            answers",
        "warn  redis            is slow",
        "                       -> a faster one",
        "fail  redis            is away",
        "                       -> start it",
        "",
        "1 failed, 1 to look at.",
    ]


def test_a_sound_host_is_told_so() -> None:
    assert as_text([OK], coloured=False).endswith("\nAll is well.")


def test_colours_are_for_terminals() -> None:
    assert "\x1b[31m" in as_text([FAIL], coloured=True)
    assert "\x1b" not in as_text([FAIL], coloured=False)


def test_only_a_failure_is_unsound() -> None:
    assert is_sound([OK, WARN])
    assert not is_sound([OK, FAIL])


def test_machines_get_the_same() -> None:
    assert json.loads(as_json([OK, FAIL])) == {
        "ok": False,
        "findings": [
            {"verdict": "ok", "about": "redis", "found": "answers", "mend": ""},
            {"verdict": "fail", "about": "redis", "found": "is away", "mend": "start it"},
        ],
    }


def test_in_brief_there_is_what_needs_a_look() -> None:
    heading, *lines = in_brief([OK, WARN, FAIL]).rstrip().splitlines()
    assert "2 to look at" in heading
    assert [line.split()[0] for line in lines] == ["warn", "fail"]
    assert not any(one.mend in line for one in (WARN, FAIL) for line in lines)
    assert in_brief([OK]).strip().endswith("all is well")
