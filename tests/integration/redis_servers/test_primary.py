"""Clients follow the primary: under Sentinels, and as the one that has our slot of a Redis Cluster."""

from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from deploy.doctor import redis_server
from deploy.doctor.finding import Verdict
from deploy.doctor.part import Part
from shared.bus import keys, primary
from shared.bus.batch import Batch
from shared.bus.connection import connect
from shared.directory.claims import Claims, RoomLimits
from shared.directory.directory import Directory
from shared.names import RoomName, WorkerId
from shared.settings.settings import load_settings
from tests.support.meanwhile import meanwhile
from tests.support.redis_servers import NAME, Server, Servers, as_cluster, under_sentinels
from tests.support.waiting import eventually

ROOM, WORKER = RoomName("demo"), WorkerId("w1")
FAILOVER_SECONDS = 20.0


async def test_clients_go_along_when_sentinels_name_another_primary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from a server that answers still: for ten seconds the former primary does not know."""
    monkeypatch.setattr(primary, "FOLLOW_SECONDS", 0.1)
    with under_sentinels(tmp_path, replicas=1, sentinels=1) as servers:
        async with connect(servers.url) as client, connect(servers.url) as another:
            await client.set("roomcast:test", 1)
            await another.set("roomcast:test", 1)
            former = servers.primary()
            with capture_logs() as logs:
                async with meanwhile(primary.follow(servers.url)):
                    servers.sentinels[0].client.execute_command("SENTINEL FAILOVER", NAME)
                    await eventually("it has moved", lambda: logs, FAILOVER_SECONDS)
                    await client.set("roomcast:test", 2)
                    await another.set("roomcast:test", 3)
        assert [entry["event"] for entry in logs] == ["the primary of Redis has moved"]
        assert former.client.get("roomcast:test") == b"1"
        [now] = [server for server in servers.servers if server is not former]
        assert now.client.get("roomcast:test") == b"3"
        assert logs[0]["primary"].endswith(f":{now.port}")
        await _doctor_says(servers, now, Verdict.WARN, "redis sentinels", "fewer than three")


async def test_a_primary_that_is_cut_off_from_its_replicas_is_left(tmp_path: Path) -> None:
    """It refuses writes (min-replicas-to-write), and Sentinels may know another one by now."""
    lines = ("min-replicas-to-write 1",)
    with under_sentinels(tmp_path, replicas=0, sentinels=1, lines=lines) as servers:
        async with connect(servers.url) as client:
            assert await client.get("roomcast:test") is None
            with pytest.raises(RedisConnectionError, match="primary no longer"):
                await client.set("roomcast:test", 2)
            with pytest.raises(RedisConnectionError, match="primary no longer"):  # as scripts say it
                await Directory(client).claim_room(ROOM, WORKER)


async def test_in_a_redis_cluster_all_keys_are_in_one_slot(tmp_path: Path) -> None:
    with as_cluster(tmp_path, primaries=1, replicas=0) as servers:
        async with connect(servers.url) as client:
            directory = Directory(client)
            assert await Claims(client, RoomLimits()).refresh([ROOM], WORKER, [None]) == []
            batch = Batch(client)
            batch.add("SADD", keys.room_copies(ROOM), "w2")
            batch.add("SADD", keys.room_copies(RoomName("another")), "w3")
            batch.add("EXISTS", keys.WORKERS, keys.TAKES_VIEWERS, keys.room_claim(ROOM))
            assert await batch.execute() == [1, 1, 1]
            holders = await directory.room_holders(ROOM)
            assert (holders.owner, holders.copies) == (WORKER, {WorkerId("w2")})
        own = servers.primary().client
        assert sorted(own.keys()) == [
            b"{roomcast}:epoch",
            b"{roomcast}:room:demo",
            b"{roomcast}:{roomcast:room:another}:copies",
            b"{roomcast}:{roomcast:room:demo}:copies",
            b"{roomcast}:{roomcast:room:demo}:since",
        ]
        own.flushall()
        await _doctor_says(
            servers, servers.primary(), Verdict.WARN, "redis cluster", "no replica can take over"
        )
        assert own.keys() == []
        alone = servers.url.replace("redis+cluster", "redis")
        findings = await redis_server.look(load_settings(redis_url=alone), Part.WORKER)
        assert findings[0].found.endswith("is a node of a Redis Cluster")


async def _doctor_says(servers: Servers, now: Server, verdict: Verdict, about: str, words: str) -> None:
    findings = await redis_server.look(load_settings(redis_url=servers.url), Part.WORKER)
    first, server, *others = findings
    assert (first.verdict, first.about) == (verdict, about)
    assert words in first.found
    assert {finding.verdict for finding in (server, *others)} == {Verdict.OK}
    assert server.found.endswith(f":{now.port}")


@pytest.mark.parametrize(
    ("url", "about", "words"),
    [
        ("redis+sentinel://:hush@127.0.0.1:1,127.0.0.1:2/main", "redis sentinels", "nobody answers at"),
        ("redis+cluster://:hush@127.0.0.1:1", "redis cluster", "nobody answers at 127.0.0.1:1"),
    ],
)
async def test_doctor_says_that_nobody_answers(url: str, about: str, words: str) -> None:
    [finding] = await redis_server.look(load_settings(redis_url=url), Part.WORKER)
    assert (finding.verdict, finding.about) == (Verdict.FAIL, about)
    assert words in finding.found
    assert "hush" not in finding.found + finding.mend


async def test_doctor_says_what_is_no_group_of_servers(valkey_url: str) -> None:
    place = valkey_url.partition("://")[2].removesuffix("/0")
    password = place[1:].partition("@")[0]
    for url, words in (
        (f"redis+cluster://{place}", "is no Redis Cluster"),
        (f"redis+sentinel://{place}/main?sentinel_password={password}", "is no Sentinel"),
    ):
        [finding] = await redis_server.look(load_settings(redis_url=url), Part.WORKER)
        assert finding.verdict is Verdict.FAIL
        assert words in finding.found
