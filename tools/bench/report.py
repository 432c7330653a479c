"""What one measurement found, and its line of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.bench.table import NOTHING, milliseconds

GENERATOR_BUSY = 0.85  # share of a core
SERVER_BUSY = 0.95
MUCH_WAITING = 0.1  # share of the time in which a process wanted a core that others had


@dataclass(frozen=True, slots=True)
class Report:
    """One window. Times are in seconds, memory in bytes; what could not be measured is None."""

    rooms: int
    viewers: int  # of all rooms together
    gro: bool  # whether the viewers let the kernel hand over a run of packets as one
    seconds: float
    sent: int  # by all publishers
    due: int  # at all viewers
    received: int  # by all viewers
    server_cpu: float | None  # of all processes of the server that were named
    server_waited: float  # while others had the cores
    server_user_share: float | None  # of `server_cpu`
    server_processes: int
    server_dropped: int  # datagrams of the publishers that found the server's socket full
    memory_per_viewer: float | None  # beyond the first ten
    delay: Sequence[float]  # of single packets
    answer: Sequence[float]  # from the POST to the 201, of single viewers
    join: Sequence[float]  # from the POST to the first media packet
    generator_cpu: float
    generator_dropped: int

    @property
    def loss(self) -> float:
        """Share of the packets due that did not arrive."""
        return 1 - self.received / self.due if self.due else 0.0

    @property
    def rate(self) -> float:
        """Packets a second that the viewers got."""
        return self.received / self.seconds

    @property
    def cpu_per_packet(self) -> float | None:
        """Seconds of the server's CPU for each packet that a viewer got."""
        return self.server_cpu / self.received if self.server_cpu is not None and self.received else None

    @property
    def server_share(self) -> float | None:
        """Of one core."""
        return None if self.server_cpu is None else self.server_cpu / self.seconds

    @property
    def waiting_share(self) -> float:
        return self.server_waited / self.seconds

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

    @property
    def bottleneck(self) -> str | None:
        """What gave out first, the generator before all; None when nothing is seen to have."""
        if self.limit is not None:
            return self.limit
        if self.server_share is not None and self.server_share > SERVER_BUSY * self.server_processes:
            return f"the server's CPU: {self.server_share:.0%} of a core"
        if self.waiting_share > MUCH_WAITING:
            return f"the machine: the server waited for a core for {self.waiting_share:.0%} of the time"
        if self.server_dropped:
            return f"the server's socket: it dropped {self.server_dropped} datagrams of publishers"
        return None


COLUMNS = (
    "rooms",
    "viewers",
    "UDP GRO",
    "sent",
    "received",
    "packets/s",
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
        str(report.rooms),
        str(report.viewers),
        "yes" if report.gro else "no",
        str(report.sent),
        str(report.received),
        f"{report.rate:,.0f}",
        f"{report.loss:.3%}",
        NOTHING if cpu is None else f"{cpu * 1e6:.2f}",
        NOTHING if user is None else f"{user:.0%}",
        NOTHING if report.server_share is None else f"{report.server_share:.1%}",
        NOTHING if memory is None else f"{memory / 1000:.0f}",
        *milliseconds(report.delay),
        *milliseconds(report.answer),
        *milliseconds(report.join),
        f"{report.generator_share:.1%}",
    )


def remarks(report: Report) -> list[str]:
    """What a reader of the line must know besides: lost packets, and limits that were not the server's."""
    subject = f"{report.viewers} viewers of {report.rooms} rooms"
    lines = []
    if report.limit is not None:
        lines.append(f"{subject}: limited by the generator: {report.limit}")
    if report.waiting_share > MUCH_WAITING:
        lines.append(f"{subject}: others had the cores for {report.waiting_share:.0%} of the server's time")
    if report.received != report.due:
        lines.append(
            f"{subject}: {report.loss:.3%} lost; {report.server_dropped} datagrams of publishers dropped"
            " at the server's socket"
        )
    return lines
