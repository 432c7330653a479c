"""Strangers at the TCP port of media: clients do not notice, and nothing is left of them."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest

from media.transport.tcp import TcpPort
from media.transport.tcp_frames import framed
from tests.hostile.streams import CHECK
from tests.support.peer import IN_TIME
from tests.support.plane import Plane, running_plane
from tests.support.tcp_peer import Stream
from tests.support.waiting import eventually

STRANGERS = 300
NOISE = b"\xee" + os.urandom(1399)  # its first bytes are never the length of a frame that may come
SAYINGS = (b"", NOISE, b"\xff\xff" + bytes(60_000), framed(CHECK, 20) * 40, b"\0\1\0" * 400)


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url) as plane:
        yield plane


async def test_clients_of_both_transports_go_on_beside_strangers(plane: Plane) -> None:
    publisher = await plane.connected(publishes=True)
    viewers = [await plane.connected(publishes=False, tcp=tcp) for tcp in (False, True)]
    port = cast(TcpPort, plane.ports.tcp)
    address = ("127.0.0.1", port.number)
    strangers = []
    for number in range(STRANGERS):
        stranger = await Stream.open(address, source=f"127.0.2.{1 + number % 50}")
        stranger.send_bytes(SAYINGS[number % len(SAYINGS)])
        strangers.append(stranger)
        if number % 30 == 0:
            began = time.process_time()  # not of the clock: other tests have the processor, too
            for viewer in viewers:
                await viewer.gets_media_of(publisher)
            assert time.process_time() - began < 1.0
    talkers = [stranger for number, stranger in enumerate(strangers) if SAYINGS[number % len(SAYINGS)]]
    await asyncio.gather(*(stranger.ended() for stranger in talkers))
    await eventually("only the silent ones are left", lambda: len(port) == STRANGERS // 5 + 1, IN_TIME)
    for viewer in viewers:
        await viewer.gets_media_of(publisher)
    for stranger in strangers:
        stranger.close()
    await eventually("no stranger is left", lambda: len(port) == 1, IN_TIME)
