"""The primary of Redis is killed under 50 joins a second: media flows, offers are soon answered again, and no
room has two owners."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from shared.bus.connection import connect
from shared.directory.directory import Directory, read_room
from shared.names import RoomName, WorkerId
from tests.support.http_peer import Player, Publisher, running
from tests.support.meanwhile import meanwhile
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.peer import IN_TIME
from tests.support.redis_servers import Servers, as_cluster, executables, under_sentinels
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually

pytestmark = [pytest.mark.soak, pytest.mark.alone]

JOINS_A_SECOND = 50
PUBLISH_SHARE = 5  # one offer in so many publishes, in one of few rooms: so they contend
CONTESTED = 8
BEFORE_SECONDS, AFTER_SECONDS = 4.0, 5.0
ANSWERED_SECONDS = 10.0  # after the death of the primary
REFUSED_SHARE = 0.1  # of the offers after that, on a busy machine
GAP_SECONDS = 1.0  # of media, on a busy machine
DOUBLE_SECONDS = 3.0  # for which two workers may believe that they own a room whose claim was lost
SAMPLE_SECONDS = 0.1
LINES = ("min-replicas-to-write 1", "min-replicas-max-lag 10")


@dataclass
class Joins:
    """What became of the offers: when each was sent and answered, the kind, and the status."""

    offers: list[tuple[float, float, str, int]] = field(default_factory=list)

    def first_answered(self, kind: str, since: float) -> float:
        """Seconds from `since` to the first 201 for an offer that was sent later than the outage began."""
        refused = [ended for sent, ended, _, status in self.offers if sent > since and status == 503]
        assert refused, "nothing was refused: the primary was not missed"
        times = [ended for sent, ended, is_, status in self.offers if is_ == kind and status == 201]
        return min(ended for ended in times if ended > min(refused)) - since

    def last_refused(self, since: float) -> float:
        return max(ended for sent, ended, _, status in self.offers if sent > since and status == 503) - since

    def refused_share(self, since: float) -> float:
        later = [status for sent, _, _, status in self.offers if sent > since]
        return later.count(503) / len(later)

    def summary(self) -> Counter[tuple[str, int]]:
        return Counter((kind, status) for _, _, kind, status in self.offers)


@asynccontextmanager
async def joining(system: System, joins: Joins) -> AsyncIterator[None]:
    """`JOINS_A_SECOND` offers, each sent on time, over both control processes."""

    async def one(number: int) -> None:
        kind = "publish" if number % PUBLISH_SHARE == 0 else "play"
        control = number % 2
        if kind == "publish":
            url, offer = (
                system.whip(f"contested{number // PUBLISH_SHARE % CONTESTED}", control),
                PUBLISH_OFFER,
            )
        else:
            url, offer = system.whep("one" if number % 4 < 2 else "two", control), PLAY_OFFER
        sent = time.monotonic()
        response = await post_offer(system.http, url, offer)
        joins.offers.append((sent, time.monotonic(), kind, response.status_code))

    async def all_() -> None:
        async with asyncio.TaskGroup() as offers:
            began, number = time.monotonic(), 0
            while True:
                offers.create_task(one(number))
                number += 1
                await asyncio.sleep(max(0.0, began + number / JOINS_A_SECOND - time.monotonic()))

    async with meanwhile(all_()):
        yield


@dataclass
class Owners:
    """How long each room had two owners, by what the workers themselves say in the directory."""

    since: dict[str, float] = field(default_factory=dict)
    longest: float = 0.0

    async def watch(self, url: str) -> None:
        async with connect(url) as redis:
            directory = Directory(redis)
            while True:
                with suppress(RedisError):
                    self.note(await owners(directory), time.monotonic())
                await asyncio.sleep(SAMPLE_SECONDS)

    def note(self, owners: Counter[str], now: float) -> None:
        double = {room for room, count in owners.items() if count > 1}
        self.since = {room: self.since.get(room, now) for room in double}
        self.longest = max([self.longest, *(now - since for since in self.since.values())])


async def owners(directory: Directory) -> Counter[str]:
    """By room, how many workers say that it is theirs."""
    workers = [WorkerId(status.id) for status in await directory.workers()]
    found: Counter[str] = Counter()
    for records in (await directory.records(workers)).values():
        rooms = [read_room(record) for record in records.packed.values()]
        found.update(room.name for room in rooms if room is not None and not room.origin)
    return found


@pytest.mark.parametrize("executable", ["bundled", "redis", "valkey"])
@pytest.mark.parametrize("group", [under_sentinels, as_cluster], ids=["sentinels", "cluster"])
async def test_media_flows_offers_are_answered_and_no_room_has_two_owners(
    group: Callable[..., AbstractContextManager[Servers]], executable: str, tmp_path: Path
) -> None:
    program = executables(tmp_path)[executable]
    # under Sentinels there are two replicas: so one is left for min-replicas-to-write
    lines = LINES if group is under_sentinels else ()
    with group(tmp_path, program, lines=lines) as servers:
        async with running_system(servers.url, controls=2, workers=2) as system:
            await _fail_over(servers, system, f"{group.__name__} {executable}", signal.SIGKILL)


@pytest.mark.parametrize("group", [under_sentinels, as_cluster], ids=["sentinels", "cluster"])
async def test_a_primary_that_hangs_is_left_and_not_taken_up_again(
    group: Callable[..., AbstractContextManager[Servers]], tmp_path: Path
) -> None:
    """It runs again when another one has taken its place, and believes for a while that it is the primary."""
    lines = LINES if group is under_sentinels else ()
    with group(tmp_path, lines=lines) as servers:
        async with running_system(servers.url, controls=2, workers=2) as system:
            await _fail_over(servers, system, f"{group.__name__}, hanging", signal.SIGSTOP)


async def _fail_over(servers: Servers, system: System, what: str, number: signal.Signals) -> None:
    publishers = [Publisher(system.http, lambda room=room: system.whip(room)) for room in ("one", "two")]  # type: ignore[misc]
    players = [
        Player(system.http, lambda room=room, n=n: system.whep(room, n))  # type: ignore[misc]
        for room in ("one", "two")
        for n in (0, 1)
    ]
    joins, held = Joins(), Owners()
    async with running(*publishers, *players):
        for player in players:
            await eventually("media flows", lambda: player.arrivals, 3 * IN_TIME)  # noqa: B023
        async with meanwhile(held.watch(servers.url)), joining(system, joins):
            await asyncio.sleep(BEFORE_SECONDS)
            former = servers.primary()
            former.process.send_signal(number)
            killed = time.monotonic()
            await asyncio.sleep(ANSWERED_SECONDS)
            former.process.send_signal(signal.SIGCONT)  # which a dead one does not hear
            await asyncio.sleep(AFTER_SECONDS)
        ended = time.monotonic()
        gap = max(player.longest_gap(killed - BEFORE_SECONDS, ended) for player in players)
        answered = {kind: joins.first_answered(kind, killed) for kind in ("play", "publish")}
        async with connect(servers.url) as redis:
            directory = Directory(redis)
            now = await owners(directory)
            claims = {room: await directory.room_owner(RoomName(room)) for room in now}
        slowest = max(done - sent for sent, done, _, _ in joins.offers)
        print(
            f"\n{what}: answered again after {answered['play']:.1f} s (play), {answered['publish']:.1f} s"
            f" (publish), last 503 after {joins.last_refused(killed):.1f} s; slowest answer {slowest:.2f} s;"
            f" longest gap of media {gap:.2f} s; two owners for {held.longest:.1f} s at most;"
            f" {dict(sorted(joins.summary().items()))}"
        )
        for member in system.members:
            print(f"  {member.name}: {dict(told_about_redis(member))}")
        assert max(answered.values()) < ANSWERED_SECONDS
        assert joins.refused_share(killed + ANSWERED_SECONDS) < REFUSED_SHARE
        assert gap < GAP_SECONDS
        assert [client.sessions for client in (*publishers, *players)] == [1] * 6
        for player in players:
            player.assert_unbroken()
        assert set(now.values()) == {1}
        assert None not in claims.values()
        assert held.longest < DOUBLE_SECONDS
        assert {status for _, status in joins.summary()} <= {201, 409, 503}
    for member in system.members:
        told = told_about_redis(member)
        assert told["the primary of Redis has moved"] == 1
        assert max(told.values()) < 2 * JOINS_A_SECOND


def told_about_redis(member: Member) -> Counter[str]:
    """Lines of its log that have to do with Redis, each how often."""
    lines = [json.loads(line) for line in member.log.read_text().splitlines() if line.startswith("{")]
    return Counter(line["event"] for line in lines if "redis" in line["event"].lower())
