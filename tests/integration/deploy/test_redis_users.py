"""The shipped user of Redis may do what Roomcast needs, and nothing else."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import ResponseError

from deploy.doctor.redis_rights import cleaning, using
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.system import running_system

USERS = Path(__file__).parents[3] / "deploy" / "redis" / "users.acl"
NO_PASSWORD = "#SHA-256-OF-THE-PASSWORD"


@pytest.fixture
def limited_url(redis_url: str) -> Iterator[str]:
    """URL of the test's Valkey for the shipped user, under another name."""
    name, password = f"user{secrets.token_hex(4)}", secrets.token_hex(8)
    _, _, rules = USERS.read_text().partition("user roomcast ")
    with Redis.from_url(redis_url) as redis:
        redis.execute_command("ACL", "SETUSER", name, *rules.replace(NO_PASSWORD, f">{password}").split())
        yield f"redis://{name}:{password}@{redis_url.rpartition('@')[2].removeprefix('redis://')}"
        redis.execute_command("ACL", "DELUSER", name)


def test_as_it_is_shipped_it_lets_nobody_in(redis_url: str) -> None:
    """Redis does not even start with it, and says what is missing."""
    _, _, rules = USERS.read_text().partition("user roomcast ")
    with Redis.from_url(redis_url) as redis, pytest.raises(ResponseError, match="hash"):
        redis.execute_command("ACL", "SETUSER", f"user{secrets.token_hex(4)}", *rules.split())


# What the test itself and redis-py do.
ASIDE = {"acl|setuser", "auth", "client|setinfo", "config|resetstat", "hello", "info", "select"}


async def test_it_suffices_for_a_room_from_its_publisher_to_its_end(limited_url: str, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_resetstat()
    async with running_system(
        limited_url, ADMIN_TOKEN="admin", RATE_LIMIT_RPS="100", RECORD_ENABLED="1"
    ) as system:
        publisher = await post_offer(system.http, system.whip("demo"), PUBLISH_OFFER)
        assert publisher.status_code == httpx.codes.CREATED
        viewer = await post_offer(system.http, system.whep("demo"), PLAY_OFFER)
        assert viewer.status_code == httpx.codes.CREATED
        base = system.controls[0].url
        stream = await system.http.post(f"{base}{viewer.headers['Location']}/events")
        async with system.http.stream("GET", f"{base}{stream.headers['Location']}") as events:
            told = await system.http.post(f"{base}/api/rooms/demo/messages", json={"text": "hi"})
            assert told.status_code == httpx.codes.ACCEPTED, told.text
            await anext(line async for line in events.aiter_lines() if "hi" in line)
        assert (await system.http.delete(f"{base}{stream.headers['Location']}")).is_success
        assert (await system.http.get(f"{base}/api/records")).json() == []
        closed = await system.http.post(
            f"{base}/api/admin/rooms/demo/close", headers={"Authorization": "Bearer admin"}
        )
        assert closed.is_success
        await system.room_gone("demo", within=5)
    with Redis.from_url(redis_url) as redis:
        used = {name.removeprefix("cmdstat_") for name in redis.info("commandstats")} - ASIDE
    tried = {str(command[0]).lower().replace(" ", "|") for command in [*using(""), *cleaning("")]}
    assert used <= tried  # `roomcast doctor` tries each


def test_it_opens_nothing_else(limited_url: str) -> None:
    with Redis.from_url(limited_url) as redis:
        for command in (
            *(("GET", "another:key"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("ACL", "LIST")),
            *(("MONITOR",), ("PUBLISH", "channel", "text")),
            ("EVAL", "return redis.call('GET', 'another:key')", "0"),
        ):
            with pytest.raises(ResponseError, match="permission"):
                redis.execute_command(*command)
