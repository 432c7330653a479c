"""What a failed call says in a log line: words and an address, not the name of a Python class."""

import re

_ENDS = re.compile(r"(Error|Exception)$")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def in_words(error: BaseException, address: str = "") -> str:
    """`error` in a few words, behind `address` (host and port) unless the error names that itself.

    Errors of libraries may have no text: then the name of their class is split into words.
    """
    text = str(error).strip().rstrip(".")
    if not text:
        name = _ENDS.sub("", type(error).__name__) or "unknown error"
        text = _WORDS.sub(" ", name).lower()
    if address and address not in text:
        text = f"{address}: {text}"
    return text
