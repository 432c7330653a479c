"""What PromQL expressions of ours read."""

import re
from functools import cache

from tests.integration.deploy.files import rules


def metrics_in(expression: str) -> set[str]:
    """Names of the metrics of a PromQL expression: what is neither a label, nor a string, nor a function."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"\b[a-zA-Z_][a-zA-Z0-9_:]*\b(?!\s*\()", bare)
    return set(words) - {"and", "or", "unless", "by", "without", "on", "inf"}


def metrics_behind(expression: str) -> set[str]:
    """The same, with what is recorded by a rule replaced by what that reads."""
    found: set[str] = set()
    for name in metrics_in(expression):
        found |= metrics_behind(_recorded()[name]) if name in _recorded() else {name}
    return found


@cache
def _recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
