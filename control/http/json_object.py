"""A JSON object in a request."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from shared.errors import ServiceError


def json_object(
    body: bytes, known: Iterable[str] | None, wrong: Callable[[str], ServiceError]
) -> dict[str, Any]:
    """The fields of the object in `body`, all of them `known` (None: any); raises `wrong` of a reason."""
    try:
        ask = json.loads(body)
    except (ValueError, RecursionError):
        ask = None
    if not isinstance(ask, dict):
        raise wrong("not a JSON object")
    if known is not None and not ask.keys() <= set(known):
        raise wrong(f"knows only {', '.join(sorted(known))}")
    return ask
