"""Whether rooms' settings hold while offers come in, and what changing them costs the offers.

A thousand rooms are configured, changed and forgotten through two control processes, in turns with as many
seconds in which nobody changes anything; every other pair of turns begins with the changes. Offers come at a
fixed rate all the time. No offer is to be slower by more than a tenth: that is asked of p50, p90 and p99.

They are those of all offers together, with the interval in which 95 % of them lie when the pairs of turns are
drawn anew. A turn has twenty offers beyond its p99, so that one stall of the host moves it, and the mean of
such figures says more of the host than of changes. Changes come at random moments of their slots: at fixed
ones each would meet an offer in the same instant. Whether settings hold is looked at in turns of their own,
since who looks sends offers, too.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from math import inf

from redis.asyncio import Redis

from shared.bus import keys
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.waiting import eventually
from tools.sim.client import Client, Reply
from tools.sim.latency import latency
from tools.sim.system import simulated

WORKERS, OF_WORKER = 10, 100
ROOMS = [f"w{number % WORKERS:04}-{number // WORKERS:03}" for number in range(WORKERS * OF_WORKER)]
EVERY = range(len(ROOMS))
OFFERS_A_SECOND = 200
PAIRS = 12  # of turns without changes and with them
PERCENTS = (50, 90, 99)
DRAWS = 1000  # of pairs of turns
LOOKED_AT = 20  # each so many rooms' tokens are tried
FIRST, SECOND = "the-first-token-of-it", "the-second-token-of-it"
ADMIN = "Authorization: Bearer admin\r\nContent-Type: application/json\r\n"
SDP = "Content-Type: application/sdp\r\n"
WITHIN_SECONDS = 1.0  # what a process sets holds in the others
POLL_SECONDS = 0.1
BACK_SECONDS = 15.0  # until an emptied Redis has all of them again
SOON_SECONDS = 5.0
AGAIN_SECONDS = 0.1  # after a 503
IDLE_SECONDS = 2.0  # control closes connections that are idle for 5 s

Change = Callable[[int], tuple[str, dict[str, object], str, str]]  # of a room, by its number: see `configure`


async def room_settings(seconds: float) -> AsyncIterator[str]:
    """`seconds` is the length of a turn. Raises `AssertionError` where settings do not hold."""
    async with simulated(WORKERS, OF_WORKER, 2, quick=True) as system, AsyncExitStack() as stack:
        pool = Pool(system.ports, stack)
        offers, changes = Offers(pool), Changes(pool)
        await offers.turn(seconds)  # a warm-up
        without: list[list[float]] = []
        with_: list[list[float]] = []
        for pair in range(PAIRS):
            if pair % 2:
                without.append(await offers.turn(seconds))
            took, _ = await asyncio.gather(offers.turn(seconds), changes.each(*_share(pair), seconds))
            with_.append(took)
            if not pair % 2:
                without.append(await offers.turn(seconds))
        yield f"{OFFERS_A_SECOND} offers/s, {PAIRS} pairs of turns of {seconds:g} s, {3 * len(ROOMS)} changes"
        yield f"without changes: {latency([took for turn in without for took in turn])}"
        yield f"with changes:    {latency([took for turn in with_ for took in turn])}"
        for line in _compared(without, with_):
            yield line
        yield f"a change: {latency(changes.took)}"
        for kind in KINDS:
            await asyncio.gather(offers.turn(seconds), changes.each(kind, EVERY, seconds, looking=True))
        yield f"held by the other process after (looked at each {POLL_SECONDS:g} s): {latency(changes.held)}"
        late = [held for held in changes.held if held > WITHIN_SECONDS + POLL_SECONDS]
        yield f"of {len(changes.held)} looked at {len(late)} were later than a second"
        if pool.again:
            yield f"{pool.again} requests got 503 and were sent again: is the machine at rest?"
        await changes.each(configure, EVERY, 0.0)
        await system.redis.flushall()
        emptied = time.monotonic()
        await eventually("all settings are in Redis again", lambda: _in_redis(system.redis), BACK_SECONDS)
        yield f"FLUSHALL: all {len(ROOMS)} in Redis again after {time.monotonic() - emptied:.2f} s"
        for port in system.ports:
            assert await _set_rooms(pool, port) == set(ROOMS)


def _share(pair: int) -> tuple["Change", range]:
    """What is done to which rooms in a pair of turns: each third of them does one thing to all rooms."""
    share = len(ROOMS) * 3 // PAIRS
    first = pair % (PAIRS // 3) * share
    return KINDS[pair * 3 // PAIRS], range(first, first + share)


def _compared(without: list[list[float]], with_: list[list[float]]) -> Iterator[str]:
    """The ratio of each percentile of all offers of `with_` to that of `without`, and how sure it is."""
    ratios = _ratios(without, with_)
    dice = random.Random(1)
    drawn = []
    for _ in range(DRAWS):
        pairs = dice.choices(range(len(with_)), k=len(with_))
        drawn.append(_ratios([without[pair] for pair in pairs], [with_[pair] for pair in pairs]))
    for percent, ratio, others in zip(PERCENTS, ratios, zip(*drawn, strict=True), strict=True):
        ordered = sorted(others)
        least, most = ordered[int(0.025 * DRAWS)], ordered[int(0.975 * DRAWS)]
        yield f"p{percent}: {ratio:.3f} of that without changes ({least:.3f}..{most:.3f})"


def _ratios(without: list[list[float]], with_: list[list[float]]) -> list[float]:
    before, after = (sorted(took for turn in turns for took in turn) for turns in (without, with_))
    return [after[len(after) * percent // 100] / before[len(before) * percent // 100] for percent in PERCENTS]


class Pool:
    """As many connections to each control process as are busy at once."""

    def __init__(self, ports: list[int], stack: AsyncExitStack) -> None:
        self.ports = ports
        self._stack = stack
        self.again = 0  # requests that were sent again, since this host was too busy for its Redis
        self._idle: dict[int, list[tuple[float, Client]]] = {
            port: [] for port in ports
        }  # since when, and who

    async def ask(self, port: int, method: str, path: str, body: bytes = b"", headers: str = "") -> Reply:
        since, client = self._idle[port].pop() if self._idle[port] else (-inf, None)
        if client is None or since < time.monotonic() - IDLE_SECONDS:
            client = await self._stack.enter_async_context(Client(port))
        while (reply := await client.ask(method, path, body, headers)).status == 503:
            self.again += 1
            await asyncio.sleep(AGAIN_SECONDS)
        self._idle[port].append((time.monotonic(), client))
        return reply


class Offers:
    """Offers at a fixed rate, half to publish, half to play, at both control processes by turns."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._number = 0

    async def turn(self, seconds: float) -> list[float]:
        """The seconds that each offer of a turn took."""
        began = time.monotonic()
        asking = []
        for number in range(int(seconds * OFFERS_A_SECOND)):
            await asyncio.sleep(max(0.0, began + number / OFFERS_A_SECOND - time.monotonic()))
            asking.append(asyncio.create_task(self._ask()))
        return list(await asyncio.gather(*asking))

    async def _ask(self) -> float:
        self._number += 1
        number = self._number
        port = self._pool.ports[number // 2 % 2]
        path, offer = f"/api/whip/publish/p{number}", PUBLISH_OFFER
        if number % 2:
            room = number % len(ROOMS)
            path, offer = f"/api/whep/play/{ROOMS[room + (room % LOOKED_AT == 0)]}", PLAY_OFFER
        began = time.monotonic()
        reply = await self._pool.ask(port, "POST", path, offer, SDP)
        assert reply.status == 201, (path, reply.status, reply.body)
        return time.monotonic() - began


class Changes:
    """What is set for rooms, at one process and the other by turns: of some, the token that plays them."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._dice = random.Random(1)
        self.took: list[float] = []
        self.held: list[float] = []  # seconds until the other process did what was said, within a poll

    async def each(self, change: Change, numbers: range, seconds: float, *, looking: bool = False) -> None:
        """Change the rooms of these numbers, spread over that time. `looking`: and see whether that holds."""
        began = time.monotonic()
        looks = []
        for number in numbers:
            due = began + (number - numbers.start + self._dice.random()) * seconds / len(numbers)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            room = ROOMS[number]
            method, fields, opens, refused = change(number)
            here, there = self._pool.ports[:: 1 if number // LOOKED_AT % 2 else -1]
            asked = time.monotonic()
            body = json.dumps(fields).encode() if fields else b""
            reply = await self._pool.ask(here, method, f"/api/admin/rooms/{room}", body, ADMIN)
            assert reply.status == 200, (method, room, reply.status, reply.body)
            answered = time.monotonic()
            if not looking:
                self.took.append(answered - asked)
            elif number % LOOKED_AT == 0:
                assert await self._holds(here, room, opens, refused), (method, room)
                looks.append(asyncio.create_task(self._look(there, room, opens, refused, answered)))
        await asyncio.gather(*looks)

    async def _look(self, port: int, room: str, opens: str, refused: str, since: float) -> None:
        # what tells is whether a token is refused, or, where any may play, whether it no longer is
        while await self._plays(port, room, refused) != (401 if refused else 201):
            assert time.monotonic() - since < SOON_SECONDS, room
            await asyncio.sleep(POLL_SECONDS)
        self.held.append(time.monotonic() - since)
        assert await self._holds(port, room, opens, refused), room

    async def _holds(self, port: int, room: str, opens: str, refused: str) -> bool:
        """Whether one token plays the room, and the other does not; a room without tokens takes any."""
        statuses = [await self._plays(port, room, token) for token in (opens, refused)]
        return statuses == [201, 401 if refused else 201]

    async def _plays(self, port: int, room: str, token: str) -> int:
        headers = f"{SDP}Authorization: Bearer {token}\r\n" if token else SDP
        return (await self._pool.ask(port, "POST", f"/api/whep/play/{room}", PLAY_OFFER, headers)).status


def configure(number: int) -> tuple[str, dict[str, object], str, str]:
    """The method, the body, the token that plays the room then, and one that does not; "": any may."""
    fields: dict[str, object] = {
        "seats": 100,
        "title": f"Room {number}",
        "labels": {"tenant": str(number % 7)},
    }
    return "PUT", fields | ({} if number % LOOKED_AT else {"playTokens": [FIRST]}), FIRST, SECOND


def change(number: int) -> tuple[str, dict[str, object], str, str]:
    fields: dict[str, object] = {"seats": 50, "stills": False}
    return "PATCH", fields | ({} if number % LOOKED_AT else {"playTokens": [SECOND]}), SECOND, FIRST


def forget(_: int) -> tuple[str, dict[str, object], str, str]:
    return "DELETE", {}, "", ""


KINDS = (configure, change, forget)


async def _in_redis(redis: Redis) -> bool:
    return int(await redis.zcard(keys.SETTINGS_ENDS)) >= len(ROOMS)


async def _set_rooms(pool: Pool, port: int) -> set[str]:
    reply = await pool.ask(port, "GET", "/api/admin/rooms", headers=ADMIN)
    return {one["room"] for one in json.loads(reply.body)["rooms"]}
