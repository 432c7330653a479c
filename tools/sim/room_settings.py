"""Whether rooms' settings hold while offers come in, and what changing them costs the offers.

A thousand rooms are configured, changed and forgotten through two control processes, in turns with as many
seconds in which nobody changes anything. Offers come at a fixed rate all the time.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from math import inf
from statistics import quantiles

from redis.asyncio import Redis

from shared.bus import keys
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.waiting import eventually
from tools.bench.ratio import Ratio
from tools.sim.client import Client, Reply
from tools.sim.latency import latency
from tools.sim.system import simulated

WORKERS, OF_WORKER = 10, 100
ROOMS = [f"w{number % WORKERS:04}-{number // WORKERS:03}" for number in range(WORKERS * OF_WORKER)]
OFFERS_A_SECOND = 200
PAIRS = 12  # of turns without changes and with them
LOOKED_AT = 20  # each so many rooms' tokens are tried
FIRST, SECOND = "the-first-token-of-it", "the-second-token-of-it"
ADMIN = "Authorization: Bearer admin\r\nContent-Type: application/json\r\n"
SDP = "Content-Type: application/sdp\r\n"
WITHIN_SECONDS = 1.0  # what a process sets holds in the others
POLL_SECONDS = 0.1
BACK_SECONDS = 15.0  # until an emptied Redis has all of them again
SOON_SECONDS = 5.0
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
            without.append(await offers.turn(seconds))
            share = len(ROOMS) * 3 // PAIRS
            kind = (configure, change, forget)[pair * 3 // PAIRS]
            first = pair % (PAIRS // 3) * share
            numbers = range(first, first + share)
            took, _ = await asyncio.gather(offers.turn(seconds), changes.each(kind, numbers, seconds))
            with_.append(took)
        yield f"{OFFERS_A_SECOND} offers/s, {PAIRS} pairs of turns of {seconds:g} s, {3 * len(ROOMS)} changes"
        yield f"without changes: {latency([took for turn in without for took in turn])}"
        yield f"with changes:    {latency([took for turn in with_ for took in turn])}"
        for percent in (50, 99):
            ratio = Ratio.of(*([_percentile(turn, percent) for turn in turns] for turns in (without, with_)))
            yield f"p{percent}: {ratio} of that without changes"
        if pool.again:
            yield f"{pool.again} requests got 503 and were sent again: is the machine at rest?"
        yield f"a change: {latency(changes.took)}"
        yield f"held by the other process after (looked at each {POLL_SECONDS:g} s): {latency(changes.held)}"
        late = [held for held in changes.held if held > WITHIN_SECONDS + POLL_SECONDS]
        yield f"of {len(changes.held)} looked at {len(late)} were later than a second"
        await changes.each(configure, range(len(ROOMS)), 0.0)
        await system.redis.flushall()
        emptied = time.monotonic()
        await eventually("all settings are in Redis again", lambda: _in_redis(system.redis), BACK_SECONDS)
        yield f"FLUSHALL: all {len(ROOMS)} in Redis again after {time.monotonic() - emptied:.2f} s"
        for port in system.ports:
            assert await _set_rooms(pool, port) == set(ROOMS)


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
        self.took: list[float] = []
        self.held: list[float] = []  # seconds until the other process did what was said, within a poll

    async def each(self, change: Change, numbers: range, seconds: float) -> None:
        """Change the rooms of these numbers, evenly spread."""
        began = time.monotonic()
        looking = []
        for number in numbers:
            due = began + (number - numbers.start) * seconds / len(numbers)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            room = ROOMS[number]
            method, fields, opens, refused = change(number)
            here, there = self._pool.ports[:: 1 if number // LOOKED_AT % 2 else -1]
            asked = time.monotonic()
            body = json.dumps(fields).encode() if fields else b""
            reply = await self._pool.ask(here, method, f"/api/admin/rooms/{room}", body, ADMIN)
            assert reply.status == 200, (method, room, reply.status, reply.body)
            answered = time.monotonic()
            self.took.append(answered - asked)
            if number % LOOKED_AT == 0:
                assert await self._holds(here, room, opens, refused), (method, room)
                looking.append(asyncio.create_task(self._look(there, room, opens, refused, answered)))
        await asyncio.gather(*looking)

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


def _percentile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]


async def _in_redis(redis: Redis) -> bool:
    return int(await redis.zcard(keys.SETTINGS_ENDS)) >= len(ROOMS)


async def _set_rooms(pool: Pool, port: int) -> set[str]:
    reply = await pool.ask(port, "GET", "/api/admin/rooms", headers=ADMIN)
    return {one["room"] for one in json.loads(reply.body)["rooms"]}
