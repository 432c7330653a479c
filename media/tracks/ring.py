"""A ring: a list of a power of 2 of places. Index n has place n modulo its length."""

from typing import Any


def empty(ring: list[Any], first: int, count: int) -> None:
    """Set the places of `count` indices to None, from `first` on.

    By slices, not one by one: a publisher whose numbers jump may skip all of them with each packet.
    """
    count = min(count, len(ring))
    at = first & len(ring) - 1
    to_end = min(count, len(ring) - at)
    ring[at : at + to_end] = [None] * to_end
    ring[: count - to_end] = [None] * (count - to_end)
