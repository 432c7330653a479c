"""What strangers do over HTTP. Each attack goes on until it is cancelled; a refusal ends nothing."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import httpx

from tests.hostile.target import PROXY, ROOM, Target
from tests.support.offers import PLAY_OFFER, post_offer
from tests.support.sdp import audio, offer, section, video

Attack = Callable[[Target], Awaitable[None]]

MEGABYTE = 1024 * 1024
PIECE = b"X-Flood: " + b"a" * 65_000 + b"\r\n"
MAX_SECTIONS = 62


async def header_floods(target: Target) -> None:
    """64 MB of headers on a connection, to both servers."""

    async def flood(url: str) -> None:
        async with target.connection(url) as (_, writer):
            writer.write(target.headers(url, "GET", "/"))
            for _ in range(1000):
                writer.write(PIECE)
                await writer.drain()
                target.done["header bytes"] += len(PIECE)

    await asyncio.gather(*(_again(flood, url) for url in (target.control, target.worker) * 2))


async def idle_connections(target: Target) -> None:
    """Connections that send one byte, and then nothing."""

    async def idle(url: str) -> None:
        async with target.connection(url) as (reader, writer):
            writer.write(b"G")
            target.done["idle connections"] += 1
            await reader.read()

    await asyncio.gather(*(_again(idle, url) for url in (target.control, target.worker) for _ in range(400)))


async def slow_bodies(target: Target) -> None:
    """Bodies of a megabyte that never end, to sessions that do not exist and to a room."""

    async def body(method: str) -> None:
        room, session = secrets.token_hex(4), f"w1.{secrets.token_urlsafe(16)}"
        path = f"/api/whip/publish/{room}" + (f"/{session}" if method == "PATCH" else "")
        kind = "trickle-ice-sdpfrag" if method == "PATCH" else "sdp"
        fields = (f"Content-Type: application/{kind}", f"Content-Length: {MEGABYTE}")
        async with target.connection(target.control) as (reader, writer):
            writer.write(target.headers(target.control, method, path, fields) + b"\r\n")
            writer.write(b"a" * (MEGABYTE - 1000))
            target.done["slow bodies"] += 1
            await reader.read()

    await asyncio.gather(*(_again(body, method) for method in ("PATCH", "POST") for _ in range(150)))


async def fat_offers(target: Target) -> None:
    """Offers of up to a megabyte that are valid SDP, and have as many rejected sections as are read."""
    thin = offer(*_rejected(0), bundle="0 1").encode()
    middle = offer(*_rejected(20), bundle="0 1").encode()
    fat = offer(*_rejected(300), bundle="0 1").encode()[:MEGABYTE]

    async with target.client() as http:

        async def post() -> None:
            for body in (thin, middle, fat):
                answer = await post_offer(http, f"/api/whip/publish/{secrets.token_hex(8)}", body)
                target.done[f"fat offers: {answer.status_code}"] += 1

        await asyncio.gather(*(_again(post) for _ in range(4)))


async def event_streams(target: Target) -> None:
    """Event streams of one session in great number, and the end of some that never were."""
    async with target.client(connections=300) as http:

        async def follow(url: str) -> None:
            async with http.stream("GET", url) as response:
                target.done[f"event streams: {response.status_code}"] += 1
                if response.is_success:
                    await asyncio.sleep(20)

        async def end(url: str) -> None:
            answer = await http.delete(f"{url}/{secrets.token_hex(16)}")
            target.done[f"deleted event streams: {answer.status_code}"] += 1
            await asyncio.sleep(0.01)

        async def session() -> None:
            answer = await post_offer(http, f"/api/whep/play/{ROOM}", PLAY_OFFER)
            if answer.status_code != httpx.codes.CREATED:
                target.done[f"sessions for event streams: {answer.status_code}"] += 1
                await asyncio.sleep(1)
                return
            url = f"{answer.headers['Location']}/events"
            async with asyncio.TaskGroup() as tasks:
                for _ in range(200):
                    tasks.create_task(follow(url))
                for _ in range(500):
                    await end(url)

        await _again(session)


async def empty_seats(target: Target) -> None:
    """Two offers a second to the honest publisher's room, from which nobody ever connects."""
    async with target.client() as http:

        async def offer() -> None:
            answer = await post_offer(http, f"/api/whep/play/{ROOM}", PLAY_OFFER)
            target.done[f"empty seats: {answer.status_code}"] += 1
            await asyncio.sleep(0.5)

        await _again(offer)


async def proxied_streams(target: Target) -> None:
    """One client behind a trusted proxy opens event streams of rooms for as long as it gets some."""
    async with target.client(connections=14_000, address=PROXY) as http:

        async def follow() -> None:
            headers = {"X-Forwarded-For": "203.0.113.66"}
            async with http.stream("GET", "/api/rooms/events", headers=headers) as response:
                target.done[f"proxied streams: {response.status_code}"] += 1
                if response.is_success:
                    async for _ in response.aiter_raw():
                        pass
            await asyncio.sleep(1)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(1000):
                tasks.create_task(_again(follow))
                await asyncio.sleep(0.05)


async def two_hosts(target: Target) -> None:
    """Requests that name two hosts."""

    async def ask() -> None:
        async with target.connection(target.control) as (reader, writer):
            writer.write(b"GET /api/rooms HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            target.done[f"two hosts: {(await reader.read(12))[9:].decode()}"] += 1
        await asyncio.sleep(0.1)

    await _again(ask)


async def stalled_downloads(target: Target) -> None:
    """Readers of a long recording that stop to read."""

    async def stall() -> None:
        async with target.connection(target.control, buffer=4096) as (reader, writer):
            writer.write(target.headers(target.control, "GET", target.record) + b"\r\n")
            await reader.readexactly(1000)
            target.done["stalled downloads"] += 1
            await asyncio.sleep(300)

    await asyncio.gather(*(_again(stall) for _ in range(150)))


def _rejected(number: int) -> list[list[str]]:
    """Sections of an offer: sound and picture, and then rejected ones, each as long as a megabyte allows."""
    noise = [f"a=rtpmap:{n % 128} X{n}/90000" for n in range(MEGABYTE // MAX_SECTIONS // 28 if number else 0)]
    fat = [section("video", *noise, mid=str(n), port=0, formats="96") for n in range(2, number + 2)]
    return [audio(), video(), *fat[: MAX_SECTIONS - 2]]


async def _again(attack: Callable[..., Awaitable[None]], *arguments: object) -> None:
    while True:
        try:
            await attack(*arguments)
        except* (OSError, EOFError, TimeoutError, httpx.HTTPError):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0)
