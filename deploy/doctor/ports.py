"""Whether the addresses that Roomcast is going to use are free, or its own already."""

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from deploy.doctor.socket_owner import owner_of
from shared.host_port import HostPort
from shared.http_server import bind_tcp
from shared.settings import Settings

ABOUT = About("ports")
_NAMES = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that one process is going to use."""

    setting: str
    address: HostPort
    kind: socket.SocketKind = socket.SOCK_STREAM

    def __str__(self) -> str:
        return f"{_NAMES[self.kind]} {self.address}"

    def bind(self) -> socket.socket:
        """Raises `OSError`."""
        return bind_tcp(self.address) if self.kind is socket.SOCK_STREAM else _bind_udp(self.address)


def look(settings: Settings, part: Part) -> list[Finding]:
    free, ours, findings = [], [], []
    for wanted in wanted_by(settings, part):
        if wanted.address.port == 0:
            continue  # any free port
        try:
            wanted.bind().close()
        except OSError as error:
            owner = owner_of(wanted.address.port, wanted.kind) if error.errno == errno.EADDRINUSE else None
            if owner and owner.is_roomcast:
                ours.append(f"{wanted} by {owner.name}")
            elif owner:
                findings.append(_taken(wanted, owner.name))
            else:
                findings.append(_refused(wanted, error))
        else:
            free.append(str(wanted))
    if free:
        findings.append(ABOUT.ok(f"free: {', '.join(free)}"))
    if ours:
        findings.append(ABOUT.ok(f"in use by Roomcast: {', '.join(ours)}"))
    return findings


def wanted_by(settings: Settings, part: Part) -> Iterator[Wanted]:
    """The workers of `roomcast up` take consecutive ports."""
    if part.has_control:
        yield Wanted("HTTP_ADDR", settings.http_addr)
        if settings.metrics_addr:
            yield Wanted("METRICS_ADDR", settings.metrics_addr)
    if part.has_workers:
        for number in range(settings.workers if part is Part.UP else 1):
            yield Wanted("MEDIA_ADDR", settings.media_addr.plus(number), socket.SOCK_DGRAM)
            yield Wanted("WORKER_HTTP_ADDR", settings.worker_http_addr.plus(number))


def _bind_udp(address: HostPort) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _taken(wanted: Wanted, owner: str) -> Finding:
    return ABOUT.fail(
        f"{wanted} ({wanted.setting}) is in use by {owner}",
        f"stop that, or set {wanted.setting} to a free port",
    )


def _refused(wanted: Wanted, error: OSError) -> Finding:
    setting, port = wanted.setting, wanted.address.port
    if error.errno == errno.EADDRINUSE:
        option = "-ulnp" if wanted.kind is socket.SOCK_DGRAM else "-tlnp"
        return ABOUT.warn(
            f"{wanted} ({setting}) is in use by a process of another user, perhaps Roomcast's",
            f"as root, `ss {option} sport = :{port}` tells whose",
        )
    if error.errno == errno.EACCES:
        return ABOUT.fail(
            f"{wanted} ({setting}): this user may not use ports below 1024",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a port from 1024 on behind a balancer",
        )
    if error.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
        return ABOUT.fail(
            f"{wanted} ({setting}): this host has no such address", f"set {setting} to one of `ip address`"
        )
    return ABOUT.fail(
        f"{wanted} ({setting}): {error.strerror or error}", f"set {setting} to an address of this host"
    )
