"""A Redis that is empty because it is new, and not because it has lost what was there."""

from redis import Redis

from deploy.valkey import begin_epoch


def empty(url: str) -> None:
    with Redis.from_url(url) as redis:
        redis.flushall()
        begin_epoch(redis)
