"""The load generator against a real system: what it counts is what happens. Each scenario runs, tiny."""

import itertools

import pytest

from tests.support.system import running_system
from tools.bench.__main__ import SCENARIOS, parse
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


async def table(capsys: pytest.CaptureFixture[str], redis_url: str, command: str) -> list[dict[str, str]]:
    """Run a command of the benchmark and return the rows of its first table."""
    arguments = parse(command.split())
    await SCENARIOS[arguments.scenario].run(redis_url, arguments)
    printed = capsys.readouterr().out.splitlines()
    from_table = itertools.dropwhile(lambda line: not line.startswith("|"), printed)
    lines = itertools.takewhile(lambda line: line.startswith("|"), from_table)
    columns, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.mark.soak  # a benchmark that breaks is seen by who measures
@pytest.mark.parametrize(
    ("command", "rows"),
    [
        ("--viewers 2 --windows 1 --seconds 1", 2),
        ("rooms --small-rooms 3 --rooms --windows 1 --seconds 0.5", 2),
        ("layers --viewers 4 --changed 2 --bursts 4 3 2 --rounds 1 --seconds 0.5 --estimates", 1),
        ("joins --at-once 2 --watchers 2 --idle-joins 2 --seconds 1", 3),
        ("soak --minutes 0.05 --viewers 3 --churn 4 --samples 2", 5),
        ("edges --workers 2 --viewers 4 --windows 1 --seconds 1", 1),
    ],
)
async def test_each_scenario_runs(
    redis_url: str, capsys: pytest.CaptureFixture[str], command: str, rows: int
) -> None:
    measured = await table(capsys, redis_url, command)
    assert len(measured) == rows
    assert {row["loss"] for row in measured if "loss" in row} <= {"0.000%", "-"}
