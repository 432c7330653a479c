"""What is known of a line at one moment, as JSON, so that it can go on from there elsewhere.

Only the plain classes of this folder are read and made, and only with attributes that they have.
"""

import math
from collections import deque
from enum import Enum
from itertools import accumulate, pairwise
from typing import Any

from media.line import allocation, estimate, round_trips, sent_rates
from media.line.estimate import _Before, _Trip

_OBJECTS = {
    kind.__name__: kind
    for kind in (
        allocation.Allocation,
        estimate.LineEstimate,
        estimate.Losses,
        round_trips.RoundTrips,
        round_trips.ShortestRoundTrip,
        sent_rates.SentRates,
    )
}
_TUPLES = {kind.__name__: kind for kind in (_Before, _Trip)}
_LEFT_OUT = frozenset({"_jitter", "_estimate"})  # of an `Allocation`: whoever makes one gives it these
_KIND = "kind"
_NOT_FINITE = {"inf": math.inf, "-inf": -math.inf}


class BadStateError(ValueError):
    """This is no state of a line."""


def written(thing: Any) -> Any:
    """`thing` in the types that JSON has."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return str(thing)
    if thing is None or isinstance(thing, bool | int | float):
        return thing
    if isinstance(thing, Enum):
        return {_KIND: "Phase", "name": thing.name}
    if isinstance(thing, deque):
        return {_KIND: "deque", "of": [written(each) for each in thing]}
    if type(thing).__name__ in _TUPLES:
        return {_KIND: type(thing).__name__, "of": [written(each) for each in thing]}
    if isinstance(thing, list):  # of sums, which take less room as what was added each time
        return [after - before for before, after in pairwise((0, *thing))]
    fields = _fields(thing)
    return {_KIND: type(thing).__name__, **{name: written(getattr(thing, name)) for name in fields}}


def number(value: Any) -> float:
    """A number as it was written; raises `BadStateError`."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    raise BadStateError(f"no number: {value!r:.40}")


def restore(thing: Any, state: Any) -> None:
    """Give `thing`, one of our objects, the state that was written of its like; raises `BadStateError`."""
    if not isinstance(state, dict) or state.get(_KIND) != type(thing).__name__:
        raise BadStateError(f"no state of a {type(thing).__name__}")
    for name in _fields(thing):
        if name not in state:
            raise BadStateError(f"without {name}")
        present, value = getattr(thing, name), state[name]
        if type(present).__name__ in _OBJECTS:
            restore(present, value)
        elif isinstance(present, deque):
            setattr(thing, name, deque(_parts(value), present.maxlen))
        else:
            setattr(thing, name, _read(value))


def _read(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return number(value)
    if isinstance(value, list):
        return list(accumulate(number(each) for each in value))
    if isinstance(value, dict):
        kind, name = value.get(_KIND), value.get("name")
        if kind == "Phase" and isinstance(name, str) and name in allocation.Phase.__members__:
            return allocation.Phase[name]
        if isinstance(kind, str) and kind in _TUPLES:
            try:
                return _TUPLES[kind](*_parts(value))
            except TypeError:
                raise BadStateError(f"no {kind}") from None
    raise BadStateError(f"no value: {value!r:.40}")


def _parts(value: Any) -> list[Any]:
    parts = value.get("of") if isinstance(value, dict) else None
    if not isinstance(parts, list):
        raise BadStateError(f"without parts: {value!r:.40}")
    return [_read(part) for part in parts]


def _fields(thing: Any) -> list[str]:
    names = getattr(type(thing), "__slots__", None) or vars(thing)
    return [name for name in names if name not in _LEFT_OUT]
