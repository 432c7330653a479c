"""The load generator against a real system: what it counts is what happens."""

import pytest

from tests.support.system import running_system
from tools.bench.generator import ROOM, loaded
from tools.bench.publisher import DEFAULT_STREAM

ROOMS = 2
VIEWERS = 3
SECONDS = 1.0


@pytest.mark.parametrize("gro", [False, True])
async def test_every_viewer_receives_every_packet_of_its_room(redis_url: str, gro: bool) -> None:
    async with running_system(redis_url) as system:
        worker, whip, whep = system.workers[0].pid, system.whip(ROOM), system.whep(ROOM)
        async with loaded(whip, whep, VIEWERS, rooms=ROOMS, server_pids=[worker]) as load:
            assert {name: room["subscribers"] for name, room in (await system.rooms()).items()} == {
                room.name: VIEWERS for room in load.rooms
            }
            await load.quiet()  # packets that were sent during the joins are still on their way
            before = [viewer.received for viewer in load.viewers]
            report = await load.measure(SECONDS, gro=gro)
            each = SECONDS * DEFAULT_STREAM.rate * DEFAULT_STREAM.burst
            assert [viewer.received for viewer in load.viewers] == [n + each for n in before]
        await system.room_gone(load.rooms[0].name, within=3)

    assert report.sent == ROOMS * each
    assert report.received == report.due == ROOMS * VIEWERS * each
    assert report.loss == 0
    assert len(report.delay) == report.received  # with so few viewers each one decrypts
    assert all(0 < delay < SECONDS for delay in report.delay)
    assert all(0 < answer < join for answer, join in zip(report.answer, report.join, strict=True))
    assert report.server_cpu
    assert report.generator_cpu > 0
    assert report.generator_dropped == report.server_dropped == 0
