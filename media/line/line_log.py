"""The log of a line: what was known of it and what was decided, for a minute or so, while there is a reason.

With it a complaint ("the picture is bad") is answered from what happened, and the same evidence can go
through the same code once more (`replay.py`). Times are in seconds of the worker's steady clock.
"""

import json
import random
import zlib
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any

from media.line.allocation import Allocation, Decision
from media.line.estimate import LineEstimate
from media.line.line_state import written
from media.line.loss_run import Loss

VERSION = 1
MOST_NUMBERS = 2048  # of a part that grows: 16 kB, about half a minute of a probed line
MOST_PARTS = 3  # that are closed, and compressed to a third or so


class Entry(IntEnum):
    """The kinds of entries. The numbers of each are in `SHAPES`."""

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
    STEP = 12
    DECIDED = 13
    MISSED = 14


SHAPES: dict[Entry, tuple[str, ...]] = {
    Entry.SENT: ("at", "octets", "sound"),
    Entry.ROUND_TRIP: ("at", "seconds", "stream"),
    Entry.REPORT: ("at", "lost", "expected", "since", "rtt"),
    Entry.LOST: ("at", "share", "certain", "begin", "end"),
    Entry.MISSED: ("at",),
    Entry.TRAIN: ("at", "rate", "sentAt"),
    Entry.REMB: ("at", "bitrate"),
    Entry.BACKLOG: ("at", "rate"),
    Entry.TRAIN_LEFT: ("at",),
    Entry.TRAIN_WANTED: (),
    Entry.CAN_TRAIN: ("is",),
    Entry.CHANCE: ("number",),
    Entry.RUNGS: (),  # how many, and then each
    Entry.STEP: ("at", "present", "broken", "carries", "queue"),
    Entry.DECIDED: ("rung", "pause", "probe", "pace", "start", "paces"),
}


