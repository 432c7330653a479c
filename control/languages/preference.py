"""Which language a request wants: as chosen by hand, otherwise as the browser is set.

Both come from strangers. Nothing here is refused: what cannot be read is no preference.
"""

import re
from collections.abc import Iterable, Sequence

MOST_PREFERENCES = 32  # of one header; browsers send a handful

# One of `Accept-Language` (RFC 9110 12.5.4) with its weight (12.4.2)
_PREFERENCE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
)


def preferred(chosen: Iterable[str | None], accepted: str, known: Sequence[str]) -> str:
    """One of the language tags `known`, whose first is for everybody else.

    `chosen` are tags as chosen by hand, the strongest first; None: not chosen. `accepted` is the value of
    `Accept-Language`.
    """
    for tag in chosen:
        if tag is not None and tag in known:
            return tag
    for tag in _accepted(accepted):
        for one in known:
            if _language(tag) == _language(one):
                return one
    return known[0]


def _accepted(header: str) -> list[str]:
    """The tags of the header, the most wanted first."""
    weighed = []
    for part in header.split(",", MOST_PREFERENCES)[:MOST_PREFERENCES]:
        if match := _PREFERENCE.fullmatch(part):
            weighed.append((float(match[2] or 1), match[1]))
    weighed.sort(key=lambda one: -one[0])  # it keeps the order of equals
    return [tag for weight, tag in weighed if weight > 0]


def _language(tag: str) -> str:
    """The language of a BCP 47 tag, without region and script.

    A reader of `zh-TW` prefers `zh-Hans` to English.
    """
    return tag.partition("-")[0].lower()
