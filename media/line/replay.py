"""The same evidence once more through the same code: whether it decides the same."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from media.line.allocation import Allocation, Decision
from media.line.estimate import LineEstimate
from media.line.line_log import VERSION, as_kept
from media.line.line_state import BadStateError, number, restore
from media.line.log_entries import SHAPES, Entry, kilo
from media.line.loss_run import Loss


class Replayed(NamedTuple):
    """One step: what was logged, and what was decided now. `carries` is in bit/s."""

    at: float  # seconds of the worker's clock
    logged: Decision
    decided: Decision
    logged_carries: float
    carries: float

    @property
    def differs(self) -> bool:
        return self.logged != self.decided or self.logged_carries != self.carries


def replay(log: Any) -> Iterator[Replayed]:
    """Take a log that was read as JSON (docs/bad-picture.md); raises `BadStateError` if it is none."""
    if not isinstance(log, dict) or log.get("version") != VERSION or not isinstance(log.get("parts"), list):
        raise BadStateError("no log of a line of this version")
    for part in log["parts"]:
        if not isinstance(part, dict) or not isinstance(part.get("entries"), list):
            raise BadStateError("a part without entries")
        try:
            yield from _Part(part).steps([_read(entry) for entry in part["entries"]])
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
        ) as error:  # text for a number
            raise BadStateError(str(error)) from None


class _Part:
    def __init__(self, part: dict[str, Any]) -> None:
        self._chances: deque[float] = deque()
        self._estimate = LineEstimate(0.0)
        self._allocation = Allocation(
            self._estimate, 0.0, can_probe=part.get("canProbe") is True, jitter=self._chance
        )
        restore(self._estimate, part.get("estimate"))
        restore(self._allocation, part.get("allocation"))
        self._rungs: Sequence[float] = ()
        self._present: Sequence[float] = 0, 0
        # what was logged last
        self._carries = math.inf
        self._logged: Decision | None = None

    def _chance(self) -> float:
        return self._chances.popleft() if self._chances else 0.5  # the log drew none: it decided otherwise

    def steps(self, entries: Sequence[tuple[Entry, list[float]]]) -> Iterator[Replayed]:
        for place, (kind, numbers) in enumerate(entries):
            if kind is not Entry.STEP:
                self._take(kind, numbers)
                continue
            (at,) = numbers
            present, broken = self._present
            decided = self._allocation.step(self._rungs, int(present), at, is_broken=bool(broken))
            for told, known in entries[place + 1 : place + 3]:  # if it is another than before
                if told is Entry.KNOWN:
                    self._carries = known[0]
                elif told is Entry.DECIDED:
                    rung, pause, probe, pace, start = known
                    self._logged = Decision(int(rung), bool(pause), probe, pace, start)
                else:
                    break
            if self._logged is None:
                raise BadStateError("a step without a decision")
            yield Replayed(at, self._logged, as_kept(decided), self._carries, kilo(self._estimate.carries))

    def _take(self, kind: Entry, numbers: list[float]) -> None:
        """Take what is no step: evidence, or what else was told or drawn."""
        allocation = self._allocation
        match kind, numbers:
            case Entry.TRAIN_LEFT, [at]:
                allocation.train_left(at)
            case Entry.TRAIN_WANTED, []:
                allocation.ask_train()
            case Entry.CAN_TRAIN, [can]:
                allocation.can_train = bool(can)
            case Entry.CHANCE, [chance]:
                self._chances.append(chance)
            case Entry.RUNGS, rungs:
                self._rungs = tuple(rungs)
            case Entry.PRESENT, [_, _]:
                self._present = numbers
            case Entry.KNOWN | Entry.DECIDED, _:
                pass  # the step before has read them
            case _:
                self._hear(kind, numbers)

    def _hear(self, kind: Entry, numbers: list[float]) -> None:
        estimate = self._estimate
        match kind, numbers:
            case Entry.SENT, [at, octets, sound]:
                estimate.sent(int(octets), int(sound), at)
            case Entry.ROUND_TRIP, [at, seconds, is_stream]:
                estimate.is_stream = bool(is_stream)
                estimate.round_trip(seconds, at)
            case Entry.REPORT, [at, lost, expected, since, rtt]:
                estimate.report(int(lost), int(expected), since, rtt, at)
            case Entry.LOST, [at, share, certain, begin, end]:
                estimate.lost(Loss(share, certain, begin, end), at)
            case Entry.MISSED, [at]:
                estimate.missed(at)
            case Entry.TRAIN, [at, rate, sent_at, least]:
                estimate.train_came(rate, at, sent_at, least)
            case Entry.REMB, [at, bitrate]:
                estimate.remb(int(bitrate), at)
            case Entry.BACKLOG, [at, rate]:
                estimate.held_back(rate, at)


def _read(entry: Any) -> tuple[Entry, list[float]]:
    if not isinstance(entry, list) or not entry or not isinstance(entry[0], str):
        raise BadStateError(f"no entry: {entry!r:.40}")
    kind = Entry.__members__.get(entry[0].upper())
    if kind is None or (kind is not Entry.RUNGS and len(entry) != 1 + len(SHAPES[kind])):
        raise BadStateError(f"no entry: {entry!r:.40}")
    return kind, [number(each) for each in entry[1:]]
