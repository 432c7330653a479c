"""Lists in pages: `?limit=` entries at most, the first behind `?after=`."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TypeVar

from shared.errors import ErrorCode, ServiceError

MAX_LIMIT = 10_000  # entries on a page

T = TypeVar("T")


def limit_in(query: Mapping[str, str]) -> int | None:
    """Raises `INVALID_PAGE`."""
    text = query.get("limit")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > MAX_LIMIT:
        raise ServiceError(ErrorCode.INVALID_PAGE, detail=f"limit is a number up to {MAX_LIMIT}")
    return int(text)


def page_of(entries: list[T], key: Callable[[T], str], query: Mapping[str, str]) -> list[T]:
    """The page that `query` asks for, of entries that are sorted by `key`."""
    limit, after = limit_in(query), query.get("after", "")
    first = bisect_right(entries, after, key=key) if after else 0
    return entries[first : None if limit is None else first + limit]
