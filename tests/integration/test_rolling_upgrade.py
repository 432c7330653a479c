"""A rolling upgrade: processes of today beside those of a version whose messages have a field more."""

import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from itertools import product
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from media.rtp.packet import parse
from tests.support.http_peer import Player, Publisher, running
from tests.support.peer import IN_TIME
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tools.bench.checkout import PACKAGES, Checkout

ROOT = Path(__file__).parents[2]
MESSAGE = re.compile(r"(@dataclass\(frozen=True, slots=True, kw_only=True\)\nclass \w+:\n)")
AFTER = ("control0", "worker0")  # these are of the next version
ROOMS = 4
MOST_ROOMS = 6  # until one is on a certain worker
SECONDS = 3.0  # for which media flows in each combination

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the next version: each message between the processes has a field more."""
    folder = tmp_path_factory.mktemp("after")
    for package in PACKAGES:
        copytree(ROOT / package, folder / package, ignore=ignore_patterns("__pycache__"))
    added = 0
    for file in (folder / "shared/messages").glob("*.py"):
        code, number = MESSAGE.subn(r'\1    added: str = "by the next version"\n', file.read_text())
        file.write_text(code)
        added += number
    assert added > 30
    return folder


async def test_processes_of_both_versions_are_one_cluster(redis_url: str, after: Path) -> None:
    """Rooms on workers of both versions, published and watched through control processes of both."""
    async with running_system(
        redis_url, controls=2, workers=2, checkouts=dict.fromkeys(AFTER, after)
    ) as system:
        for member in system.members:
            if member.name in AFTER:
                Checkout.at(after).check(member.pid)
        ways = list(product((0, 1), (0, 1)))
        rooms = {f"by{way[0]}for{way[1]}-{n}": way for way in ways for n in range(ROOMS)}
        workers = await publish_and_watch(system, rooms)
        served = {(*way, workers[room]) for room, way in rooms.items()}
        print("published by control, watched by control, on:", *sorted(served), sep="\n  ")
        assert {worker for _, _, worker in served} == {"worker0", "worker1"}


@pytest.mark.parametrize("origin", ["worker0", "worker1"])
async def test_workers_of_both_versions_relay_to_each_other(redis_url: str, after: Path, origin: str) -> None:
    """The worker of a room is full: its next viewer is on one of the other version."""
    async with (
        running_system(
            redis_url,
            controls=2,
            workers=2,
            checkouts=dict.fromkeys(AFTER, after),
            WORKER_MAX_VIEWERS="1",
        ) as system,
        AsyncExitStack() as rooms,
    ):
        for number in range(MOST_ROOMS):
            publisher = Publisher(system.http, partial(system.whip, f"room{number}", 0))
            await rooms.enter_async_context(running(publisher))
            await eventually("it publishes", lambda: publisher.sessions, IN_TIME)  # noqa: B023
            if publisher.worker == origin:
                break
        players = [Player(system.http, partial(system.whep, f"room{number}", control)) for control in (0, 1)]
        for player in players:
            await rooms.enter_async_context(running(player))
            await eventually("it plays", lambda: player.arrivals, 2 * IN_TIME)  # noqa: B023
            await system.room_live(f"room{number}", IN_TIME)  # what is full is told
        assert [player.worker for player in players] == [
            origin,
            "worker1" if origin == "worker0" else "worker0",
        ]
        for player in players:
            seen = len(player.arrivals)
            await eventually("media goes on", lambda: len(player.arrivals) > seen + 50, IN_TIME)  # noqa: B023
            assert player.peer is not None
            assert {parse(data).payload_type for data in player.peer.rtp} == {96, 111}


async def publish_and_watch(system: System, rooms: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    """Publish and watch each room over the control processes of these numbers; returns the rooms' workers."""
    publishers = {
        room: Publisher(system.http, lambda room=room, by=by: system.whip(room, by))  # type: ignore[misc]
        for room, (by, _) in rooms.items()
    }
    players = {
        room: Player(system.http, lambda room=room, by=by: system.whep(room, by))  # type: ignore[misc]
        for room, (_, by) in rooms.items()
    }
    async with running(*publishers.values(), *players.values()):
        for room, player in players.items():
            await eventually(f"media flows in {room}", lambda: player.arrivals, 4 * IN_TIME)  # noqa: B023
        began = time.monotonic()
        await eventually("time passes", lambda: time.monotonic() - began > SECONDS, 2 * SECONDS)
        for room, player in players.items():
            assert player.sessions == 1, room
            assert player.peer is not None
            assert {parse(data).payload_type for data in player.peer.rtp} == {96, 111}
        await listed(system, rooms)
        await take_fragments(system, players)
        workers = {room: publisher.worker for room, publisher in publishers.items()}
    for room in rooms:
        await system.room_gone(room, IN_TIME)
    return workers


async def listed(system: System, rooms: Mapping[str, object]) -> None:
    """Each control process lists all rooms with their viewers, and knows each one alone."""

    async def are_listed() -> bool:
        for number in range(len(system.controls)):
            found = await system.rooms(number)
            if {name: room["subscribers"] for name, room in found.items()} != dict.fromkeys(rooms, 1):
                return False
        return True

    await eventually("all rooms are listed", are_listed, IN_TIME)


async def take_fragments(system: System, players: Mapping[str, Player]) -> None:
    """The workers understand fragments. One without new credentials is a trickle."""
    for player in players.values():
        response = await system.http.patch(
            player.session_url,
            content=b"a=mid:0\r\n",
            headers={"Content-Type": "application/trickle-ice-sdpfrag"},
        )
        assert response.status_code == 204, response.text
