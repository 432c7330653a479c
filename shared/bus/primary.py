"""Where the primary is, and connections that go there.

Sentinels tell the primary of their replicas, nodes of a Redis Cluster that of our slot. They are asked for
each new connection, and every two seconds: a server that another one replaces may hang, or answer for long.
As soon as one client of this process learns that the primary has moved, the connections of all to the former
one end. A connection also ends itself when its server says that it is the primary no longer.

In a Redis Cluster all keys lie in one slot, so in one server, as everywhere else: decision 22.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from inspect import signature
from math import inf
from time import monotonic
from typing import Any, cast
from weakref import WeakSet

from redis.asyncio.connection import (
    AbstractConnection,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from shared.bus.keys import PREFIX
from shared.settings.host_port import HostPort
from shared.settings.redis_url import Kind, RedisUrl, parse_redis_url
from shared.telemetry.logging import get_logger

# Three hosts that hang are asked within the second that a call may take.
ASK_SECONDS = 0.3
FOLLOW_SECONDS = 2.0
MAX_NODES = 64  # of a Redis Cluster, remembered
# For so long after a move a host that names the former primary may not know of it: others are asked first.
NEWS_SECONDS = 30.0
NEVER_AGAIN = Retry(NoBackoff(), 0)
CLUSTER_PREFIX = "{roomcast}:"
SLOT = key_slot(b"roomcast")
# Errors of a server that is the primary no longer, also as scripts of Redis 6 report them: it was demoted, it
# is cut off from its replicas (min-replicas-to-write), or our slot is elsewhere.
_NOT_PRIMARY = ("READONLY", "NOREPLICAS", "MOVED ")

# redis-py reads its own version from the disk for each connection, to tell it to the server: have it tell
# nothing. Its releases have two ways to say so.
_NAMELESS: dict[str, None] = (
    {"driver_info": None}
    if "driver_info" in signature(AbstractConnection.__init__).parameters
    else {"lib_name": None, "lib_version": None}
)

log = get_logger()


class _PackedInC:
    """Packs commands with hiredis, as connections of redis-py do that are not asyncio's.

    Packing them in Python is 8 % of what a worker at rest executes, and 3 % of a join.
    """

    _serializer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        return cast(list[bytes], self._serializer.pack(*args))


class _Tcp(_PackedInC, Connection):
    pass


class _Unix(_PackedInC, UnixDomainSocketConnection):
    pass


class _Tls(_PackedInC, SSLConnection):
    async def _connect(self) -> None:
        """Connect. Certificates are read for each connection: in a thread, which may wait for the disk."""
        await asyncio.to_thread(self.ssl_context.get)
        await super()._connect()  # type: ignore[no-untyped-call]


async def follow(url: str) -> None:
    """Notice until cancelled when the primary of a REDIS_URL has moved. Returns if it cannot."""
    primary = primary_of(url)
    while primary is not None:
        with suppress(RedisError):
            await primary.find()
        await asyncio.sleep(FOLLOW_SECONDS)


@lru_cache(maxsize=8)
def primary_of(url: str) -> "Primary | None":
    """The one `Primary` for all clients of a REDIS_URL. None: the URL names the server itself."""
    parsed = parse_redis_url(url)
    if parsed.kind is Kind.SERVER:
        return None
    return SentinelPrimary(parsed) if parsed.kind is Kind.SENTINEL else SlotPrimary(parsed)


def connection_options(url: str) -> dict[str, Any]:
    """What a pool of redis-py needs to make connections. Raises `ValueError` if `url` is no REDIS_URL."""
    parsed, primary = parse_redis_url(url), primary_of(url)
    options = dict(parsed.options) | _NAMELESS
    if parsed.path:
        return options | {"connection_class": _Unix, "path": parsed.path}
    if primary is None:
        [server] = parsed.hosts
        kind = _Tls if parsed.tls else _Tcp
        return options | {"connection_class": kind, "host": server.host, "port": server.port}
    following = {
        (Kind.SENTINEL, False): _ToPrimary,
        (Kind.SENTINEL, True): _TlsToPrimary,
        (Kind.CLUSTER, False): _ToSlot,
        (Kind.CLUSTER, True): _TlsToSlot,
    }
    return options | {"connection_class": following[parsed.kind, parsed.tls], "primary": primary}


class Primary(ABC):
    """Asks hosts one after the other: first the one that answered last, last those that did not.

    `known` is where the primary is, as any client of this process has heard last.
    """

    def __init__(self, url: RedisUrl) -> None:
        self.known: HostPort | None = None
        self._hosts = list(url.hosts)
        self._told_by: HostPort | None = None
        self._former: HostPort | None = None
        self._moved_at = -inf
        self._kind = _Tls if url.tls else _Tcp
        self._connections: WeakSet[_ToPrimary] = WeakSet()

    async def find(self) -> HostPort:
        """Raises `RedisError` when nobody knows."""
        cause: Exception | None = None
        old_news: tuple[HostPort, HostPort] | None = None  # who said what
        for host in list(self._hosts):
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    found = await self._ask(host)
            except Exception as error:  # of any kind: an answer may be nonsense
                found, cause = None, error
            if found is not None and not self._is_old_news(found):
                return await self._believe(host, found)
            if found is not None:
                old_news = old_news or (host, found)
            self._ask_last(host)
        if old_news is not None:  # all say so: it has come back
            return await self._believe(*old_news)
        raise RedisConnectionError("nobody knows the primary") from cause

    def _is_old_news(self, found: HostPort) -> bool:
        return found == self._former and monotonic() - self._moved_at < NEWS_SECONDS

    async def _believe(self, host: HostPort, found: HostPort) -> HostPort:
        self._hosts.sort(key=lambda other: other != host)
        self._told_by = host
        await self._move(found)
        return found

    def doubt(self, place: tuple[str, int]) -> None:
        """Ask another host first next time: the server that was found is no primary."""
        if self._told_by is not None and place == self.known:  # not of a former one, which is late
            self._ask_last(self._told_by)

    def leads(self, connection: "_ToPrimary") -> None:
        """Tell this connection when the primary has moved."""
        self._connections.add(connection)

    def _ask_last(self, host: HostPort) -> None:
        self._hosts.sort(key=lambda other: other == host)

    async def _move(self, found: HostPort) -> None:
        before, self.known = self.known, found
        if before in (None, found):
            return
        self._former, self._moved_at = before, monotonic()
        log.warning("the primary of Redis has moved", primary=str(found))
        for connection in list(self._connections):
            await connection.leave_former()

    @abstractmethod
    async def _ask(self, host: HostPort) -> HostPort | None:
        """Ask one host; None: it does not know the primary."""

    async def _reply(self, host: HostPort, options: Any, *command: str) -> Any:
        connection = self._kind(host=host.host, port=host.port, retry=NEVER_AGAIN, **options)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command(*command)
            return await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)


class SentinelPrimary(Primary):
    def __init__(self, url: RedisUrl) -> None:
        super().__init__(url)
        self._name = url.primary
        self._options = dict(url.sentinel_options) | _NAMELESS

    async def _ask(self, host: HostPort) -> HostPort | None:
        reply = await self._reply(host, self._options, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._name)
        return None if reply is None else HostPort(_text(reply[0]), int(reply[1]))


class SlotPrimary(Primary):
    """Remembers the nodes that it hears of, since those of the URL may leave."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__(url)
        self._options = dict(url.options) | _NAMELESS

    async def _ask(self, host: HostPort) -> HostPort | None:
        found: HostPort | None = None
        for first, last, *nodes in await self._reply(host, self._options, "CLUSTER", "SLOTS"):
            # a node that does not know its own address is where it was asked
            places = [HostPort(_text(node[0] or b"") or host.host, int(node[1])) for node in nodes]
            self._remember(places)
            if first <= SLOT <= last:
                found = places[0]
        return found

    def _remember(self, places: Iterable[HostPort]) -> None:
        self._hosts += [place for place in dict.fromkeys(places) if place not in self._hosts]
        del self._hosts[MAX_NODES:]


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


