"""A JSON object in a request, and the numbers in it."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

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


def is_number(value: object, least: float, most: float) -> TypeGuard[int | float]:
    """Whether it is a number within these bounds. True and false are none, though Python counts them so."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: object, least: int, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and is_number(value, least, most)
