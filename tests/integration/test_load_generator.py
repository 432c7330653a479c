"""The load generator against a real system: what it counts is what happens."""

import pytest

from tests.bench.load import loaded
from tests.support.system import running_system

VIEWERS = 5
SECONDS = 1.0


@pytest.mark.parametrize("gro", [False, True])
async def test_every_viewer_receives_every_packet(redis_url: str, gro: bool) -> None:
    async with running_system(redis_url) as system:
        worker = system.workers[0].pid
        async with loaded(system.whip("load"), system.whep("load"), VIEWERS, server_pids=[worker]) as load:
            before = [viewer.received for viewer in load.viewers]
            report = await load.measure(SECONDS, gro=gro)
            assert report.sent == SECONDS * load.publisher.stream.rate * load.publisher.stream.burst
            assert [viewer.received for viewer in load.viewers] == [n + report.sent for n in before]
        await system.room_gone("load", within=3)

    assert report.received == report.sent * VIEWERS
    assert report.loss == 0
    assert len(report.delay) == report.received  # of so few viewers each decrypts
    assert all(0 < delay < SECONDS for delay in report.delay)
    assert all(0 < answer < join for answer, join in zip(report.answer, report.join, strict=True))
    assert report.server_cpu
    assert report.generator_cpu > 0
    assert report.generator_dropped == report.server_dropped == 0
