"""Where clients are told that they reach this worker: at its own addresses, or where STUN servers see it."""

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

from media.negotiation.candidates import Candidate, Candidates
from media.transport.address import Address
from media.transport.mapping import Mapping
from media.transport.stun_client import StunClient
from media.transport.udp import UdpPort
from media.worker.addresses import named, own_addresses, reachable, sources
from shared.settings.host_port import HostPort
from shared.settings.setting_types import AUTO
from shared.telemetry.logging import get_logger

ANSWER_SECONDS = 3.0  # in which servers may answer
KEEP_ALIVE_SECONDS = 15.0  # as in RFC 8445 11: a NAT may forget a port that was silent for 30 s

log = get_logger()


class Nat(StrEnum):
    """What the servers' answers say about the way to a port."""

    UNKNOWN = "unknown"  # no server has answered yet
    FOUND = "found"  # all that answered saw it at the same address
    SYMMETRIC = "symmetric"  # each saw another one


class PublicAddress:
    """Owns the candidates of a worker with these UDP `ports`. `names` are MEDIA_PUBLIC_IPS.

    If there is no `auto` among them, it asks nobody. If there is nothing else, this host's own addresses are
    told, and followed when they change.
    """

    def __init__(self, ports: Sequence[UdpPort], names: Sequence[str], servers: Sequence[HostPort]) -> None:
        self._ports = tuple(ports)
        self._names = tuple(names)
        self._servers = servers
        self._client = StunClient(self._ports, servers) if AUTO in names else None
        self._mappings = (Mapping(),) * len(self._ports)
        self._silent = False  # no server answered the last question
        self.changes = 0  # of an address that was known
        self._tells_own = self._names in ((), (AUTO,))
        self._own = self._reachable()
        self.candidates = Candidates(self._told())

    def take(self, data: bytes, source: Address) -> bool:
        """Whether a STUN response answers a question of ours."""
        return self._client is not None and self._client.take(data, source)

    @property
    def nats(self) -> dict[str, Nat]:
        """What the NAT does, by address family; empty without `auto`."""
        if self._client is None:
            return {}
        return {_family(port): nat_of(one) for port, one in zip(self._ports, self._mappings, strict=True)}

    async def find(self) -> None:
        """Ask before clients come, and tell them what was found."""
        if self._client is not None:
            self.learn(await self._client.ask(ANSWER_SECONDS))

    async def keep(self) -> None:
        """Look again and again for what has changed. To ask again keeps the mapping alive, too."""
        while self._tells_own or self._client is not None:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            if self._tells_own:
                with suppress(OSError):  # no descriptor is left, for one: it must not end the sessions
                    self._follow(await asyncio.to_thread(self._reachable))  # the kernel may let that wait
            if self._client is not None:
                self.learn(await self._client.ask(ANSWER_SECONDS))

    def _follow(self, own: list[str]) -> None:
        """Tell this host's `own` addresses as they are now.

        A host that has loopback alone is without a network for a moment, and may come back as it was.
        """
        if own == self._own or all(ipaddress.ip_address(ip).is_loopback for ip in own):
            return
        log.info("this host's addresses changed: new clients are told these", was=self._own, addresses=own)
        self._own = own
        self.candidates.all = self._told()

    def learn(self, mappings: Sequence[Mapping]) -> None:
        """Take what the servers see of each port now."""
        self._note_silence(silent=not any(mapping.is_known for mapping in mappings))
        former, self._mappings = self._mappings, tuple(map(newer, self._mappings, mappings))
        for port, was, now in zip(self._ports, former, self._mappings, strict=True):
            self._report(port, was, now)
        if self._mappings != former:
            self.candidates.all = self._told()

    def _note_silence(self, *, silent: bool) -> None:
        if silent and not self._silent:
            known = any(mapping.is_known for mapping in self._mappings)
            (log.warning if known else log.error)(
                "no STUN server answers: the public address may change unnoticed"
                if known
                else "no STUN server answers: clients are told no public address",
                servers=[str(server) for server in self._servers],
                clients=[str(HostPort(*candidate)) for candidate in self.candidates.all],
            )
        elif self._silent and not silent:
            log.info("STUN servers answer again")
        self._silent = silent

    def _report(self, port: UdpPort, was: Mapping, now: Mapping) -> None:
        known, found = seen_at(port, was), seen_at(port, now)
        if found is None or (known, was.is_symmetric) == (found, now.is_symmetric):
            return
        number = port.address[1]
        if now.is_symmetric:
            log.error(
                "symmetric NAT: each destination sees another address, so clients do not reach this worker."
                " Forward the UDP port to it, and name the public address in MEDIA_PUBLIC_IPS;"
                " TURN does not help a server",
                port=number,
                seen=[str(HostPort(*each)) for each in now.seen],
            )
        elif known is None:
            log.info(
                "public address found", address=str(HostPort(*found)), port=number, servers=len(now.seen)
            )
        else:
            log.warning("public address changed", was=str(HostPort(*known)), address=str(HostPort(*found)))
        self.changes += known is not None

    def _told(self) -> tuple[Candidate, ...]:
        bound = [port.address for port in self._ports]
        public = [seen_at(*each) for each in zip(self._ports, self._mappings, strict=True)]
        told: list[Candidate] = []
        for name in self._names:
            told += filter(None, public) if name == AUTO else named([name], bound)
        if self._tells_own:
            told += named(self._own, bound)
        return tuple(dict.fromkeys(told))

    def _reachable(self) -> list[str]:
        """This host's own addresses at which the ports are reached, the most reachable first."""
        return reachable([port.address for port in self._ports], own_addresses(), sources())


def nat_of(mapping: Mapping) -> Nat:
    if not mapping.is_known:
        return Nat.UNKNOWN
    return Nat.SYMMETRIC if mapping.is_symmetric else Nat.FOUND


def newer(was: Mapping, now: Mapping) -> Mapping:
    """What to believe: the latest answers, unless fewer servers answered and say nothing new."""
    return was if len(now.seen) < len(was.seen) and set(now.seen) <= set(was.seen) else now


def seen_at(port: UdpPort, mapping: Mapping) -> Candidate | None:
    """Where clients reach `port`, as far as servers know.

    Behind a symmetric NAT that is its own number: clients get there if somebody has forwarded it.
    """
    if not mapping.is_known:
        return None
    ip, number = mapping.seen[0]
    return ip, port.address[1] if mapping.is_symmetric else number


def _family(port: UdpPort) -> str:
    return "ipv6" if ":" in str(port.address[0]) else "ipv4"
