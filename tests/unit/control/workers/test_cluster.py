"""What a control process remembers of the cluster, so that a crowd of requests shares one reading."""

from typing import cast

import pytest
from redis.asyncio import Redis

from control.workers.cluster import Cluster
from control.workers.redis_watch import RedisWatch
from shared.bus.redis_clock import RedisClock
from shared.directory.directory import Directory
from shared.errors import ServiceError
from shared.messages.status import WorkerState, WorkerStatus


class CountedDirectory:
    def __init__(self) -> None:
        self.readings = 0
        self.state = WorkerState.READY

    async def ping(self) -> None:
        pass

    async def workers(self) -> list[WorkerStatus]:
        self.readings += 1
        return [WorkerStatus(id="w1", state=self.state, http_url="", sessions=0)]


class SettledWatch(RedisWatch):
    async def check_settled(self) -> None:
        """Redis has been there for long."""


def cluster_of(directory: CountedDirectory) -> Cluster:
    redis = cast(Redis, None)  # nobody asks it
    return Cluster(cast(Directory, directory), SettledWatch(redis), RedisClock(redis))


async def test_a_crowd_that_asks_whether_it_is_ready_shares_one_reading() -> None:
    """Anybody may ask, and the statuses of a thousand workers take 11 ms."""
    directory = CountedDirectory()
    cluster = cluster_of(directory)
    for _ in range(10):
        await cluster.check_ready()
    assert directory.readings == 1


async def test_a_worker_that_has_come_makes_it_ready_at_once() -> None:
    directory = CountedDirectory()
    cluster = cluster_of(directory)
    directory.state = WorkerState.DRAINING
    with pytest.raises(ServiceError):
        await cluster.check_ready()
    directory.state = WorkerState.READY
    await cluster.check_ready()
