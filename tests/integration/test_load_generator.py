"""The load generator against a real system: what it counts is what happens. And each scenario, tiny."""

import pytest

from tests.bench.__main__ import SCENARIOS, parse
from tests.bench.generator import ROOM, loaded
from tests.bench.report import Report
from tests.bench.scenarios import rooms
from tests.support.system import running_system

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
            before = [viewer.received for viewer in load.viewers]
            report = await load.measure(SECONDS, gro=gro)
            stream = load.rooms[0].publisher.stream
            each = SECONDS * stream.rate * stream.burst
            assert [viewer.received for viewer in load.viewers] == [n + each for n in before]
        await system.room_gone(load.rooms[0].name, within=3)

    assert report.sent == ROOMS * each
    assert report.received == report.due == ROOMS * VIEWERS * each
    assert report.loss == 0
    assert len(report.delay) == report.received  # of so few viewers each decrypts
    assert all(0 < delay < SECONDS for delay in report.delay)
    assert all(0 < answer < join for answer, join in zip(report.answer, report.join, strict=True))
    assert report.server_cpu
    assert report.generator_cpu > 0
    assert report.generator_dropped == report.server_dropped == 0


async def test_several_rooms_want_a_place_for_their_names() -> None:
    with pytest.raises(ValueError, match="several rooms"):
        async with loaded("http://host/whip", "http://host/whep", 1, rooms=2):
            pass


async def table(capsys: pytest.CaptureFixture[str], redis_url: str, command: str) -> list[dict[str, str]]:
    """Run a command of the benchmark; the lines of its first table, by column."""
    arguments = parse(command.split())
    await SCENARIOS[arguments.scenario].run(redis_url, arguments)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    columns, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(columns, row, strict=True)) for row in rows]


async def test_relay(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    no_gro, gro = await table(capsys, redis_url, "--viewers 2 --windows 1 --seconds 1")
    assert (no_gro["viewers"], no_gro["UDP GRO"], no_gro["loss"]) == ("2", "no", "0.000%")
    assert (gro["viewers"], gro["UDP GRO"], gro["loss"]) == ("2", "yes", "0.000%")


async def test_many_small_rooms(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    measured = await table(capsys, redis_url, "rooms --small-rooms 3 --rooms --windows 1 --seconds 0.5")
    assert [(row["rooms"], row["viewers"], row["received"]) for row in measured] == [("3", "6", "900")] * 2


async def test_the_search_adds_viewers_until_something_gives_out(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Report] = []

    def holds(report: Report) -> bool:
        """The second step is too much, at each of its two chances."""
        held.append(report)
        return report.viewers == held[0].viewers

    monkeypatch.setattr(rooms, "holds", holds)
    steps = await rooms.search(redis_url, 2, first=1_000, most_steps=5, seconds=0.5, gro=False)
    assert [report.viewers for report in steps] == [4, 6]
    assert [report.received for report in steps] == [report.due for report in steps]
