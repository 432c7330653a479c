"""Redis, as it really is: away, silent, full, a replica, of another time."""

import socket
import subprocess
from collections.abc import Iterator

import pytest
from redis import Redis

from deploy.doctor import redis_server
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from deploy.tether import tethered
from deploy.valkey import EmbeddedValkey, server_program
from shared.settings.settings import load_settings
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK


@pytest.fixture(scope="module")
def own_url() -> Iterator[str]:
    """A Valkey that these tests may spoil."""
    valkey = EmbeddedValkey(free_port())
    valkey.start()
    yield valkey.url
    valkey.stop()


@pytest.fixture
def own(own_url: str) -> Iterator[Redis]:
    with Redis.from_url(own_url) as redis:
        yield redis


async def found(url: str, part: Part = Part.UP) -> dict[str, Finding]:
    findings = await redis_server.look(load_settings(redis_url=url), part)
    if url:
        assert all(url.partition("@")[0] not in finding.found + finding.mend for finding in findings)
    return {finding.about: finding for finding in findings}


async def test_a_good_one_is_named(valkey_url: str) -> None:
    findings = await found(valkey_url)
    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}
    assert findings["redis"].found.startswith("Valkey 9.")
    assert valkey_url.rpartition("@")[2].removesuffix("/0") in findings["redis"].found
    assert set(findings) == {"redis", "clock", "redis memory", "redis rights"}


async def test_without_a_url_up_has_its_own() -> None:
    assert (await found(""))["redis"].verdict is Verdict.OK
    assert (await found("", Part.WORKER))["redis"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"redis://:hush@{LOOPBACK}:1", "Connection refused"),
        ("redis://:hush@nowhere.invalid:6379", "its name is not known"),
        ("unix:///nowhere/redis.sock", "/nowhere/redis.sock cannot be reached: No such file or directory"),
    ],
)
async def test_one_that_is_away_is_a_failure(url: str, reason: str) -> None:
    [finding] = (await found(url)).values()
    assert finding.verdict is Verdict.FAIL
    assert finding.found.endswith(reason)
    assert "hush" not in finding.found


async def test_one_that_says_nothing_is_a_failure() -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        [finding] = (await found(f"redis://{LOOPBACK}:{silent.getsockname()[1]}")).values()
    assert finding.verdict is Verdict.FAIL
    assert finding.found.endswith("no answer")


@pytest.mark.parametrize("credentials", ["redis://:wrong-hush@", "redis://nobody:wrong-hush@", "redis://"])
async def test_a_wrong_password_is_told_and_not_shown(valkey_url: str, credentials: str) -> None:
    [finding] = (await found(credentials + valkey_url.rpartition("@")[2])).values()
    assert finding.verdict is Verdict.FAIL
    assert "refuses the user or the password" in finding.found
    assert "hush" not in finding.found + finding.mend


async def test_one_that_throws_keys_away_is_a_failure(own: Redis, own_url: str) -> None:
    own.config_set("maxmemory", "100mb")
    own.config_set("maxmemory-policy", "volatile-lru")
    try:
        finding = (await found(own_url))["redis memory"]
    finally:
        own.config_set("maxmemory-policy", "noeviction")
    assert finding.verdict is Verdict.FAIL
    assert "volatile-lru" in finding.found
    assert (await found(own_url))["redis memory"].verdict is Verdict.OK


async def test_one_that_is_nearly_full_is_a_failure(own: Redis, own_url: str) -> None:
    own.config_set("maxmemory", 1_000_000)  # less than an empty one needs
    try:
        finding = (await found(own_url))["redis memory"]
    finally:
        own.config_set("maxmemory", 0)
    assert finding.verdict is Verdict.FAIL


async def test_a_replica_is_a_failure(own: Redis, own_url: str) -> None:
    own.replicaof(LOOPBACK, free_port())
    try:
        findings = await found(own_url)
    finally:
        own.replicaof("NO", "ONE")
    assert findings["redis"].verdict is Verdict.FAIL
    assert "is a replica" in findings["redis"].found


@pytest.fixture
def url_of_an_hour_ahead() -> Iterator[str]:
    """A Valkey that believes so. `faketime` itself would be a second process, and let Valkey outlive it."""
    told = subprocess.run(["faketime", "now", "printenv", "LD_PRELOAD"], capture_output=True, text=True)
    valkey = EmbeddedValkey(free_port())
    preload = f"LD_PRELOAD={told.stdout.strip()}"
    valkey.command = tethered(["env", preload, "FAKETIME=+1h", server_program(), "/dev/stdin"])
    valkey.start()
    yield valkey.url
    valkey.stop()


async def test_a_clock_that_differs_is_told(url_of_an_hour_ahead: str) -> None:
    finding = (await found(url_of_an_hour_ahead))["clock"]
    assert finding.verdict is Verdict.WARN
    assert "s behind Redis" in finding.found
    assert 3590 < float(finding.found.split()[3]) < 3610


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({}, "too old"),
        ({"server": "redis", "version": "6.0.16"}, "Redis 6.0.16 at there:1 is too old"),
        ({"server": "redis", "version": "7.4.0", "mode": "cluster"}, "is a node of a Redis Cluster"),
        ({"server": "redis", "version": "7.4.0", "mode": "sentinel"}, "is a Sentinel"),
    ],
)
def test_a_server_that_roomcast_cannot_use_is_a_failure(hello: dict[str, str], words: str) -> None:
    finding, _ = redis_server.server("there:1", hello)
    assert finding.verdict is Verdict.FAIL
    assert words in finding.found


@pytest.mark.parametrize("version", ["6.2.0", "7.0.1", "8.0.2"])
def test_redis_from_6_2_on_is_well(version: str) -> None:
    finding, writable = redis_server.server("there:1", {"server": "redis", "version": version})
    assert finding.verdict is Verdict.OK
    assert writable


async def test_a_user_who_may_do_nothing_is_told_of_the_rights(own: Redis, own_url: str) -> None:
    own.acl_setuser("idle", enabled=True, passwords="+hush", keys="roomcast:*", categories=["-@all"])
    findings = await found(f"redis://idle:hush@{own_url.rpartition('@')[2]}")
    assert findings["redis rights"].verdict is Verdict.FAIL
    assert findings["redis"].verdict is Verdict.OK
    assert findings["clock"].verdict is Verdict.FAIL


async def test_a_user_who_may_not_ask_for_the_memory_is_told_how(own: Redis, own_url: str) -> None:
    own.acl_setuser(
        "plain", enabled=True, passwords="+hush", keys="roomcast:*", categories=["+@all", "-@dangerous"]
    )
    finding = (await found(f"redis://plain:hush@{own_url.rpartition('@')[2]}"))["redis memory"]
    assert finding.verdict is Verdict.WARN
    assert finding.mend == "ACL SETUSER plain +info"
