"""What a failed call says in a log line: words and an address, not the name of a Python class."""

import re
from urllib.parse import urlsplit

MAX_LENGTH = 200  # characters of a text that a peer may have written

_ENDS = re.compile(r"(Error|Exception)$")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def in_words(error: BaseException, address: str = "") -> str:
    """`error` in a few words, behind `address` (host and port) unless the error names that itself.

    Errors of libraries may have no text: then the name of their class is split into words.
    """
    text = str(error).strip().rstrip(".")[:MAX_LENGTH]
    if not text:
        name = _ENDS.sub("", type(error).__name__) or "unknown error"
        text = _WORDS.sub(" ", name).lower()
    if address and address not in text:
        text = f"{address}: {text}"
    return text


def address_in(url: str) -> str:
    """Host and port of a valid HTTP `url`; the rest of it may be a secret."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
