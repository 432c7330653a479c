"""The log of a line: what was known of it and what was decided, lately, while there is a reason.

With it a complaint ("the picture is bad") is answered from what happened, and the same evidence can go
through the same code once more (`tools/replay.py`). Times are in seconds of the worker's steady clock.
"""

import math
import random
import zlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from msgspec import json

from media.line.allocation import Allocation, Decision
from media.line.estimate import LineEstimate
from media.line.line_state import written
from media.line.loss_run import Loss

VERSION = 6
PART_OCTETS = 16_000  # of the part that grows: 10 s or more
APART_SECONDS = 0.05  # between two samples of what was sent: many reports must not push out older ones
CLOSED_OCTETS = 18_000  # of those that are closed: with what was known when each began, and compressed
QUEUE_STEPS = 50.0  # in a second: a queue that changes by less is jitter
TICKS = 4096.0  # in a second: a power of two, so that no float is rounded
SHARES = 4096.0  # in the whole


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
        "_entries",
        "_jitter",
        "_known",
        "_parts",
        "_present",
        "_rungs",
        "_sampled_at",
        "_state",
        "allocation",
        "estimate",
    )

    def __init__(self, now: float, *, can_probe: bool, can_train: bool) -> None:
        now = ticks(now)
        self.estimate = LineEstimate(now)
        self.allocation = Allocation(self.estimate, now, can_probe=can_probe, jitter=self._chance)
        self.allocation.can_train = can_train
        self._began, self._can_probe, self._could_train = now, can_probe, can_train
        self._jitter = random.random
        self._sampled_at = -math.inf  # when it was told what was sent
        self._parts: deque[tuple[bytes, bytes]] = deque()  # what was known, and what came
        self._entries: bytearray | None = bytearray()  # of the part that grows; None: nothing is kept
        self._state = b""  # what was known when it began; empty: nothing, as at a join
        self._because: tuple[str, Sequence[float]] | None = None  # what came last while nothing was kept
        # what was kept last of each
        self._rungs: tuple[float, ...] = ()
        self._present: tuple[int, bool] | None = None
        self._known: tuple[float, float] | None = None
        self._decided: Decision | None = None

    # --- evidence, which goes on as it is kept

    def sent(self, octets: int, sound: int, now: float) -> None:
        if now - self._sampled_at < APART_SECONDS:
            return
        self._sampled_at, now = now, ticks(now)
        self._keep("sent", now, octets, sound)
        self.estimate.sent(octets, sound, now)

    def round_trip(self, seconds: float, now: float, *, is_stream: bool) -> None:
        now, seconds = ticks(now), ticks(seconds)
        self._keep("round_trip", now, seconds, int(is_stream))
        self.estimate.is_stream = is_stream
        self.estimate.round_trip(seconds, now)

    def report(self, lost: int, expected: int, since: float, rtt: float, now: float) -> None:
        since, rtt, now = ticks(since), ticks(rtt), ticks(now)
        self._keep("report", now, lost, expected, since, rtt)
        self.estimate.report(lost, expected, since, rtt, now)

    def lost(self, loss: Loss, now: float) -> None:
        now = ticks(now)
        loss = Loss(share(loss.share), share(loss.certain), ticks(loss.begin), ticks(loss.end))
        self._keep("lost", now, *loss)
        self.estimate.lost(loss, now)

    def missed(self, now: float) -> None:
        now = ticks(now)
        self._keep("missed", now)
        self.estimate.missed(now)

    def train_came(self, rate: float, now: float, sent_at: float, least: float) -> None:
        rate, now, sent_at, least = whole(rate), ticks(now), ticks(sent_at), whole(least)
        self._keep("train", now, rate, sent_at, least)
        self.estimate.train_came(rate, now, sent_at, least)

    def remb(self, bitrate: int, now: float) -> None:
        now = ticks(now)
        self._keep("remb", now, bitrate)
        self.estimate.remb(bitrate, now)

    def held_back(self, rate: float, now: float) -> None:
        rate, now = whole(rate), ticks(now)
        self._keep("backlog", now, rate)
        self.estimate.held_back(rate, now)

    # --- decisions

    def step(self, rungs: Sequence[float], present: int, now: float, *, is_broken: bool) -> Decision:
        """`Allocation.step`."""
        if self._entries is None or len(self._entries) > PART_OCTETS:
            self._begin()
        now, rungs = ticks(now), tuple(map(whole, rungs))
        if self._rungs != rungs:
            self._rungs = rungs
            self._keep("rungs", *rungs)
        if self._present != (present, is_broken):
            self._present = present, is_broken
            self._keep("present", present, int(is_broken))
        decision = self.allocation.step(rungs, present, now, is_broken=is_broken)
        self._keep("step", now)
        known = (
            kilo(self.estimate.carries),
            ticks(round(self.estimate.trips.queue * QUEUE_STEPS) / QUEUE_STEPS),
        )
        if self._known != known:
            self._known = known
            self._keep("known", *known)
        if self._decided != (decided := as_kept(decision)):
            self._decided = decided
            self._keep("decided", decided.rung, int(decided.pause), *decided[2:])
        return decision

    def can_train(self, *, can: bool) -> None:
        """Take whether the viewer may be sent trains."""
        if self.allocation.can_train != can:
            self._keep("can_train", int(can))
            self.allocation.can_train = can

    def train_left(self, now: float) -> None:
        now = ticks(now)
        self._keep("train_left", now)
        self.allocation.train_left(now)

    def ask_train(self) -> None:
        self._keep("train_wanted")
        self.allocation.ask_train()

    def _chance(self) -> float:
        number = share(self._jitter())
        self._keep("chance", number)
        return number

    # --- what is kept

    def rest(self) -> None:
        """Keep nothing until the next step; of a line that never was full also nothing of before."""
        if self._entries is None:
            return
        if self.estimate.signs:
            self._close()
        else:
            self._parts.clear()
            self._entries = None

    def _begin(self) -> None:
        self._close()
        self._state = self._known_of(self.estimate, self.allocation)
        self._entries, self._because = bytearray(), None
        self._rungs, self._present, self._known, self._decided = (), None, None, None

    def _close(self) -> None:
        if self._entries:
            self._parts.append((self._first_state(), zlib.compress(self._entries)))
            while self.closed_octets > CLOSED_OCTETS:
                self._parts.popleft()
        self._entries = None

    @property
    def closed_octets(self) -> int:
        return sum(len(state) + len(came) for state, came in self._parts)

    def _first_state(self) -> bytes:
        """What was known when the part began. Of a join it is made when it is read: most need none."""
        if self._state:
            return self._state
        estimate = LineEstimate(self._began)
        allocation = Allocation(estimate, self._began, can_probe=self._can_probe)
        allocation.can_train = self._could_train
        return self._known_of(estimate, allocation)

    def _known_of(self, estimate: LineEstimate, allocation: Allocation) -> bytes:
        known = {
            "canProbe": self._can_probe,
            "because": None if self._because is None else _entry(*self._because),
            "estimate": written(estimate),
            "allocation": written(allocation),
        }
        return zlib.compress(json.encode(known))

    def _keep(self, kind: str, *values: float) -> None:
        if self._entries is not None:
            self._entries += b"," if self._entries else b""
            self._entries += json.encode(_entry(kind, values))
        elif kind != "sent":
            self._because = kind, values

    def as_json(self, now: float) -> str:
        """The log, in the form of docs/bad-picture.md. With `now` a reader knows how long ago all was."""
        parts = [(state, zlib.decompress(entries)) for state, entries in self._parts]
        if self._entries:
            parts.append((self._first_state(), bytes(self._entries)))
        told = [
            {**json.decode(zlib.decompress(state)), "entries": json.decode(b"[" + entries + b"]")}
            for state, entries in parts
        ]
        return _written(now, told)


# What an entry is rounded to, whoever decides by it is told, too: so what is replayed is exactly the same.


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


def as_kept(decision: Decision) -> Decision:
    """The decision as the log keeps it."""
    return decision._replace(
        probe=kilo(decision.probe), pace=kilo(decision.pace), picture_pace=kilo(decision.picture_pace)
    )


def empty(now: float) -> str:
    """The log of a line of which nothing is known."""
    return _written(now, [])


def _written(now: float, parts: list[dict[str, Any]]) -> str:
    return json.encode({"version": VERSION, "now": now, "parts": parts}).decode()


def _entry(kind: str, values: Sequence[float]) -> list[Any]:
    return [kind, *map(written, values)]
