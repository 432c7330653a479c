"""Redis: away, silent, full, a replica, of another time."""

import socket
from collections.abc import Iterator

import pytest
from redis import Redis

from deploy.doctor import redis_server
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tests.support.system import LOOPBACK


@pytest.fixture(scope="module")
def own_url() -> Iterator[str]:
    """A Valkey that these tests may spoil."""
    valkey = OwnValkey(free_port())
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


@pytest.mark.parametrize(
    ("maxmemory", "policy", "verdict", "words"),
    [
        (0, "noeviction", Verdict.OK, "no limit"),
        (100_000_000, "noeviction", Verdict.OK, "90 MB of 100 MB"),
        (100_000_000, "volatile-lru", Verdict.FAIL, "volatile-lru"),
        (99_000_000, "noeviction", Verdict.FAIL, "soon it refuses offers"),
    ],
)
def test_one_that_is_nearly_full_or_throws_keys_away_is_a_failure(
    maxmemory: int, policy: str, verdict: Verdict, words: str
) -> None:
    info = {"maxmemory": maxmemory, "used_memory": 90_000_000, "maxmemory_policy": policy}
    finding = redis_server.memory(info, "default")
    assert finding.verdict is verdict
    assert words in finding.found


@pytest.mark.parametrize("hidden", ["maxmemory", "used_memory", "maxmemory_policy"])
def test_one_that_does_not_say_what_it_may_use_is_a_warning(hidden: str) -> None:
    info = {"maxmemory": 100_000_000, "used_memory": 90_000_000, "maxmemory_policy": "noeviction"}
    del info[hidden]
    finding = redis_server.memory(info, "default")
    assert finding.verdict is Verdict.WARN
    assert "does not say" in finding.found


@pytest.mark.parametrize(
    ("skew", "verdict", "words"),
    [
        (-2.0, Verdict.OK, "differ by 2.000 s"),
        (2.1, Verdict.WARN, "2.1 s ahead of Redis"),
        (-3600.0, Verdict.WARN, "3600.0 s behind Redis"),
    ],
)
def test_a_clock_that_differs_is_told(skew: float, verdict: Verdict, words: str) -> None:
    finding = redis_server.clock(skew)
    assert finding.verdict is verdict
    assert words in finding.found


@pytest.mark.parametrize(
    ("hello", "verdict", "words", "is_writable"),
    [
        ({}, Verdict.FAIL, "too old", True),
        ({"version": "6.0.16"}, Verdict.FAIL, "Redis 6.0.16 at there:1 is too old", True),
        *(({"version": version}, Verdict.OK, "answers", True) for version in ("6.2.0", "7.0.1", "8.0.2")),
        ({"version": "7.4.0", "mode": "cluster"}, Verdict.FAIL, "is a node of a Redis Cluster", False),
        ({"version": "7.4.0", "mode": "sentinel"}, Verdict.FAIL, "is a Sentinel", False),
        ({"version": "7.4.0", "role": "replica"}, Verdict.FAIL, "is a replica", False),
    ],
)
def test_a_server_that_roomcast_cannot_use_is_a_failure(
    hello: dict[str, str], verdict: Verdict, words: str, is_writable: bool
) -> None:
    finding, writable = redis_server.server("there:1", {"server": "redis"} | hello)
    assert (finding.verdict, writable) == (verdict, is_writable)
    assert words in finding.found


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
