"""What one measurement found, and its lines of a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

GENERATOR_BUSY = 0.85  # share of a core


@dataclass(frozen=True, slots=True)
class Report:
    """One window. Times are in seconds, memory in bytes; what could not be measured is None."""

    viewers: int
    gro: bool  # whether the viewers let the kernel hand over a run of packets as one
    seconds: float
    sent: int  # by the publisher
    received: int  # by all viewers together
    server_cpu: float | None
    server_user_share: float | None  # of `server_cpu`
    server_dropped: int  # datagrams of the publisher that found the server's socket full
    memory_per_viewer: float | None  # beyond the first ten
    delay: Sequence[float]  # of single packets
    answer: Sequence[float]  # from the POST to the 201, of single viewers
    join: Sequence[float]  # from the POST to the first media packet
    generator_cpu: float
    generator_dropped: int

    @property
    def loss(self) -> float:
        """Share of the packets due that did not arrive."""
        return 1 - self.received / (self.sent * self.viewers)

    @property
    def cpu_per_packet(self) -> float | None:
        """Seconds of the server's CPU for each packet that a viewer got."""
        return self.server_cpu / self.received if self.server_cpu is not None and self.received else None

    @property
    def generator_share(self) -> float:
        return self.generator_cpu / self.seconds

    @property
    def limit(self) -> str | None:
        """Why the figures tell of the generator rather than of the server, if they do."""
        if self.generator_dropped:
            return f"the generator's own sockets dropped {self.generator_dropped} datagrams"
        if self.generator_share > GENERATOR_BUSY:
            return f"the generator took {self.generator_share:.0%} of its core"
        return None


COLUMNS = (
    "viewers",
    "UDP GRO",
    "sent",
    "received",
    "loss",
    "CPU µs/packet",
    "user",
    "server CPU",
    "KB/viewer",
    "delay p50 ms",
    "p99",
    "answer p50 ms",
    "p99",
    "join p50 ms",
    "p99",
    "generator CPU",
)


def row(report: Report) -> tuple[str, ...]:
    """One cell for each of `COLUMNS`."""
    cpu, user, memory = report.cpu_per_packet, report.server_user_share, report.memory_per_viewer
    return (
        str(report.viewers),
        "yes" if report.gro else "no",
        str(report.sent),
        str(report.received),
        f"{report.loss:.3%}",
        "-" if cpu is None else f"{cpu * 1e6:.2f}",
        "-" if user is None else f"{user:.0%}",
        "-" if report.server_cpu is None else f"{report.server_cpu / report.seconds:.1%}",
        "-" if memory is None else f"{memory / 1000:.0f}",
        *_milliseconds(report.delay),
        *_milliseconds(report.answer),
        *_milliseconds(report.join),
        f"{report.generator_share:.1%}",
    )


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table below `COLUMNS`."""
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([line(COLUMNS), rule, *map(line, rows)])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; infinite without any."""
    if not values:
        return math.inf
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _milliseconds(values: Sequence[float]) -> tuple[str, str]:
    if not values:
        return "-", "-"
    return f"{percentile(values, 0.5) * 1e3:.2f}", f"{percentile(values, 0.99) * 1e3:.2f}"
