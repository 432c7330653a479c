"""Whom a process believes when the hosts disagree on where the primary is."""

from collections.abc import Mapping

import pytest
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from shared.bus.primary import Primary
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
        self.says: Mapping[str, HostPort] = dict.fromkeys(HOSTS, OLD)

    async def _ask(self, host: HostPort) -> HostPort | None:
        return self.says.get(host.host)


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
