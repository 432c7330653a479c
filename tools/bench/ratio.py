"""What two series of paired figures say: the ratio of the second to the first, and how sure it is."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Ratio:
    """`new` / `old`, all three of them geometric means, so that old / new is exactly the inverse.

    `error` is the standard error of `mean`; None for a single pair.
    """

    old: float
    new: float
    mean: float
    error: float | None

    @classmethod
    def of(cls, old: Sequence[float], new: Sequence[float]) -> Self:
        """Figures at the same index are a pair: they were measured one right after the other.

        Raises `ValueError` unless there is a pair, and all figures are positive and finite.
        """
        if not old or not all(0 < figure < math.inf for figure in (*old, *new)):
            raise ValueError(f"no ratio of {list(new)} to {list(old)}")
        logs = [math.log(after / before) for before, after in zip(old, new, strict=True)]
        mean = math.exp(statistics.fmean(logs))
        error = mean * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else None
        return cls(statistics.geometric_mean(old), statistics.geometric_mean(new), mean, error)

    def __str__(self) -> str:
        return f"{self.mean:.3f}" + ("" if self.error is None else f" ± {self.error:.3f}")
