"""Which connections a server holds, and which it ends when there are too many or one takes too long.

Does no I/O and reads no clock. A connection **waits** while its client owes something: of HTTP a TLS
handshake, the head of a request, the rest of a body, the next request; of media the first authentic check.
Otherwise it is being **answered**. Only connections that wait are ended: those that are overdue, and the
oldest when there is no room for a newcomer. So nobody locks others out by opening connections, and no answer
is cut off.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

REMEMBERED = 1024  # addresses: who asks once asks again soon


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a server takes from strangers. A client is an address, or a /64 of IPv6."""

    connections: int
    of_client: int  # unless it is a trusted proxy: many people may share an address
    waiting: int
    waiting_of_client: int


Limits = TypeVar("Limits", bound=ConnectionLimits)


class Connection(Protocol):
    def overdue(self) -> None:
        """The server calls this when the connection's client has taken too long."""

    def cut(self) -> None:
        """End the connection at once, without an answer."""


@dataclass(slots=True)
class _Client:
    trusted: bool
    connections: int = 0
    waiting: dict[Connection, None] = field(default_factory=dict)  # the one that waits longest is first


class Connections(Generic[Limits]):
    """All connections of a server. `trusts` says whose address is a trusted proxy's."""

    def __init__(self, limits: Limits, trusts: Callable[[str], bool] = lambda _address: False) -> None:
        self.limits = limits
        self.closed = 0  # to make room for others
        self.refused = 0  # for want of room
        self._trusts = trusts
        self._waiting: dict[Connection, float] = {}  # until when; the one that waits longest is first
        self._client_of: dict[Connection, str] = {}
        self._clients: dict[str, _Client] = {}

    def __len__(self) -> int:
        return len(self._client_of)

    def admit(self, newcomer: Connection, address: str, until: float) -> bool:
        """Take a connection in, overdue after `until`. False if there is no room, and none can be made."""
        name = client_of(address)
        client = self._clients.get(name) or _Client(self._trusts(address))
        if not self._make_room(client):
            self.refused += 1
            return False
        self._clients[name] = client
        self._client_of[newcomer] = name
        client.connections += 1
        self.wait(newcomer, until)
        return True

    def wait(self, connection: Connection, until: float) -> None:
        """Take that a connection waits from now on, and is overdue after `until`."""
        self.answer(connection)
        if connection in self._client_of:
            self._waiting[connection] = until
            self._clients[self._client_of[connection]].waiting[connection] = None

    def answer(self, connection: Connection) -> None:
        """Take that a connection is answered from now on."""
        if self._waiting.pop(connection, None) is not None:
            del self._clients[self._client_of[connection]].waiting[connection]

    def leave(self, connection: Connection) -> None:
        """Take that a connection has ended. May be called again."""
        self.answer(connection)
        name = self._client_of.pop(connection, None)
        if name is not None:
            self._clients[name].connections -= 1
            if not self._clients[name].connections:
                del self._clients[name]

    def look(self, now: float) -> None:
        """End the connections that are overdue."""
        for connection in [one for one, until in self._waiting.items() if until <= now]:
            connection.overdue()

    def _make_room(self, client: _Client) -> bool:
        limits = self.limits
        many = client.connections >= limits.of_client or len(client.waiting) >= limits.waiting_of_client
        if many and not client.trusted:
            return self._close_oldest(client.waiting)
        if len(self._waiting) >= limits.waiting or len(self) >= limits.connections:
            return self._close_oldest(self._waiting)
        return True

    def _close_oldest(self, waiting: Mapping[Connection, object]) -> bool:
        oldest = next(iter(waiting), None)
        if oldest is None:
            return False
        self.closed += 1
        self.leave(oldest)
        oldest.cut()
        return True


@lru_cache(REMEMBERED)
def client_of(address: str) -> str:
    """Names whoever has this address: an IPv6 host owns its /64, and could change its address at will."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:  # so a dual-stack socket shows IPv4
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
