"""What processes and sockets of this host used up, as the kernel counts it."""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """Of some processes. `cpu` is exact; `user` and `system` are in clock ticks of 10 ms. All in seconds.

    `waited` is for how long they could have run, but others had the cores.
    """

    cpu: float
    waited: float
    user: float
    system: float

    @classmethod
    def of(cls, pids: Iterable[int]) -> Self:
        ran, waited, user, system = 0, 0, 0.0, 0.0
        for pid in pids:
            times = psutil.Process(pid).cpu_times()
            user, system = user + times.user, system + times.system
            for thread in Path(f"/proc/{pid}/task").iterdir():
                thread_ran, thread_waited, _ = map(int, (thread / "schedstat").read_text().split())
                ran, waited = ran + thread_ran, waited + thread_waited
        return cls(ran / 1e9, waited / 1e9, user, system)

    def since(self, before: "Usage") -> "Usage":
        return Usage(
            self.cpu - before.cpu,
            self.waited - before.waited,
            self.user - before.user,
            self.system - before.system,
        )


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory of the processes that is in RAM."""
    return sum(psutil.Process(pid).memory_info().rss for pid in pids)


def proportional_bytes(pid: int) -> int:
    """Memory of a process that is in RAM; of what it shares with others, its part (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"the kernel does not tell the memory of process {pid}")


def sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets that a process has open."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(descriptor)
        if target.startswith("socket:["):
            inodes.add(int(target[8:-1]))
    return inodes


def dropped(inodes: Collection[int]) -> int:
    """Datagrams that found these UDP sockets' receive buffers full, ever."""
    total = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[9]) in inodes:
                total += int(fields[12])
    return total
