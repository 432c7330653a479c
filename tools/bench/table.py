"""Figures as text: percentiles, and Markdown tables."""

import math
from collections.abc import Sequence

NOTHING = "-"  # what could not be measured


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its figures right-aligned."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([line(columns), rule, *map(line, rows)])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; infinite without any."""
    if not values:
        return math.inf
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def milliseconds(values: Sequence[float]) -> tuple[str, str]:
    """Median and 99th percentile of seconds."""
    if not values:
        return NOTHING, NOTHING
    return f"{percentile(values, 0.5) * 1e3:.2f}", f"{percentile(values, 0.99) * 1e3:.2f}"
