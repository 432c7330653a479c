"""The load generator against a real system: what it counts is what happens. Each scenario runs once, tiny."""

import itertools

import pytest

from tests.support.system import running_system
from tools.bench.__main__ import SCENARIOS, parse
from tools.bench.generator import ROOM, loaded
from tools.bench.publisher import DEFAULT_STREAM
from tools.bench.report import Report
from tools.bench.scenarios import rooms, soak

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


async def test_several_rooms_want_a_place_for_their_names() -> None:
    with pytest.raises(ValueError, match="several rooms"):
        async with loaded("http://host/whip", "http://host/whep", 1, rooms=2):
            pass


async def table(capsys: pytest.CaptureFixture[str], redis_url: str, command: str) -> list[dict[str, str]]:
    """Run a command of the benchmark and return the rows of its first table."""
    arguments = parse(command.split())
    await SCENARIOS[arguments.scenario].run(redis_url, arguments)
    printed = capsys.readouterr().out.splitlines()
    from_table = itertools.dropwhile(lambda line: not line.startswith("|"), printed)
    lines = itertools.takewhile(lambda line: line.startswith("|"), from_table)
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
        """The first step holds; the second fails both times."""
        held.append(report)
        return report.viewers == held[0].viewers

    monkeypatch.setattr(rooms, "holds", holds)
    steps = await rooms.search(redis_url, 2, first=1_000, most_steps=5, seconds=0.5, gro=False)
    assert [report.viewers for report in steps] == [4, 6]
    assert [report.received for report in steps] == [report.due for report in steps]


async def test_a_room_with_layers(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The scenario itself checks that viewers get the layers that they chose."""
    command = "layers --viewers 4 --changed 2 --bursts 4 3 2 --rounds 1 --seconds 0.5 --estimates"
    (row,) = await table(capsys, redis_url, command)
    assert (row["viewers"], row["changed"], row["packets of a picture"]) == ("4", "2", "4, 3, 2")
    assert float(row["CPU µs/packet, one layer"]) > 0
    assert float(row["layers/one"]) > 0


async def test_joins(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = "joins --at-once 2 --watchers 2 --idle-joins 2 --seconds 1"
    idle, alone, joining = await table(capsys, redis_url, command)
    assert [row["at once"] for row in (idle, alone, joining)] == ["idle", "0", "2"]
    assert (idle["joined"], alone["joined"]) == ("2", "0")
    assert int(joining["joined"]) > 0
    assert float(joining["worker ms/join"]) > 0
    assert alone["loss"] == joining["loss"] == "0.000%"


async def test_idle_viewers(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    few, more = await table(capsys, redis_url, "idle --viewers 2 5 --seconds 0.5")
    assert [(row["viewers"], row["sessions"]) for row in (few, more)] == [("2", "3"), ("5", "6")]
    assert int(more["tasks"]) > int(few["tasks"])


async def test_a_soak_of_seconds(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = "soak --minutes 0.05 --viewers 3 --churn 4 --samples 2"
    before, *during, after = await table(capsys, redis_url, command)
    assert [row["minute"] for row in (before, *during, after)] == ["before", "0.0", "0.0", "0.1", "after"]
    assert during[-1]["viewers"] == "3"
    assert int(after["sessions ever"]) > 4
    assert (after["sessions"], after["tasks"]) == (before["sessions"], before["tasks"])


def test_growth_leaves_out_the_beginning() -> None:
    assert soak.growth([(0.0, 0.0), (1.0, 900.0), (5.0, 1000.0), (10.0, 1050.0)]) == pytest.approx(10)
    assert soak.growth([(0.0, 5.0)]) == 0


async def test_one_room_over_two_workers(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = await table(capsys, redis_url, "edges --workers 2 --viewers 4 --windows 1 --seconds 1")
    assert (row["workers"], row["viewers"], row["loss"]) == ("2", "4", "0.000%")
    assert len(row["CPU of each worker"].split(",")) == 2


async def test_a_film_through_ours_and_through_media_relay(
    redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "compare --viewers 2 --size 160 120 --windows 1 --seconds 1"
    ours, theirs = await table(capsys, redis_url, command)
    assert (ours["server"], ours["got"]) == ("Roomcast", "100%")
    assert 0 < float(ours["delay p50 ms"]) < 1000
    assert (theirs["server"], theirs["delay p50 ms"]) == ("aiortc MediaRelay", "-")
    assert int(theirs["got"].rstrip("%")) > 50
    assert float(theirs["server CPU"].rstrip("%")) > 0
