"""Whom a process believes when the hosts disagree on where the primary is."""

from collections.abc import Mapping
from typing import Any

import pytest
from redis.asyncio.connection import Connection
from redis.exceptions import RedisError
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
    ("url", "kind"),
    [
        ("redis://h", Connection),
        ("rediss://h", module._Tls),
        ("redis+sentinel://h/mymaster/0", module._ToPrimary),
        ("rediss+sentinel://h/mymaster/0", module._TlsToPrimary),
        ("redis+cluster://h", module._ToSlot),
        ("rediss+cluster://h", module._TlsToSlot),
    ],
)
def test_each_kind_of_url_has_its_connections(url: str, kind: type) -> None:
    options = module.connection_options(url)
    assert options["connection_class"] is kind
    assert ("primary" in options) is ("+" in url)


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
