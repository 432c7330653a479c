"""What a check has found: a verdict, words for people, and the one thing that mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"  # it works, and will disappoint somebody
    FAIL = "fail"  # it does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """Never holds a secret. `mend` is empty where nothing needs mending."""

    verdict: Verdict
    about: str
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """Makes findings about one thing."""

    thing: str

    def ok(self, found: str) -> Finding:
        return Finding(Verdict.OK, self.thing, found)

    def warn(self, found: str, mend: str) -> Finding:
        return Finding(Verdict.WARN, self.thing, found, mend)

    def fail(self, found: str, mend: str) -> Finding:
        return Finding(Verdict.FAIL, self.thing, found, mend)
