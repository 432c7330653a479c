"""Whether the addresses that Roomcast is going to use are free, or its own already."""

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from deploy.doctor.socket_owner import Owner, owner_of
from deploy.health import answers
from media.transport.udp import UdpPort
from media.worker.addresses import own_addresses, public_among
from media.worker.media_ports import open_udp
from shared.http import alive
from shared.http.server import bind_tcp
from shared.settings.host_port import HostPort
from shared.settings.settings import Settings

ABOUT, INSIDE = About("ports"), About("worker HTTP")
_NAMES = {socket.SOCK_STREAM: "TCP", socket.SOCK_DGRAM: "UDP"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that one process is going to use."""

    setting: str
    address: HostPort
    http: HostPort  # where that process answers /healthz
    kind: socket.SocketKind = socket.SOCK_STREAM

    def __str__(self) -> str:
        return f"{_NAMES[self.kind]} {self.address}"

    def shares_port_with(self, other: "Wanted") -> bool:
        return (self.kind, self.address.port) == (other.kind, other.address.port)

    def bind(self) -> Sequence[UdpPort | socket.socket]:
        """As the process itself opens it. Raises `OSError`."""
        return [bind_tcp(self.address)] if self.kind is socket.SOCK_STREAM else open_udp(self.address)


def look(settings: Settings, part: Part) -> list[Finding]:
    free, ours, hidden, findings = list[Wanted](), list[str](), list[Wanted](), list[Finding]()
    with ExitStack() as held:  # until the last is tried: two settings may name the same port
        for wanted in wanted_by(settings, part):
            if not 0 < wanted.address.port < 65536:
                findings += _impossible(wanted)
                continue
            try:
                for bound in wanted.bind():
                    held.callback(bound.close)
            except OSError as error:
                owner = _owner(wanted, error)
                if any(wanted.shares_port_with(other) for other in free):
                    findings.append(_twice(wanted))
                elif owner and owner.is_roomcast:
                    ours.append(f"{wanted} by {owner.name}")
                elif error.errno == errno.EADDRINUSE and owner is None:
                    hidden.append(wanted)
                else:
                    findings.append(_taken(wanted, owner.name) if owner else _refused(wanted, error))
            else:
                free.append(wanted)
    if free:
        findings.append(ABOUT.ok(f"free: {', '.join(map(str, free))}"))
    if ours:
        findings.append(ABOUT.ok(f"in use by Roomcast: {', '.join(ours)}"))
    return [*findings, *_hidden(settings, hidden), *exposed(settings, part)]


def exposed(settings: Settings, part: Part) -> list[Finding]:
    """Whether the Internet may reach a worker's own HTTP, which asks for no credentials."""
    host = settings.worker_http_addr.host
    try:
        if host:
            host = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:  # not known: the try above has said so
        return []
    public = public_among(host, own_addresses()) if part.has_workers else []
    if not public:
        return []
    return [
        INSIDE.warn(
            f"WORKER_HTTP_ADDR is open to the Internet at {', '.join(public)}",
            "name a private host, or let a firewall admit control and Prometheus only",
        )
    ]


def wanted_by(settings: Settings, part: Part) -> Iterator[Wanted]:
    """The workers of `roomcast up` take consecutive ports."""
    if part.has_control:
        yield Wanted("HTTP_ADDR", settings.http_addr, settings.http_addr)
        if settings.metrics_addr:
            yield Wanted("METRICS_ADDR", settings.metrics_addr, settings.http_addr)
    if part.has_workers:
        for number in range(settings.workers if part is Part.UP else 1):
            http = settings.worker_http_addr.plus(number)
            yield Wanted("MEDIA_ADDR", settings.media_addr.plus(number), http, socket.SOCK_DGRAM)
            if tcp := settings.own_media_tcp_addr:
                yield Wanted("MEDIA_TCP_ADDR", tcp.plus(number), http)
            yield Wanted("WORKER_HTTP_ADDR", http, http)


def _owner(wanted: Wanted, error: OSError) -> Owner | None:
    return owner_of(wanted.address.port, wanted.kind) if error.errno == errno.EADDRINUSE else None


def _impossible(wanted: Wanted) -> list[Finding]:
    """0 is any free port."""
    if wanted.address.port == 0:
        return []
    return [
        ABOUT.fail(
            f"{wanted.setting}: no port is left for each worker", f"set {wanted.setting} to a lower one"
        )
    ]


def _twice(wanted: Wanted) -> Finding:
    return ABOUT.fail(
        f"{wanted} ({wanted.setting}) is in another setting, too",
        f"set {wanted.setting} to a port of its own",
    )


def _taken(wanted: Wanted, owner: str) -> Finding:
    return ABOUT.fail(
        f"{wanted} ({wanted.setting}) is in use by {owner}",
        f"stop that, or set {wanted.setting} to a free port",
    )


def _hidden(settings: Settings, hidden: Sequence[Wanted]) -> Iterator[Finding]:
    """Whose ports this user may not know: our own processes show them to root alone."""
    lives = {http: _lives(settings, http) for http in {wanted.http for wanted in hidden}}
    if ours := [wanted for wanted in hidden if lives[wanted.http]]:
        yield ABOUT.ok(f"in use, and Roomcast's /healthz answers: {', '.join(map(str, ours))}")
    for wanted in hidden:
        if not lives[wanted.http]:
            option = "-ulnp" if wanted.kind is socket.SOCK_DGRAM else "-tlnp"
            yield ABOUT.warn(
                f"{wanted} ({wanted.setting}) is in use, and only root sees by whom",
                f"as root, `ss {option} sport = :{wanted.address.port}` tells it",
            )


def _lives(settings: Settings, http: HostPort) -> bool:
    tls = http == settings.http_addr and bool(settings.tls_cert_file)
    return http.port < 65536 and answers("/healthz", http.host, http.port, tls=tls, header=alive.HEADER)


def _refused(wanted: Wanted, error: OSError) -> Finding:
    setting = wanted.setting
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
