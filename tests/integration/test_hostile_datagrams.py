"""Datagrams that strangers and clients send to do harm, on a real socket: they do nothing."""

import asyncio
import os
import random
from collections.abc import AsyncIterator

import pytest

from tests.support.peer import Peer
from tests.support.plane import Plane, running_plane


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url) as plane:
        yield plane


def hostile_datagrams() -> list[bytes]:
    chance = random.Random(1)
    made = [b"", b"\x00", b"\x80", b"\x16"]
    for first in (0, 1, 3, 4, 20, 22, 23, 63, 64, 127, 128, 129, 144, 191, 192, 255):
        for size in (1, 7, 12, 13, 19, 20, 40, 200, 1472, 1501, 2048, 4000):
            made.append(bytes((first,)) + chance.randbytes(size - 1))
            made.append(bytes((first, 200)) + chance.randbytes(size))
    record = b"\x16\xfe\xfd" + bytes(8)
    made += [record + len(body).to_bytes(2) + body for body in (b"", b"\x01", bytes(50), os.urandom(300))]
    made.append(b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28")  # a fatal alert, in the clear
    made.append(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12))  # STUN without a name
    return made


@pytest.mark.parametrize("source", ["stranger", "publisher", "viewer"])
async def test_hostile_datagrams_do_nothing(plane: Plane, source: str) -> None:
    publisher, viewer = await plane.pair()
    stranger = Peer(publishes=False)
    stranger._server = publisher._server
    await stranger.move()
    peer = {"publisher": publisher, "viewer": viewer, "stranger": stranger}[source]
    addresses = dict(plane.media.demux._by_address)
    for datagram in hostile_datagrams():
        peer.send(datagram)
        await asyncio.sleep(0)
    await viewer.gets_media_of(publisher)
    assert plane.subscribers == 1
    assert plane.media.demux._by_address == addresses
    stranger.close()


async def test_a_flood_of_records_that_nobody_can_read_leaves_a_session_able_to_connect(plane: Plane) -> None:
    peer = plane.peer(publishes=True)
    await peer.take((await plane.ask(peer, publishes=True)).sdp)
    assert await peer.check()
    for number in range(2000):
        peer.send(b"\x17\xfe\xfd\x00\x01" + number.to_bytes(6) + b"\x00\x20" + os.urandom(32))
    await peer.shake_hands()