class LineLog:
    """Takes all evidence about one viewer's line, passes it on, and keeps it until the viewer rests.

    A part of the log begins with what was known then: so it can be replayed though earlier ones are gone.
    """

    __slots__ = (
        "_because",
        "_began",
        "_can_probe",
        "_could_train",
        "_decided",
        "_jitter",
        "_numbers",
        "_parts",
        "_rungs",
        "_state",
        "allocation",
        "estimate",
    )

    def __init__(self, now: float, *, can_probe: bool, can_train: bool) -> None:
        self.estimate = LineEstimate(now)
        self.allocation = Allocation(self.estimate, now, can_probe=can_probe, jitter=self._chance)
        self.allocation.can_train = can_train
        self._began, self._can_probe, self._could_train = now, can_probe, can_train
        self._jitter = random.random
        self._parts: deque[tuple[bytes, bytes]] = deque(maxlen=MOST_PARTS)  # what was known, and what came
        self._numbers: array[float] | None = array("d")  # of the part that grows; None: nothing is kept
        self._state = b""  # what was known when it began; empty: nothing, as at a join
        self._because: tuple[float, ...] = ()  # what came last while nothing was kept
        self._rungs: tuple[float, ...] = ()
        self._decided: Decision | None = None

    # --- evidence

    def sent(self, octets: int, sound: int, now: float) -> None:
        self._keep(Entry.SENT, now, octets, sound)
        self.estimate.sent(octets, sound, now)

    def round_trip(self, seconds: float, now: float, *, is_stream: bool) -> None:
        self._keep(Entry.ROUND_TRIP, now, seconds, is_stream)
        self.estimate.is_stream = is_stream
        self.estimate.round_trip(seconds, now)

    def report(self, lost: int, expected: int, since: float, rtt: float, now: float) -> None:
        self._keep(Entry.REPORT, now, lost, expected, since, rtt)
        self.estimate.report(lost, expected, since, rtt, now)

    def lost(self, loss: Loss, now: float) -> None:
        self._keep(Entry.LOST, now, loss.share, loss.certain, loss.begin, loss.end)
        self.estimate.lost(loss, now)

    def missed(self, now: float) -> None:
        self._keep(Entry.MISSED, now)
        self.estimate.missed(now)

    def train_came(self, rate: float, now: float, sent_at: float) -> None:
        self._keep(Entry.TRAIN, now, rate, sent_at)
        self.estimate.train_came(rate, now, sent_at)

    def remb(self, bitrate: int, now: float) -> None:
        self._keep(Entry.REMB, now, bitrate)
        self.estimate.remb(bitrate, now)

    def held_back(self, rate: float, now: float) -> None:
        self._keep(Entry.BACKLOG, now, rate)
        self.estimate.held_back(rate, now)

    # --- decisions

    def step(self, rungs: Sequence[float], present: int, now: float, *, is_broken: bool) -> Decision:
        """`Allocation.step`."""
        if self._numbers is None or len(self._numbers) > MOST_NUMBERS:
            self._begin()
        if self._rungs != (present_rungs := tuple(rungs)):
            self._rungs = present_rungs
            self._keep(Entry.RUNGS, len(rungs), *rungs)
        decision = self.allocation.step(rungs, present, now, is_broken=is_broken)
        estimate = self.estimate
        self._keep(Entry.STEP, now, present, is_broken, estimate.carries, estimate.trips.queue)
        if self._decided != decision:
            self._decided = decision
            self._keep(Entry.DECIDED, *decision)
        return decision

    def can_train(self, *, can: bool) -> None:
        """Take whether the viewer may be sent trains."""
        if self.allocation.can_train != can:
            self._keep(Entry.CAN_TRAIN, can)
            self.allocation.can_train = can

    def train_left(self, now: float) -> None:
        self._keep(Entry.TRAIN_LEFT, now)
        self.allocation.train_left(now)

    def ask_train(self) -> None:
        self._keep(Entry.TRAIN_WANTED)
        self.allocation.ask_train()

    def _chance(self) -> float:
        number = self._jitter()
        self._keep(Entry.CHANCE, number)
        return number

    # --- what is kept

    def rest(self) -> None:
        """Keep nothing until the next step; of a line that never was full also nothing of before."""
        if self._numbers is None:
            return
        if self.estimate.signs:
            self._close()
        else:
            self._parts.clear()
            self._numbers = None

    def _begin(self) -> None:
        self._close()
        self._state = self._known(self.estimate, self.allocation)
        self._numbers, self._because, self._rungs, self._decided = array("d"), (), (), None

    def _close(self) -> None:
        if self._numbers:
            self._parts.append((self._first_state(), zlib.compress(self._numbers.tobytes(), 1)))
        self._numbers = None

    def _first_state(self) -> bytes:
        """What was known when the part began. Of a join it is made when it is read: most need none."""
        if self._state:
            return self._state
        estimate = LineEstimate(self._began)
        allocation = Allocation(estimate, self._began, can_probe=self._can_probe)
        allocation.can_train = self._could_train
        return self._known(estimate, allocation)

    def _known(self, estimate: LineEstimate, allocation: Allocation) -> bytes:
        known = {
            "canProbe": self._can_probe,
            "because": _entry(self._because) if self._because else None,
            "estimate": written(estimate),
            "allocation": written(allocation),
        }
        return zlib.compress(json.dumps(known).encode())

    def _keep(self, kind: Entry, *numbers: float) -> None:
        if self._numbers is not None:
            self._numbers.append(kind)
            self._numbers.extend(numbers)
        elif kind is not Entry.SENT:
            self._because = (kind, *numbers)

    def as_json(self, now: float) -> str:
        """The log, in the form of docs/bad-picture.md. With `now` a reader knows how long ago all was."""
        parts = [(state, zlib.decompress(numbers)) for state, numbers in self._parts]
        if self._numbers:
            parts.append((self._first_state(), self._numbers.tobytes()))
        told = [
            {**json.loads(zlib.decompress(state)), "entries": [_entry(one) for one in _cut(numbers)]}
            for state, numbers in parts
        ]
        return _written(now, told)


def empty(now: float) -> str:
    """The log of a line of which nothing is known."""
    return _written(now, [])


def _written(now: float, parts: list[dict[str, Any]]) -> str:
    return json.dumps({"version": VERSION, "now": now, "parts": parts}, separators=(",", ":"))


def _cut(octets: bytes) -> Iterator[tuple[float, ...]]:
    numbers = array("d", octets)
    place = 0
    while place < len(numbers):
        kind = Entry(int(numbers[place]))
        size = 2 + int(numbers[place + 1]) if kind is Entry.RUNGS else 1 + len(SHAPES[kind])
        yield tuple(numbers[place : place + size])
        place += size


def _entry(numbers: Sequence[float]) -> list[Any]:
    kind = Entry(int(numbers[0]))
    return [kind.name.lower(), *map(written, numbers[2 if kind is Entry.RUNGS else 1 :])]
