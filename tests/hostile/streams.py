"""What strangers do over the TCP port of media: 10,000 streams at once that never become a client's."""

import asyncio
import os
import random
import socket
from collections.abc import Awaitable, Callable

from media.transport.tcp_frames import framed
from tests.hostile.target import ROOM, STRANGER, Target
from tests.support.offers import PLAY_OFFER, post_offer
from tests.support.tcp_peer import tcp_candidate

STREAMS = 10_000
AT_ONCE = 200  # that connect at the same time
CHECK = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)  # STUN without a name

Say = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[[Say], Awaitable[None]]


async def _nothing(_: Say) -> None:
    await asyncio.sleep(60)


async def _garbage(say: Say) -> None:
    while True:
        await say(os.urandom(1400))


async def _slow(say: Say) -> None:
    for byte in framed(CHECK, len(CHECK)):
        await say(bytes((byte,)))
        await asyncio.sleep(1)


async def _huge_frames(say: Say) -> None:
    await say(b"\xff\xff")
    while True:
        await say(bytes(65_000))


async def _false_checks(say: Say) -> None:
    while True:
        await say(framed(CHECK, len(CHECK)))
        await asyncio.sleep(0.2)


async def _tiny_frames(say: Say) -> None:
    while True:
        await say(b"\x00\x01\x00" * 400)


BEHAVIOURS: tuple[Behaviour, ...] = (_nothing, _garbage, _slow, _huge_frames, _false_checks, _tiny_frames)


async def one_stream(address: tuple[str, int], source: str, behave: Behaviour) -> None:
    """Until the server closes it, or the stranger has no more to say."""
    loop = asyncio.get_running_loop()
    with socket.socket() as stream:
        stream.setblocking(False)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        stream.bind((source, 0))
        await loop.sock_connect(stream, address)

        async def until_closed() -> None:
            while await loop.sock_recv(stream, 4096):
                pass

        closed = asyncio.create_task(until_closed())
        saying = asyncio.ensure_future(behave(lambda data: loop.sock_sendall(stream, data)))
        try:
            await asyncio.wait((closed, saying), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (closed, saying):
                task.cancel()
            await asyncio.gather(closed, saying, return_exceptions=True)


async def tcp_streams(target: Target) -> None:
    """Streams of every kind from one address, and from very many: each that ends is followed by another."""
    async with target.client() as http:
        response = await post_offer(http, f"/api/whep/play/{ROOM}", PLAY_OFFER)
    address = tcp_candidate(response.text)
    chance, turns = random.Random(1), asyncio.Semaphore(AT_ONCE)

    async def stranger(number: int) -> None:
        source = STRANGER if number % 4 == 0 else f"127.0.{1 + number % 200}.{1 + number % 250}"
        while True:
            async with turns:
                await asyncio.sleep(0)
            try:
                await one_stream(address, source, chance.choice(BEHAVIOURS))
            except OSError as error:
                target.done[f"tcp_streams: {type(error).__name__}"] += 1
            target.done["tcp_streams"] += 1
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as tasks:
        for number in range(STREAMS):
            tasks.create_task(stranger(number))
            await asyncio.sleep(0.0005)
