"""The entries of the log of a line, as octets: one for most numbers, as each is told by what came before.

A number is a multiple of its unit, so what was kept is read exactly as it was. What an entry is rounded to,
whoever decides by it must be told, too: `ticks`, `whole`, `kilo`, `share`.
"""

import math
from collections.abc import Iterator, Sequence
from enum import Enum, IntEnum, auto

TICKS = 4096.0  # in a second: a power of two, so that no float is rounded
SHARES = 4096.0  # in the whole


class Unit(Enum):
    """What a number is. Times are in seconds, rates in bit/s."""

    AT = auto()  # a time, told by the entry before
    WHEN = auto()  # a time, told by that of the same entry
    SPAN = auto()
    COUNT = auto()  # or a flag
    SUM = auto()  # of all so far, told by the last one
    RATE = auto()
    KILO = auto()  # a rate in steps of 1000
    SHARE = auto()


class Entry(IntEnum):
    """The kinds of entries. The numbers of each are in `SHAPES`; docs/bad-picture.md says what they mean."""

    SENT = 0
    ROUND_TRIP = 1
    REPORT = 2
    LOST = 3
    TRAIN = 4
    REMB = 5
    BACKLOG = 6
    TRAIN_LEFT = 7
    TRAIN_WANTED = 8
    CAN_TRAIN = 9
    CHANCE = 10
    RUNGS = 11
    PRESENT = 12
    STEP = 13
    KNOWN = 14
    DECIDED = 15
    MISSED = 16


SHAPES: dict[Entry, tuple[Unit, ...]] = {
    Entry.SENT: (Unit.AT, Unit.SUM, Unit.SUM),
    Entry.ROUND_TRIP: (Unit.AT, Unit.SPAN, Unit.COUNT),
    Entry.REPORT: (Unit.AT, Unit.COUNT, Unit.COUNT, Unit.WHEN, Unit.SPAN),
    Entry.LOST: (Unit.AT, Unit.SHARE, Unit.SHARE, Unit.WHEN, Unit.WHEN),
    Entry.MISSED: (Unit.AT,),
    Entry.TRAIN: (Unit.AT, Unit.RATE, Unit.WHEN, Unit.RATE),
    Entry.REMB: (Unit.AT, Unit.RATE),
    Entry.BACKLOG: (Unit.AT, Unit.RATE),
    Entry.TRAIN_LEFT: (Unit.AT,),
    Entry.TRAIN_WANTED: (),
    Entry.CAN_TRAIN: (Unit.COUNT,),
    Entry.CHANCE: (Unit.SHARE,),
    Entry.RUNGS: (),  # as many rates as there are rungs
    Entry.PRESENT: (Unit.COUNT, Unit.COUNT),
    Entry.STEP: (Unit.AT,),
    Entry.KNOWN: (Unit.KILO, Unit.SPAN),
    Entry.DECIDED: (Unit.COUNT, Unit.COUNT, Unit.KILO, Unit.KILO, Unit.KILO),
}
_SCALES = {Unit.AT: TICKS, Unit.WHEN: TICKS, Unit.SPAN: TICKS, Unit.KILO: 1 / 1000, Unit.SHARE: SHARES}
_INFINITE = (math.inf, -math.inf)  # are written as the numbers 0 and 1, all others as larger ones


def ticks(seconds: float) -> float:
    """A time or a span as the log keeps it: never later."""
    return math.floor(seconds * TICKS) / TICKS if math.isfinite(seconds) else seconds


def whole(rate: float) -> float:
    """A rate as the log keeps evidence."""
    return float(round(rate)) if math.isfinite(rate) else rate


def kilo(rate: float) -> float:
    """A rate as the log keeps what was known and decided."""
    return round(rate / 1000) * 1000.0 if math.isfinite(rate) else rate


def share(part: float) -> float:
    """A share of 1 as the log keeps it."""
    return round(part * SHARES) / SHARES


class EntryWriter:
    """Appends entries to `octets`."""

    __slots__ = ("_sums", "octets")

    def __init__(self) -> None:
        self.octets = bytearray()
        self._sums = [0, 0, 0]  # the last time, in ticks, and the last sums

    def write(self, kind: Entry, values: Sequence[float]) -> None:
        octets, sums = self.octets, self._sums
        octets.append(kind)
        units = SHAPES[kind]
        if kind is Entry.RUNGS:
            octets.append(len(values))
            units = (Unit.RATE,) * len(values)
        for place, unit in enumerate(units):
            value = values[place]
            if value in _INFINITE:
                octets.append(_INFINITE.index(value))
                continue
            number = round(value * _SCALES.get(unit, 1))
            if unit is Unit.AT or unit is Unit.SUM:
                number, sums[place] = number - sums[place], number
            elif unit is Unit.WHEN:
                number = sums[0] - number
            number = (number << 1 if number >= 0 else ~(number << 1)) + len(_INFINITE)
            while number > 0x7F:
                octets.append(number & 0x7F | 0x80)
                number >>= 7
            octets.append(number)


def entries(octets: bytes) -> Iterator[tuple[Entry, list[float]]]:
    """What an `EntryWriter` has written."""
    numbers, sums = iter(octets), [0, 0, 0]
    for first in numbers:
        kind = Entry(first)
        units = SHAPES[kind] if kind is not Entry.RUNGS else (Unit.RATE,) * next(numbers)
        yield kind, [_value(unit, place, _number(numbers), sums) for place, unit in enumerate(units)]


def _number(octets: Iterator[int]) -> int:
    number = shift = 0
    for octet in octets:
        number |= (octet & 0x7F) << shift
        if octet < 0x80:
            break
        shift += 7
    return number


def _value(unit: Unit, place: int, written: int, sums: list[int]) -> float:
    if written < len(_INFINITE):
        return _INFINITE[written]
    number = written - len(_INFINITE)
    number = ~(number >> 1) if number & 1 else number >> 1
    if unit is Unit.AT or unit is Unit.SUM:
        number = sums[place] = sums[place] + number
    elif unit is Unit.WHEN:
        number = sums[0] - number
    scale = _SCALES.get(unit)
    return number if scale is None else number / scale