class _ToPrimary(_Tcp):
    def __init__(self, *, primary: Primary, **options: Any) -> None:
        super().__init__(**options)
        self._primary = primary

    async def _connect(self) -> None:
        self.host, self.port = await self._primary.find()
        try:
            await super()._connect()  # type: ignore[no-untyped-call]
        except BaseException:
            self._primary.doubt((self.host, self.port))
            raise
        self._primary.leads(self)
        await self.leave_former()  # perhaps it has moved meanwhile
        if not self.is_connected:
            raise RedisConnectionError("the primary has just moved")

    async def leave_former(self) -> None:
        """End this connection, also under a task that waits for an answer, if it goes to a former primary."""
        if (self.host, self.port) != self._primary.known:
            await self.disconnect(nowait=True)

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ResponseError as error:
            if not any(sign in str(error) for sign in _NOT_PRIMARY):
                raise
            self._primary.doubt((self.host, self.port))
            await self.disconnect(nowait=True)
            raise RedisConnectionError("the server is the primary no longer") from error


class _ToSlot(_ToPrimary):
    """Puts all keys into our slot, by their names."""

    def pack_command(self, *args: Any) -> list[bytes]:
        return super().pack_command(*map(in_slot, args))


class _TlsToPrimary(_ToPrimary, _Tls):
    pass


class _TlsToSlot(_ToSlot, _Tls):
    pass


def in_slot(argument: Any) -> Any:
    """The name of a key as it is in a Redis Cluster; everything else as it is."""
    if isinstance(argument, str) and argument.startswith(PREFIX):
        return CLUSTER_PREFIX + argument.removeprefix(PREFIX)
    return argument
