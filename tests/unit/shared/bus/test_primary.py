"""Whom a process believes when the hosts disagree on where the primary is."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from structlog.testing import capture_logs

from shared.bus import primary as module
from shared.bus.primary import MAX_NODES, SLOT, Primary, SentinelPrimary, SlotPrimary
from shared.settings.host_port import HostPort
from shared.settings.redis_url import parse_redis_url

HOSTS = ("s1", "s2", "s3")
OLD, NEW = HostPort("old", 6379), HostPort("new", 6379)
MOVED = "the primary of Redis has moved"


class Scripted(Primary):
    """`says`: what each host answers; those that are missing do not know."""

    def __init__(self) -> None:
        hosts = ",".join(f"{host}:26379" for host in HOSTS)
        super().__init__(parse_redis_url(f"redis+sentinel://{hosts}/mymaster/0"))
        self.says: Mapping[str, HostPort | Exception] = dict.fromkeys(HOSTS, OLD)
        self.asked: list[str] = []

    async def _ask(self, host: HostPort) -> HostPort | None:
        self.asked.append(host.host)
        answer = self.says.get(host.host)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def primary() -> Scripted:
    primary = Scripted()
    assert await primary.find() == OLD
    return primary


async def test_a_host_that_does_not_know_of_the_move_yet_changes_nothing(primary: Scripted) -> None:
    with capture_logs() as logs:
        primary.says = {"s2": NEW}
        assert await primary.find() == NEW
        for late in HOSTS:
            primary.says = dict.fromkeys(HOSTS, NEW) | {late: OLD}
            for _ in HOSTS:
                assert await primary.find() == NEW
    assert [entry["event"] for entry in logs] == [MOVED]


async def test_where_all_name_the_former_one_it_has_come_back(primary: Scripted) -> None:
    primary.says = dict.fromkeys(HOSTS, NEW)
    assert await primary.find() == NEW
    primary.says = dict.fromkeys(HOSTS, OLD)
    with capture_logs() as logs:
        assert await primary.find() == OLD
    assert [entry["event"] for entry in logs] == [MOVED]


async def test_where_nobody_knows_none_is_made_up(primary: Scripted) -> None:
    primary.says = {}
    with pytest.raises(RedisError):
        await primary.find()
    assert primary.known == OLD


@pytest.mark.parametrize("fault", [ValueError("nonsense"), OSError(), TimeoutError()])
async def test_a_host_that_fails_is_one_that_does_not_know(primary: Scripted, fault: Exception) -> None:
    primary.says = {"s1": fault, "s2": fault, "s3": NEW}
    assert await primary.find() == NEW
    primary.says = dict.fromkeys(HOSTS, fault)
    with pytest.raises(RedisError):
        await primary.find()


async def test_a_sentinel_names_the_primary_of_its_name_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    sentinel = SentinelPrimary(parse_redis_url("redis+sentinel://s1:26379/ours/0"))
    names = {"ours": [b"10.0.0.7", b"6380"]}

    async def reply(_host: HostPort, _options: Any, *command: str) -> Any:
        assert command[:2] == ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")
        return names.get(command[2])

    monkeypatch.setattr(sentinel, "_reply", reply)
    assert await sentinel.find() == HostPort("10.0.0.7", 6380)
    names.clear()
    with pytest.raises(RedisError):
        await sentinel.find()


async def test_who_named_a_server_that_is_no_primary_is_asked_last(primary: Scripted) -> None:
    primary.doubt(NEW)  # which is not what it named: this comes late
    primary.asked.clear()
    await primary.find()
    assert primary.asked == ["s1"]
    primary.doubt(OLD)
    primary.asked.clear()
    await primary.find()
    assert primary.asked == ["s2"]


async def test_who_does_not_know_is_asked_last(primary: Scripted) -> None:
    primary.says = {"s3": OLD}
    primary.asked.clear()
    await primary.find()
    await primary.find()
    assert primary.asked == ["s1", "s2", "s3", "s3"]


@pytest.mark.parametrize(
    ("url", "kind", "asks"),
    [
        ("unix:///redis.sock", module._Unix, None),
        ("redis://h", module._Tcp, None),
        ("rediss://h", module._Tls, None),
        ("redis+sentinel://h/mymaster/0", module._ToPrimary, SentinelPrimary),
        ("rediss+sentinel://h/mymaster/0", module._TlsToPrimary, SentinelPrimary),
        ("redis+cluster://h", module._ToSlot, SlotPrimary),
        ("rediss+cluster://h", module._TlsToSlot, SlotPrimary),
    ],
)
def test_each_kind_of_url_has_its_connections(url: str, kind: type, asks: type | None) -> None:
    options = module.connection_options(url)
    assert options["connection_class"] is kind
    primary = options.get("primary")
    assert (type(primary) if primary else None) is asks
    assert primary is None or primary._kind is (module._Tls if url.startswith("rediss") else module._Tcp)


def test_keys_are_in_our_slot_of_a_cluster_and_nothing_else_is_changed() -> None:
    connection = module._ToSlot(primary=Scripted())
    [packed] = connection.pack_command("EVALSHA", "roomcast:workers", b"roomcast:x", 5)
    assert packed.split(b"\r\n")[2::2] == [b"EVALSHA", b"{roomcast}:workers", b"roomcast:x", b"5"]


def test_commands_are_packed_as_redis_py_packs_them() -> None:
    command = ("SCRIPT LOAD", "ü", b"\xff\r\n", 5, 1.5, "")
    assert b"".join(module._Tcp().pack_command(*command)) == b"".join(Connection().pack_command(*command))


async def test_certificates_are_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def connect(_: Any) -> None:
        done.append("connected")

    monkeypatch.setattr(SSLConnection, "_connect", connect)
    connection: Any = module._Tls()
    connection.ssl_context = SimpleNamespace(get=lambda: done.append(threading.current_thread().name))
    await connection._connect()
    assert done[1:] == ["connected"]
    assert done[0] != threading.current_thread().name


async def test_the_primary_is_looked_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    await module.follow("redis://h")  # which is the server itself
    finds, beats = list[int](), list[float]()

    async def find() -> None:
        finds.append(1)
        raise RedisError

    async def sleep(seconds: float) -> None:
        beats.append(seconds)
        if len(beats) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(module, "primary_of", lambda _: SimpleNamespace(find=find))
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(asyncio.CancelledError):
        await module.follow("redis+cluster://h")
    assert (len(finds), beats) == (3, [module.FOLLOW_SECONDS] * 3)


def connection_to(
    primary: Scripted, monkeypatch: pytest.MonkeyPatch, connect: Callable[[], None] = lambda: None
) -> Any:
    """A connection of no socket; `connect` is called when it has connected."""
    connection = module._ToPrimary(primary=primary)

    async def connected(self: Any) -> None:
        connect()
        self._reader = self._writer = MagicMock()

    monkeypatch.setattr(Connection, "_connect", connected)
    return connection


async def test_a_connection_goes_to_the_primary_until_that_moves(
    primary: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(primary, monkeypatch)
    await connection._connect()
    assert (connection.host, connection.port) == OLD
    assert connection.is_connected
    primary.says = dict.fromkeys(HOSTS, NEW)
    await primary.find()
    assert not connection.is_connected


async def test_a_primary_that_moves_while_somebody_connects_is_an_error(
    primary: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(primary, monkeypatch, lambda: setattr(primary, "known", NEW))
    with pytest.raises(RedisConnectionError):
        await connection._connect()
    assert not connection.is_connected


async def test_who_named_a_server_that_does_not_answer_is_asked_last(
    primary: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError

    with pytest.raises(OSError):
        await connection_to(primary, monkeypatch, refuse)._connect()
    assert primary._hosts[-1].host == "s1"


@pytest.mark.parametrize(
    ("error", "is_former"),
    [
        ("READONLY You can't write", True),
        ("NOREPLICAS Not enough", True),
        ("MOVED 1 h:1", True),
        ("ERR", False),
    ],
)
async def test_a_server_that_says_it_is_no_primary_is_left(
    error: str, is_former: bool, primary: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: Any) -> None:
        raise ResponseError(error)

    connection = connection_to(primary, monkeypatch)
    await connection._connect()
    monkeypatch.setattr(Connection, "read_response", answer)
    with pytest.raises(RedisConnectionError if is_former else ResponseError):
        await connection.read_response()
    assert connection.is_connected is not is_former
    assert (primary._hosts[-1].host == "s1") is is_former
    await connection.disconnect(nowait=True)


class Answering(SlotPrimary):
    """Each host answers `CLUSTER SLOTS` with `slots`."""

    def __init__(self, slots: list[Any]) -> None:
        super().__init__(parse_redis_url("redis+cluster://seed:7000"))
        self.slots = slots

    async def _reply(self, host: HostPort, options: Any, *command: str) -> Any:
        assert command == ("CLUSTER", "SLOTS")
        return self.slots


def node(host: bytes | None, port: int) -> list[Any]:
    return [host, port, b"id"]


async def test_of_a_cluster_the_first_node_of_our_slot_is_the_primary() -> None:
    before, after = SLOT - 1, SLOT + 1
    primary = Answering(
        [
            [0, before, node(b"a", 7001)],
            [SLOT, SLOT, node(b"b", 7002), node(b"replica", 7003)],
            [after, 16383, node(b"c", 7004)],
        ]
    )
    assert await primary.find() == HostPort("b", 7002)
    assert {host.host for host in primary._hosts} == {"seed", "a", "b", "replica", "c"}


async def test_a_node_that_does_not_know_its_address_is_where_it_was_asked() -> None:
    for unknown in (b"", None):
        assert await Answering([[0, 16383, node(unknown, 7001)]]).find() == HostPort("seed", 7001)


async def test_where_our_slot_is_nobody_s_there_is_no_primary() -> None:
    with pytest.raises(RedisError):
        await Answering([[0, SLOT - 1, node(b"a", 7001)]]).find()


async def test_nodes_of_a_cluster_are_remembered_in_a_bounded_number() -> None:
    many = [node(f"n{number}".encode(), 7000) for number in range(2 * MAX_NODES)]
    primary = Answering([[0, 16383, *many]])
    await primary.find()
    assert len(primary._hosts) == MAX_NODES


async def test_a_host_is_asked_over_a_connection_of_its_own(valkey_url: str) -> None:
    server = parse_redis_url(valkey_url)
    primary = SlotPrimary(parse_redis_url("redis+cluster://seed:7000"))
    assert await primary._reply(server.hosts[0], server.options, "PING") == b"PONG"
