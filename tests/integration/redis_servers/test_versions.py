"""Redis and Valkey as Debian has them, with TLS by an authority of one's own, and as a user of few rights."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from deploy.doctor import redis_server
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.names import RoomName, WorkerId
from shared.settings.settings import load_settings
from tests.support.certificate import new_certificate
from tests.support.redis_servers import Servers, alone, as_cluster, executables, under_sentinels

STATUS = WorkerStatus(id="w1", state=WorkerState.READY, http_url="")
ROOM = RoomStatus(name="demo", has_publisher=True, tracks=2, subscribers=0)
USERS = Path(__file__).parents[3] / "deploy" / "redis" / "users.acl"


@pytest.mark.parametrize("executable", ["redis", "valkey"])
async def test_over_tls_with_an_authority_of_ones_own(tmp_path: Path, executable: str) -> None:
    program = executables(tmp_path)[executable]
    with alone(tmp_path, program, new_certificate(tmp_path)) as servers:
        await _announce(servers.url)
        findings = await redis_server.look(load_settings(redis_url=servers.url), Part.WORKER)
        assert {finding.verdict for finding in findings} == {Verdict.OK}
        assert findings[0].found.startswith(executable.capitalize())
        untrusting, _, _ = servers.url.partition("?")
        with pytest.raises(RedisError):
            await _announce(untrusting)
        [finding] = await redis_server.look(load_settings(redis_url=untrusting), Part.WORKER)
        assert "self-signed certificate" in finding.found


async def _announce(url: str) -> None:
    async with connect(url) as redis:
        directory, name, worker = Directory(redis), RoomName("demo"), WorkerId("w1")
        assert await directory.beat(STATUS, [name], [ROOM]) == []
        assert (await directory.room_holders(name)).owner == worker  # claimed at once: the room is there
        assert await directory.draw_workers(2) == [worker]
        assert (await directory.records([worker]))[worker].packed.keys() == {"demo"}


async def test_sentinels_over_tls(tmp_path: Path) -> None:
    program = executables(tmp_path)["valkey"]
    certificate = new_certificate(tmp_path)
    with under_sentinels(tmp_path, program, replicas=1, sentinels=1, tls=certificate) as servers:
        assert servers.url.startswith("rediss+sentinel://")
        await _announce(servers.url)
        findings = await redis_server.look(load_settings(redis_url=servers.url), Part.WORKER)
        assert {finding.verdict for finding in findings[1:]} == {Verdict.OK}


@pytest.mark.soak
@pytest.mark.parametrize("executable", ["bundled", "redis", "valkey"])
@pytest.mark.parametrize("group", [under_sentinels, as_cluster], ids=["sentinels", "cluster"])
async def test_the_shipped_user_may_do_all_in_each_group(
    tmp_path: Path, group: Callable[..., AbstractContextManager[Servers]], executable: str
) -> None:
    rules = (
        USERS.read_text().partition("user roomcast ")[2].replace("#SHA-256-OF-THE-PASSWORD", ">pw").split()
    )
    with group(tmp_path, executables(tmp_path)[executable]) as servers:
        for server in servers.servers:
            server.client.execute_command("ACL", "SETUSER", "roomcast", *rules)
        url = servers.url.replace("://:hush@", "://roomcast:pw@")
        await _announce(url)
        findings = await redis_server.look(load_settings(redis_url=url), Part.WORKER)
        assert {finding.verdict for finding in findings} == {Verdict.OK}, findings
        servers.primary().client.execute_command("ACL", "SETUSER", "roomcast", "-zadd")
        findings = await redis_server.look(load_settings(redis_url=url), Part.WORKER)
        assert findings[-1].mend.startswith("ACL SETUSER roomcast +zadd")
