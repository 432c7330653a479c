"""The findings as text for people, or as JSON for machines."""

import json
from collections.abc import Sequence

import typer

from deploy.doctor.finding import Finding, Verdict

_COLOURS = {Verdict.OK: typer.colors.GREEN, Verdict.WARN: typer.colors.YELLOW, Verdict.FAIL: typer.colors.RED}
_INDENT = " " * 23


def is_sound(findings: Sequence[Finding]) -> bool:
    """Whether nothing has failed."""
    return all(finding.verdict is not Verdict.FAIL for finding in findings)


def as_text(findings: Sequence[Finding], *, coloured: bool) -> str:
    """A line for each finding, a second one for what mends it, and a summary."""
    return "\n".join([*(_lines(finding, coloured) for finding in findings), "", _summary(findings)])


def in_brief(findings: Sequence[Finding]) -> str:
    """What needs a look, a line each, as `roomcast up` says it; it says itself who may do what."""
    lines = [
        f"{'':<15}{one.verdict}  {one.about}: {one.found}"
        for one in findings
        if one.verdict is not Verdict.OK and one.about != "access"
    ]
    found = f"{len(lines)} to look at; `roomcast doctor` says what mends each" if lines else "all is well"
    return "\n".join([f"  {'doctor':<12} {found}", *lines, ""])


def as_json(findings: Sequence[Finding]) -> str:
    """`{"ok": bool, "findings": [{"verdict", "about", "found", "mend"}]}`; `ok`: nothing has failed."""
    entries = [
        {"verdict": one.verdict, "about": one.about, "found": one.found, "mend": one.mend} for one in findings
    ]
    return json.dumps({"ok": is_sound(findings), "findings": entries}, indent=2, ensure_ascii=False)


def _lines(finding: Finding, coloured: bool) -> str:
    verdict = f"{finding.verdict:<5}"
    if coloured:
        verdict = typer.style(verdict, fg=_COLOURS[finding.verdict])
    line = f"{verdict} {finding.about:<16} {finding.found}"
    return f"{line}\n{_INDENT}-> {finding.mend}" if finding.mend else line


def _summary(findings: Sequence[Finding]) -> str:
    failed = sum(finding.verdict is Verdict.FAIL for finding in findings)
    warned = sum(finding.verdict is Verdict.WARN for finding in findings)
    if not failed + warned:
        return "All is well."
    return f"{failed} failed, {warned} to look at."
