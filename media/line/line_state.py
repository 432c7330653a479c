"""What is known of a line at one moment, as JSON, so that it can go on from there elsewhere."""

import math
from collections import deque
from enum import Enum
from itertools import pairwise
from typing import Any

KIND = "kind"
_LEFT_OUT = frozenset({"_jitter", "_estimate"})  # of an `Allocation`: whoever makes one gives it these


def written(thing: Any) -> Any:
    """One of our objects, or a part of it, as JSON has it."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return str(thing)
    if thing is None or isinstance(thing, bool | int | float):
        return thing
    if isinstance(thing, Enum):
        return {KIND: "Phase", "name": thing.name}
    if isinstance(thing, deque | tuple):
        return {KIND: type(thing).__name__, "of": [written(each) for each in thing]}
    if isinstance(thing, list):  # of sums, which take less room as what was added each time
        return [after - before for before, after in pairwise((0, *thing))]
    return {KIND: type(thing).__name__, **{name: written(getattr(thing, name)) for name in fields(thing)}}


def fields(thing: Any) -> list[str]:
    """The names of what is written of it."""
    names = getattr(type(thing), "__slots__", None) or vars(thing)
    return [name for name in names if name not in _LEFT_OUT]
