"""How much memory a process may still take, for the metrics of both planes.

The kernel ends a process for want of memory when its control group (a container, a unit) or the host has none
left. Linux only: elsewhere there are no series.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from shared.telemetry.collected import Collected

GROUPS, OWN_GROUP, HOST = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"), Path("/proc/meminfo")


def memory() -> tuple[int, int] | None:
    """Bytes that are left, and all of them: of the host or the control group (v2) that has the least left."""
    try:
        host = _figures(HOST.read_text(), 1024)
        found = [(host["MemAvailable:"], host["MemTotal:"]), *_groups()]
    except (OSError, KeyError):
        return None
    return min(found)


def own_groups() -> list[Path]:
    """The folders of this process's control group (v2) and of those above it. Raises `OSError`."""
    own = GROUPS / OWN_GROUP.read_text().rpartition("0::/")[2].strip()
    return [own, *own.parents]


def _groups() -> Iterator[tuple[int, int]]:
    """Of each control group with a limit."""
    for folder in own_groups():
        try:
            limit, used = (folder / "memory.max").read_text(), (folder / "memory.current").read_text()
            if limit.strip() == "max":
                continue
            files = _figures((folder / "memory.stat").read_text())["inactive_file"]  # given back when needed
        except (OSError, KeyError):
            continue
        yield int(limit) - int(used) + files, int(limit)


def _figures(text: str, unit: int = 1) -> dict[str, int]:
    lines = (line.split() for line in text.splitlines())
    return {line[0]: int(line[1]) * unit for line in lines if len(line) > 1}


def _families() -> Iterator[GaugeMetricFamily]:
    if (found := memory()) is None:
        return
    left, limit = found
    yield GaugeMetricFamily(
        "roomcast_memory_available_bytes",
        "Memory that is left to this process, of its control group or its host",
        value=left,
    )
    yield GaugeMetricFamily("roomcast_memory_limit_bytes", "All of that memory", value=limit)


def export_memory(registry: CollectorRegistry) -> None:
    registry.register(Collected(_families))
