"""What a viewer's line was, second by second, by its log; and whether this code decides the same.

python -m tools.replay FILE      the log, as `GET /api/admin/sessions/{session}/line` gives it
"""

import argparse
import json
import math
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from media.line.allocation import Allocation, Decision, Phase
from media.line.estimate import LineEstimate, _Before, _Trip
from media.line.line_log import VERSION, as_kept, kilo
from media.line.line_state import KIND, fields
from media.line.loss_run import Loss

_TUPLES = {kind.__name__: kind for kind in (_Before, _Trip)}


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
    """Take a log that was read as JSON (docs/bad-picture.md): the same evidence goes through this code."""
    if log["version"] != VERSION:
        raise ValueError(f"it is of version {log['version']}")
    for part in log["parts"]:
        yield from Part(part).steps(part["entries"])


class Part:
    """A part of a log: what was known when it began, and what came then."""

    def __init__(self, part: dict[str, Any]) -> None:
        self._chances: deque[float] = deque()
        self.estimate = LineEstimate(0.0)
        self.allocation = Allocation(
            self.estimate, 0.0, can_probe=part["canProbe"] is True, jitter=self._chance
        )
        restore(self.estimate, part["estimate"])
        restore(self.allocation, part["allocation"])
        self._rungs: Sequence[float] = ()
        self._present, self._is_broken = 0, False
        # what was logged last
        self._carries = math.inf
        self._logged: Decision | None = None

    def _chance(self) -> float:
        return self._chances.popleft() if self._chances else 0.5  # the log drew none: it decided otherwise

    def steps(self, entries: Sequence[list[Any]]) -> Iterator[Replayed]:
        for place, (kind, *told) in enumerate(entries):
            numbers = [_read(None, each) for each in told]
            if kind != "step":
                self._take(kind, numbers)
                continue
            decided = self.allocation.step(self._rungs, self._present, numbers[0], is_broken=self._is_broken)
            for known, *values in entries[place + 1 : place + 3]:  # if it is another than before
                if known == "known":
                    self._carries = _read(None, values[0])
                elif known == "decided":
                    rung, pause, *rates = values
                    self._logged = Decision(int(rung), bool(pause), *rates)
                else:
                    break
            if self._logged is None:
                raise ValueError("a step without a decision")
            yield Replayed(
                numbers[0], self._logged, as_kept(decided), self._carries, kilo(self.estimate.carries)
            )

    def _take(self, kind: str, numbers: list[Any]) -> None:
        """Take what is no step: evidence, or what else was told or drawn."""
        match kind, numbers:
            case "train_left", [at]:
                self.allocation.train_left(at)
            case "train_wanted", []:
                self.allocation.ask_train()
            case "can_train", [can]:
                self.allocation.can_train = bool(can)
            case "chance", [chance]:
                self._chances.append(chance)
            case "rungs", rungs:
                self._rungs = tuple(rungs)
            case "present", [present, is_broken]:
                self._present, self._is_broken = present, bool(is_broken)
            case "known" | "decided", _:
                pass  # the step before has read them
            case _, [at, *evidence]:
                self._hear(kind, at, evidence)

    def _hear(self, kind: str, at: float, evidence: list[Any]) -> None:
        estimate = self.estimate
        match kind, evidence:
            case "round_trip", [seconds, is_stream]:
                estimate.is_stream = bool(is_stream)
                estimate.round_trip(seconds, at)
            case "lost", _:
                estimate.lost(Loss(*evidence), at)
            case "train", [rate, sent_at, least]:
                estimate.train_came(rate, at, sent_at, least)
            case "backlog", [rate]:
                estimate.held_back(rate, at)
            case "sent" | "report" | "missed" | "remb", _:
                getattr(estimate, kind)(*evidence, at)
            case _:
                raise ValueError(f"no entry: {kind!r:.40}")


def restore(thing: Any, state: dict[str, Any]) -> None:
    """Give `thing` the state that was `written` of its like."""
    for name in fields(thing):
        setattr(thing, name, _read(getattr(thing, name), state[name]))


def _read(present: Any, value: Any) -> Any:
    """A value as it was `written`; `present` has its place."""
    if isinstance(value, str):
        return float(value)
    if isinstance(value, list):
        return list(accumulate(value))
    if not isinstance(value, dict):
        return value
    if value[KIND] == "Phase":
        return Phase[value["name"]]
    if value[KIND] == "deque":
        return deque((_read(None, each) for each in value["of"]), present.maxlen)
    if value[KIND] in _TUPLES:
        return _TUPLES[value[KIND]](*(_read(None, each) for each in value["of"]))
    restore(present, value)
    return present


def story(log: Any) -> Iterator[str]:
    """A line for each second, and for each step that this code decides otherwise."""
    now, second, differ, steps = float(log["now"]), math.inf, 0, 0
    yield "    ago rung   carries     probe   (kbit/s)"
    for step in replay(log):
        steps += 1
        differ += step.differs
        if int(step.at) != second or step.differs:
            second = int(step.at)
            yield _row(step, now)
    yield f"{steps} steps, {differ} of them decided otherwise by this code"


def _row(step: Replayed, now: float) -> str:
    logged = step.logged
    words = [word for word, holds in (("stopped", logged.pause), ("paced", logged.picture_pace > 0)) if holds]
    if step.differs:
        words.append(f"now: rung {step.decided.rung}, carries {step.carries / 1000:.0f}")
    ago, carries, probe = now - step.at, step.logged_carries / 1000, logged.probe / 1000
    return f"{ago:6.1f}s {logged.rung:4} {carries:9.0f} {probe:9.0f}   {', '.join(words)}".rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.replay")
    parser.add_argument("file", type=Path, help="the log of a line, as the API gives it")
    try:
        for line in story(json.loads(parser.parse_args().file.read_text())):
            print(line)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        print(f"no log of a line: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
