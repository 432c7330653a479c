"""The rights of a user of Redis: each that is lacking is named, and the advice mends it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from deploy.doctor import redis_rights
from deploy.doctor.finding import Finding, Verdict
from shared.bus.connection import connect
from shared.settings.redis_url import parse_redis_url

ROOT = Path(__file__).parents[4]
SCRIPTS = [*ROOT.glob("shared/**/*.lua"), *ROOT.glob("control/**/*.lua")]
Grant = Callable[..., str]


@pytest.fixture
def administrator(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis
        redis.acl_deluser("limited")


@pytest.fixture
def grant(administrator: Redis, redis_url: str) -> Grant:
    """URL of a user who may do everything with our keys, but for what further rules take."""

    def grant(*rules: str) -> str:
        allowed = ("on", ">hush", "~roomcast:*", "+@all", *rules)
        administrator.execute_command("ACL", "SETUSER", "limited", *allowed)  # type: ignore[no-untyped-call]
        return f"redis://limited:hush@{redis_url.rpartition('@')[2]}"

    return grant


async def look(url: str) -> Finding:
    async with connect(url) as redis:
        return await redis_rights.look(redis, parse_redis_url(url))


@pytest.mark.parametrize(
    ("taken", "rules"),
    [
        (["-hgetall"], "+hgetall"),
        (["-blpop", "-zadd"], "+blpop +zadd"),
        (["-evalsha"], "+evalsha"),
        (["-script"], "+script|load"),
        (["-time"], "+time"),
        (["-ping"], "+ping"),
        (["-del"], "+del"),
        (["resetkeys", "~other:*"], "~roomcast:*"),
    ],
)
async def test_what_is_lacking_is_named_and_the_advice_mends_it(
    grant: Grant, administrator: Redis, taken: list[str], rules: str
) -> None:
    url = grant(*taken)
    finding = await look(url)
    assert finding.verdict is Verdict.FAIL
    advice, _, _ = finding.mend.partition("    ")
    assert advice == f"ACL SETUSER limited {rules}"
    administrator.execute_command(*advice.split())  # type: ignore[no-untyped-call]
    assert (await look(url)).verdict is Verdict.OK
    assert administrator.keys("roomcast:doctor:*") == []


def test_every_command_of_the_scripts_is_tried() -> None:
    used = {
        name for script in SCRIPTS for name in re.findall(r"redis\.call\('(\w+)'", script.read_text("utf-8"))
    }
    tried = {command[0] for command in [*redis_rights.using(""), *redis_rights.cleaning("")]}
    assert len(SCRIPTS) >= 7
    assert used <= tried
