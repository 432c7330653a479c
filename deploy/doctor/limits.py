"""What the kernel grants a process: socket buffers and open files."""

import resource
import socket
from contextlib import suppress

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.transport.socket_buffers import ASKED_BYTES, SYSCTL, Granted, enlarge
from shared.http.limits import HttpLimits
from shared.http.server import OTHER_FILES
from shared.settings.settings import Settings
from shared.telemetry.memory_metrics import own_groups

BUFFERS, FILES, CPU = About("socket buffers"), About("open files"), About("CPU")
FILES_OF_WORKER = 1_024  # its HTTP connections and the files of a few hundred recordings; media takes one


def look(_: Settings, part: Part) -> list[Finding]:
    findings = [buffers(_granted(), _granted_to_all())] if part.has_workers else []
    wanted = HttpLimits().connections + OTHER_FILES if part.has_control else FILES_OF_WORKER
    findings += cpu(_quota()) if part.has_workers else []
    return [*findings, files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], wanted)]


def buffers(granted: Granted, to_all: Granted) -> Finding:
    """`granted` to this user, which may have the right to exceed the limit, and `to_all` others."""
    if granted.suffices:
        limit = "" if to_all.suffices else f", by this user's right; other users get {_size(min(to_all))}"
        return BUFFERS.ok(f"{_size(ASKED_BYTES)} each way, as workers ask{limit}")
    return BUFFERS.warn(
        f"the kernel grants {_size(granted.receive)} to receive and {_size(granted.send)} to send, of the"
        f" {_size(ASKED_BYTES)} that a worker asks for: bursts of media will lose packets",
        f"{SYSCTL}    (to keep: deploy/systemd/90-roomcast.conf to /etc/sysctl.d)",
    )


def cpu(quota: float | None) -> list[Finding]:
    """`quota`: cores of the control group, on average over its period; None: no limit."""
    if quota is None or quota >= 1.0:
        return []
    return [
        CPU.warn(
            f"the control group may use {quota:.2g} of a core: the kernel stops a worker that wants more",
            "a whole core for each worker, or no limit (requests of Kubernetes are enough)",
        )
    ]


def _quota() -> float | None:
    """The least CPU limit of this control group and those above it."""
    quotas = []
    with suppress(OSError):
        for folder in own_groups():
            with suppress(OSError, ValueError):
                most, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
                quotas.append(int(most) / int(period))
    return min(quotas, default=None)


def files(limit: int, wanted: int) -> Finding:
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return FILES.ok(
            f"a process may have {'any number' if limit == resource.RLIM_INFINITY else f'{limit:,}'}"
        )
    return FILES.warn(
        f"a process may have {limit:,}, of {wanted:,} that Roomcast may want: it takes fewer connections",
        "LimitNOFILE=65536 in the unit, or `ulimit -n 65536` before the start",
    )


def _granted() -> Granted:
    with socket.socket(type=socket.SOCK_DGRAM) as media:
        return enlarge(media)


def _granted_to_all() -> Granted:
    with socket.socket(type=socket.SOCK_DGRAM) as media:
        sizes = []
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            media.setsockopt(socket.SOL_SOCKET, option, ASKED_BYTES)
            sizes.append(media.getsockopt(socket.SOL_SOCKET, option) // 2)
        return Granted(*sizes)


def _size(size: int) -> str:
    return f"{size / 1024:.0f} KiB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.3g} MiB"
